"""Scale augmentation does not fit the model size.

What         `scale` differs from the value that this size was trained with.
Why          YOLOv10 M, B, L and X were trained with scale 0.9; the default of every release is 0.5. With the default
             the large models see too little variation in size, and their AP stays below the paper.
Example      `scale: 0.5` for yolov10x. In a *model* yaml `scale` is the letter of the size, and does nothing for this.
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
    differs_in("scale", why="the variation in size was chosen for this model"),
    (Example("model: yolov10x.yaml\nscale: 0.5\n", "model: yolov10x.yaml\nscale: 0.9\n"),),
)
