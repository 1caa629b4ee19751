"""Colour, shift or mosaic augmentation differs from the recipe.

What         `hsv_h`, `hsv_s`, `hsv_v`, `translate` or `mosaic` differs from the value that the model was trained
             with.
Why          These are the same for all sizes of YOLOv10, and the defaults of every release. A changed value is often
             meant for other data, where it may be right: hence a note. It does not reproduce the paper on COCO.
Example      `mosaic: 0.5` for yolov10x.
Fix safety   safe: sets the value of the recipe.
References   arXiv:2405.14458, Table 14.
"""

from patchkit.findings import Severity
from patchkit.recipes.compare import differs_in
from patchkit.rule import Example, Rule
from patchkit.subjects.config import MODEL, TRAIN

RULE = Rule(
    __name__,
    Severity.NOTE,
    (TRAIN, MODEL),
    differs_in("hsv_h", "hsv_s", "hsv_v", "translate", "mosaic", why="the recipe was found with it"),
    (
        Example("model: yolov10x.yaml\nmosaic: 0.5\n", "model: yolov10x.yaml\nmosaic: 1.0\n"),
        Example(
            "model: yolov10x.yaml\nhsv_h: 0.0\nhsv_s: 0.5\nhsv_v: 0.3\ntranslate: 0.2\n",
            "model: yolov10x.yaml\nhsv_h: 0.015\nhsv_s: 0.7\nhsv_v: 0.4\ntranslate: 0.1\n",
        ),
    ),
)
