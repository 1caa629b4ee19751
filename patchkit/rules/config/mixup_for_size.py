"""Mixup does not fit the model size.

What         `mixup` differs from the value that this size was trained with.
Why          YOLOv10 M and B were trained with mixup 0.1, L and X with 0.15, N and S without; the default of every
             release is 0. The authors augment more, the larger the model.
Example      `mixup: 0.0` for yolov10x.
Fix safety   safe: sets the value of the recipe.
References   arXiv:2405.14458, Table 14; THU-MIG/yolov10#35, #364, #407, #500.
"""

from patchkit.findings import Severity
from patchkit.recipes.compare import differs_in
from patchkit.rule import Example, Rule
from patchkit.subjects.config import MODEL, TRAIN

RULE = Rule(
    __name__,
    Severity.WARNING,
    (TRAIN, MODEL),
    differs_in("mixup", why="how many images are mixed was chosen for this model"),
    (
        Example("model: yolov10x.yaml\nmixup: 0.0\n", "model: yolov10x.yaml\nmixup: 0.15\n"),
        Example("model: yolov10n.yaml\nmixup: 0.15\n", "model: yolov10n.yaml\nmixup: 0.0\n"),
    ),
)
