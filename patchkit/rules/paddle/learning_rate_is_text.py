"""The learning rate is text.

What         `LearningRate.base_lr` is written like 1e-3, without a dot, or in quotes.
Why          YAML 1.1 takes 1e-3 for a word. PaddleDetection reads with PyYAML, and multiplies the word by a number when
             the schedule is built: a TypeError before the first step.
Example      `base_lr: 1e-3`, which must be 0.001 or 1.0e-3.
Fix safety   safe: writes the same number.
References   YAML 1.1, tag float; PaddleDetection 2.6 ppdet/optimizer/optimizer.py, LinearWarmup and CosineDecay.
"""

import math
from collections.abc import Iterator

from patchkit.findings import Finding, Fix, Severity
from patchkit.recipes.surroundings import PaddleSurroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.paddle.config import PADDLE, PaddleConfig

KEY = "LearningRate.base_lr"


def check(config: PaddleConfig, around: PaddleSurroundings) -> Iterator[Finding]:
    value = config.value(KEY)
    if not isinstance(value, str):
        return
    number = _number(value)
    fix = None if number is None else Fix(f"{KEY}: {number:g}", {KEY: number})
    message = f"{KEY} is the text {value!r}, {config.origin(KEY)}, where a number is needed"
    yield Finding(message, config.span(KEY), "YAML 1.1: a number with an exponent needs a dot", fix)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


RULE = Rule(
    __name__,
    Severity.ERROR,
    (PADDLE,),
    check,
    (Example("LearningRate:\n  base_lr: 1e-3 # fast\n", "LearningRate:\n  base_lr: 0.001 # fast\n"),),
)
