"""No checkpoint is saved before the last epoch.

What         `save` is false.
Why          last.pt and best.pt are written once, after the last epoch. A training that breaks off, which a job on
             several GPUs does sooner or later, cannot be resumed, and best.pt is the last epoch, not the best one.
Example      `save: false`.
Fix safety   safe: files are written, the training is the same.
References   ultralytics 8.0.35, engine/trainer.py:350; 8.2.50, engine/trainer.py:436; 8.4.190, engine/trainer.py:671.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Fix, Severity
from patchkit.recipes.surroundings import Surroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.config import TRAIN, TrainConfig


def check(config: TrainConfig, _: Surroundings) -> Iterator[Finding]:
    if config.value("save") is not False:
        return
    message = (
        f"save is false, {config.origin('save')}: no checkpoint exists before the last epoch, "
        "and a training that breaks off cannot be resumed"
    )
    evidence = "ultralytics 8.2.50, engine/trainer.py:436: without save, only the last epoch is written"
    yield Finding(message, config.span("save"), evidence, Fix("save: true", {"save": True}))


RULE = Rule(
    __name__,
    Severity.WARNING,
    (TRAIN,),
    check,
    (Example("epochs: 500\nsave: off\n", "epochs: 500\nsave: True\n"),),
)
