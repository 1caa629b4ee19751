"""The release cannot build the model.

What         The model is a YOLOv10, and the release is older than 8.2.38.
Why          YOLOv10 came into ultralytics with 8.2.38. Older releases know neither cfg/models/v10 nor the modules that
             it names, v10Detect among them: neither the yaml nor the weights can be loaded.

             8.1.34 is passed over. The fork of the authors (THU-MIG/yolov10), which has the model, calls itself so,
             and the number does not tell it from the release.
Example      `model: yolov10x.yaml` with 8.1.0.
Fix safety   no fix: another release is needed, or the fork.
References   ultralytics 8.2.38, cfg/models/v10 and nn/modules/head.py (v10Detect); 8.2.37 has neither.
"""

from collections.abc import Iterator
from pathlib import Path

from patchkit.findings import Finding, Severity
from patchkit.recipes.surroundings import Surroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.config import MODEL, TRAIN, TrainConfig

BUILT_FROM = (8, 2, 38)
FORK = (8, 1, 34)
HEAD = "v10Detect"


def check(config: TrainConfig, _: Surroundings) -> Iterator[Finding]:
    release = config.release
    if release.number >= BUILT_FROM or release.number == FORK or not _is_yolov10(config):
        return
    message = f"{release.label} cannot build YOLOv10, which came with 8.2.38: upgrade, or take THU-MIG/yolov10"
    evidence = "ultralytics 8.2.38 is the first with cfg/models/v10 and v10Detect"
    yield Finding(message, config.span("model"), evidence)


def _is_yolov10(config: TrainConfig) -> bool:
    if config.kind == MODEL:
        return HEAD in config.file.text or config.file.path.name.startswith("yolov10")
    named = config.value("model")  # before the model of a recipe that is named on the command line
    return Path(str(named or config.model)).name.startswith("yolov10")


RULE = Rule(
    __name__,
    Severity.WARNING,
    (TRAIN, MODEL),
    check,
    (Example("model: yolov10x.yaml\nepochs: 500\n", "model: yolov8x.yaml\nepochs: 500\n", {"release": "8.1.0"}),),
)
