"""Mixed precision with paddle 2.3.

What         `amp` is on for PP-YOLOE, and paddlepaddle 2.3 is installed.
Why          Users of paddle 2.3 got NaN, and then a target of -1 in the DFL, when they trained PP-YOLOE with amp; the
             maintainers advise to go without, or to take another release. `tools/train.py --amp` switches it on as
             well, which no yml shows.
Example      `amp: true` with paddlepaddle 2.3.2.
Fix safety   safe: full precision is slower, and right.
References   PaddlePaddle/PaddleDetection#6093.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Fix, Severity, Skipped
from patchkit.recipes.surroundings import PaddleSurroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.paddle.config import PADDLE, PaddleConfig


def check(config: PaddleConfig, around: PaddleSurroundings) -> Iterator[Finding | Skipped]:
    if not config.is_ppyoloe:
        return
    is_on = config.value("amp") is True
    if around.paddle is None:
        if is_on:
            yield Skipped("amp is on, and which release of paddlepaddle is installed is not known")
    elif around.paddle.split(".")[:2] == ["2", "3"]:
        if is_on:
            message = f"amp is on, {config.origin('amp')}, and paddlepaddle {around.paddle} is installed"
            fix = Fix("amp: False", {"amp": False})
            yield Finding(message, config.span("amp"), "PaddlePaddle/PaddleDetection#6093", fix)
        else:
            yield Skipped(f"paddlepaddle {around.paddle} is installed: do not train with --amp (PaddleDetection#6093)")


RULE = Rule(
    __name__,
    Severity.WARNING,
    (PADDLE,),
    check,
    (Example("amp: true\nPPYOLOEHead: {}\n", "amp: False\nPPYOLOEHead: {}\n", {"paddle": "2.3.2"}),),
)
