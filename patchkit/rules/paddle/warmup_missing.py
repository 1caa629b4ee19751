"""The learning rate has no warm-up.

What         The schedulers name no warm-up behind the decay, or the decay says `use_warmup: False`.
Why          PaddleDetection takes schedulers[0] as the decay and schedulers[1] as the warm-up. Without the second one
             it fails with an IndexError, unless the decay says `use_warmup: False`. Then the training starts at the
             full learning rate, and PP-YOLOE on several GPUs may end in NaN. A list in the file replaces the one of a
             base as a whole: a warm-up is often lost when only the decay is written anew.
Example      `schedulers: [{name: CosineDecay, max_epochs: 96}]`
Fix safety   safe where the training would fail: adds 5 epochs, as PP-YOLOE has, or a sixteenth of a
             training of fewer than 80, one at least.
             Unsafe for `use_warmup: False`, which fine-tuning may want.
References   PaddleDetection 2.6 ppdet/optimizer/optimizer.py, LearningRate.__call__; arXiv:1706.02677, section 2.2.
"""

from collections.abc import Iterator
from typing import Any

from patchkit.findings import Finding, Fix, Severity
from patchkit.recipes.surroundings import PaddleSurroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.paddle.config import PADDLE, PaddleConfig
from patchkit.subjects.paddle.values import Tagged

EVIDENCE = "PaddleDetection 2.6 ppdet/optimizer/optimizer.py, LearningRate.__call__: schedulers[1] is the warm-up"


def check(config: PaddleConfig, around: PaddleSurroundings) -> Iterator[Finding]:
    schedulers = config.schedulers
    if not schedulers:
        return
    decay, span = schedulers[0], config.span("LearningRate.schedulers")
    place = config.origin("LearningRate.schedulers")
    is_unused = config.value(f"{decay.path}.use_warmup") is False
    if "Warmup" in decay.name:
        yield Finding(f"the first scheduler is {decay.name}, {place}, where the decay must be", span, EVIDENCE)
    elif is_unused and config.is_ppyoloe:
        values: dict[str, Any] = {f"{decay.path}.use_warmup": True}
        if len(schedulers) == 1:
            values["LearningRate.schedulers.1"] = _warmup(config)
        message = f"use_warmup of {decay.name} is off, {place}: the training starts at the full learning rate"
        span = config.span(f"{decay.path}.use_warmup")
        fix = Fix("use_warmup: True", values, safe=False)
        yield Finding(message, span, EVIDENCE, fix, Severity.WARNING)
    elif not is_unused and len(schedulers) == 1:
        warmup = _warmup(config)
        message = f"the schedulers hold {decay.name} and no warm-up, {place}: the training fails with an IndexError"
        fix = Fix("LinearWarmup behind the decay", {"LearningRate.schedulers.1": warmup})
        yield Finding(message, span, EVIDENCE, fix)


def _warmup(config: PaddleConfig) -> Any:
    """A warm-up in the form that the other scheduler has."""
    epochs = max(min(5, round((config.epochs or 80) / 16)), 1)
    values = {"start_factor": 0.0, "epochs": epochs}
    return Tagged("!LinearWarmup", values) if config.schedulers[0].is_tagged else {"name": "LinearWarmup", **values}


_DECAY = "epoch: 80\nLearningRate:\n  schedulers:\n  - name: CosineDecay\n    max_epochs: 96\n"

RULE = Rule(
    __name__,
    Severity.ERROR,
    (PADDLE,),
    check,
    (
        Example(_DECAY, f"{_DECAY}  - name: LinearWarmup\n    start_factor: 0.0\n    epochs: 5\n"),
        Example(
            "epoch: 30\nLearningRate: {schedulers: [!CosineDecay {max_epochs: 36}]}\n",
            "epoch: 30\nLearningRate: {schedulers: [!CosineDecay {max_epochs: 36}, "
            "!LinearWarmup {start_factor: 0.0, epochs: 2}]}\n",
        ),
    ),
)
