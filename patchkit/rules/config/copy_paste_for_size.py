"""Copy-paste does not fit the model size.

What         `copy_paste` differs from the value that this size was trained with.
Why          YOLOv10 M and B were trained with copy_paste 0.1, L and X with 0.3, N and S without; the default of every
             release is 0. It pastes objects along their polygons: labels that are boxes only are left as they are,
             whatever the value, so the recipe needs the segmentation labels of COCO.
Example      `copy_paste: 0.0` for yolov10x.
Fix safety   safe: sets the value of the recipe, which does nothing where there are no polygons.
References   arXiv:2405.14458, Table 14; ultralytics 8.4.190 ultralytics/data/augment.py:1982.
"""

from patchkit.findings import Severity
from patchkit.recipes.compare import differs_in
from patchkit.rule import Example, Rule
from patchkit.subjects.config import MODEL, TRAIN

RULE = Rule(
    __name__,
    Severity.WARNING,
    (TRAIN, MODEL),
    differs_in(
        "copy_paste",
        why="how many objects are pasted was chosen for this model; it has no effect on labels without polygons",
    ),
    (
        Example("model: yolov10x.yaml\ncopy_paste: 0.0\n", "model: yolov10x.yaml\ncopy_paste: 0.3\n"),
        Example("model: yolov10s.yaml\ncopy_paste: 0.3\n", "model: yolov10s.yaml\ncopy_paste: 0.0\n"),
    ),
)
