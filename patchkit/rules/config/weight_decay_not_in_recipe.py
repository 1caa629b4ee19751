"""The weight decay differs from the recipe.

What         `weight_decay` differs from the value that the model was trained with.
Why          What the optimizer gets is weight_decay * batch * accumulate / nbs: it follows the batch by itself, 4
             times the value at batch 256. Who divides or multiplies it by hand for more GPUs does so twice.
Example      `weight_decay: 0.002` for yolov10x at batch 256, where the optimizer gets 0.008.
Fix safety   safe: sets the value of the recipe, which is the one before the multiplication.
References   arXiv:2405.14458, Table 14; ultralytics 8.4.190 ultralytics/engine/trainer.py:321-322.
"""

from collections.abc import Iterator
from dataclasses import replace

from patchkit.findings import Finding, Severity
from patchkit.recipes.compare import differing
from patchkit.recipes.surroundings import Surroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.config import MODEL, TRAIN, TrainConfig


def check(config: TrainConfig, around: Surroundings) -> Iterator[Finding]:
    finding = differing(config, around, "weight_decay", "the release already multiplies it with the batch")
    if finding is not None:
        multiplied = "it is multiplied by batch * accumulate / nbs (in 8.4.190 ultralytics/engine/trainer.py:321-322)"
        yield replace(finding, evidence=f"{finding.evidence}; {multiplied}{_effective(config)}")


def _effective(config: TrainConfig) -> str:
    """What the optimizer gets, if that is known."""
    value, batch, nbs = config.number("weight_decay"), config.batch, config.number("nbs")
    if value is None or batch is None or not nbs:
        return ""
    accumulate = max(round(nbs / batch), 1)
    return f": {value * batch * accumulate / nbs:g} at batch {batch}"


RULE = Rule(
    __name__,
    Severity.WARNING,
    (TRAIN, MODEL),
    check,
    (
        Example(
            "model: yolov10x.yaml\nbatch: 256\nweight_decay: 0.002\n",
            "model: yolov10x.yaml\nbatch: 256\nweight_decay: 0.0005\n",
        ),
    ),
)
