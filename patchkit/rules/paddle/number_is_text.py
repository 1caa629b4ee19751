"""A number, or true or false, is text.

What         A value that must be a number is written like 1e-3, without a dot, or in quotes: base_lr, max_epochs and
             the epochs of the warm-up, momentum, the factor of the regularizer, epoch, batch_size, num_classes,
             static_assigner_epoch. Or `use_ema` or `amp` is text.
Why          YAML 1.1 takes 1e-3 for a word. PaddleDetection reads with PyYAML, and computes with the word when the
             schedule, the optimizer or the reader is built: a TypeError before the first step. `use_ema: "False"` is
             on: to Python every text but the empty one is true.
Example      `base_lr: 1e-3`, which must be 0.001 or 1.0e-3; `batch_size: "8"`.
Fix safety   safe: writes the same number; True or False for the words that mean one. No fix for other text.
References   YAML 1.1, tags float and bool; PaddleDetection 2.6 ppdet/optimizer/optimizer.py, LinearWarmup and
             CosineDecay; ppdet/engine/trainer.py.
"""

import math
from collections.abc import Iterator

from patchkit.findings import Finding, Fix, Severity
from patchkit.recipes.surroundings import PaddleSurroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.paddle.config import PADDLE, PaddleConfig

NUMBERS = ("LearningRate.base_lr", "OptimizerBuilder.optimizer.momentum", "OptimizerBuilder.regularizer.factor")
COUNTS = ("epoch", "TrainReader.batch_size", "num_classes", "PPYOLOEHead.static_assigner_epoch")
TRUTHS = ("use_ema", "amp")
WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def check(config: PaddleConfig, around: PaddleSurroundings) -> Iterator[Finding]:
    of_schedulers = [f"{one.path}.{key}" for one in config.schedulers for key in ("max_epochs", "epochs")]
    for key in (*NUMBERS, *COUNTS, *of_schedulers, *TRUTHS):
        value = config.value(key)
        if not isinstance(value, str):
            continue
        meant = WORDS.get(value.strip().lower()) if key in TRUTHS else _number(value, is_whole=key not in NUMBERS)
        fix = None if meant is None else Fix(f"{key}: {meant}", {key: meant})
        needed = "true or false is needed, and any text is true" if key in TRUTHS else "a number is needed"
        message = f"{key} is the text {config.shown(key)}, {config.origin(key)}, where {needed}"
        yield Finding(message, config.span(key), "YAML 1.1: no quotes, and a dot in a number with an exponent", fix)


def _number(text: str, *, is_whole: bool) -> float | int | None:
    try:
        number = float(text)
    except ValueError:
        return None
    if not math.isfinite(number) or (is_whole and not number.is_integer()):
        return None
    return int(number) if is_whole else number


RULE = Rule(
    __name__,
    Severity.ERROR,
    (PADDLE,),
    check,
    (
        Example("LearningRate:\n  base_lr: 1e-3 # fast\n", "LearningRate:\n  base_lr: 0.001 # fast\n"),
        Example("TrainReader:\n  batch_size: '8'\nuse_ema: 'on'\n", "TrainReader:\n  batch_size: 8\nuse_ema: True\n"),
    ),
)
