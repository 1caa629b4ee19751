"""What each trainer does with each kind of defect: the table in fates.json, by rule and trainer."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

from patchkit.errors import TargetRefused
from patchkit.findings import Fate, Finding

OUTCOMES = {
    "crash": "stops the training",
    "wrong-class": "trains the wrong class, silently",
    "wrong-box": "trains a wrong box, silently",
    "drops-image": "drops the whole image",
    "drops-row": "drops the row",
    "trains-on-it": "trains on it",
    "mended": "mends it",
    "ignored": "is not affected",
}
TRAINERS = ("ultralytics", "yolov10", "paddledetection", "mlcommons", "torchvision", "crossentropy")
