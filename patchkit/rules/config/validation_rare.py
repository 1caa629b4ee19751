"""The training is validated only every few epochs.

What         `val_period` is above 1. Only the YOLOv10 fork (THU-MIG/yolov10) has this option.
Why          best.pt is chosen among the validated epochs only, and a fall of the AP is seen late. The fork validates
             each of the last epochs whatever the period is.
Example      `val_period: 10`.
Fix safety   unsafe: it costs the time of the validation, and early stopping sees other epochs.
References   THU-MIG/yolov10@453c6e38, ultralytics/engine/trainer.py:428 and ultralytics/cfg/default.yaml:17.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Fix, Severity
from patchkit.recipes.surroundings import Surroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.config import TRAIN, TrainConfig


def check(config: TrainConfig, _: Surroundings) -> Iterator[Finding]:
    period = config.number("val_period")
    if period is None or period <= 1:
        return
    message = (
        f"val_period is {period:g}, {config.origin('val_period')}: best.pt is chosen among every {period:g}th epoch, "
        "and a falling AP is seen late"
    )
    evidence = "THU-MIG/yolov10@453c6e38, ultralytics/engine/trainer.py:428"
    yield Finding(message, config.span("val_period"), evidence, Fix("val_period: 1", {"val_period": 1}, safe=False))


RULE = Rule(
    __name__,
    Severity.NOTE,
    (TRAIN,),
    check,
    (Example("epochs: 500\nval_period: 10\n", "epochs: 500\nval_period: 1\n"),),
)
