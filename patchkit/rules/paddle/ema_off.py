"""The average of the weights is off.

What         `use_ema` is not on for PP-YOLOE.
Why          PP-YOLOE is evaluated, saved and published with an exponential moving average of its weights. Without it
             the AP is that of the last step. The default of PaddleDetection is off.
Example      `use_ema: false`
Fix safety   safe: sets the published value.
References   configs/ppyoloe/_base_/ppyoloe_crn.yml, ppyoloe_plus_crn.yml and ppdet/engine/trainer.py of PaddleDetection
             2.6.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Fix, Severity
from patchkit.recipes.surroundings import PaddleSurroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.paddle.config import PADDLE, PaddleConfig

EVIDENCE = "configs/ppyoloe/_base_/ppyoloe_crn.yml and ppyoloe_plus_crn.yml of PaddleDetection 2.6: use_ema true"


def check(config: PaddleConfig, around: PaddleSurroundings) -> Iterator[Finding]:
    found = config.value("use_ema")
    if config.is_ppyoloe and not found:
        place = f"{config.shown('use_ema')}, {config.origin('use_ema')}"
        message = f"use_ema is {place}: PP-YOLOE is published with averaged weights"
        yield Finding(message, config.span("use_ema"), EVIDENCE, Fix("use_ema: True", {"use_ema": True}))


RULE = Rule(
    __name__,
    Severity.WARNING,
    (PADDLE,),
    check,
    (Example("use_ema: false\nPPYOLOEHead: {}\n", "use_ema: True\nPPYOLOEHead: {}\n"),),
)
