"""The training is not validated.

What         `val` is false.
Why          Only the last epoch is validated then. A fall of the AP, the usual sign of a multi-GPU recipe gone wrong,
             is seen when the training is over; best.pt is no choice among epochs, and early stopping has nothing to
             look at.
Example      `val: false`.
Fix safety   unsafe: it costs the time of the validation, and early stopping may end the training.
References   ultralytics 8.0.35, engine/trainer.py:344; 8.2.50, engine/trainer.py:428; 8.4.190, engine/trainer.py:653.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Fix, Severity
from patchkit.recipes.surroundings import Surroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.config import TRAIN, TrainConfig


def check(config: TrainConfig, _: Surroundings) -> Iterator[Finding]:
    if config.value("val") is not False:
        return
    message = f"val is false, {config.origin('val')}: only the last epoch is validated, and nothing shows a falling AP"
    evidence = "ultralytics 8.2.50, engine/trainer.py:428: without val, validation waits for the last epoch"
    yield Finding(message, config.span("val"), evidence, Fix("val: true", {"val": True}, safe=False))


RULE = Rule(
    __name__,
    Severity.WARNING,
    (TRAIN,),
    check,
    (Example("epochs: 500\nval: no\n", "epochs: 500\nval: True\n"),),
)
