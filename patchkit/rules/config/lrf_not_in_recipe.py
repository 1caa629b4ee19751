"""The learning rate ends elsewhere than in the recipe.

What         `lrf`, the last learning rate as a fraction of `lr0`, differs from the recipe.
Why          YOLOv10 goes from 0.01 to 0.0001 in a straight line. A larger `lrf` leaves the last epochs at learning
             rates that the authors had left behind, a smaller one idles longer.
Example      `lrf: 0.1` for yolov10x.
Fix safety   safe: sets the value of the recipe. `lrf` is a fraction, so it needs no scaling with the batch.
References   arXiv:2405.14458, Table 14.
"""

from patchkit.findings import Severity
from patchkit.recipes.compare import differs_in
from patchkit.rule import Example, Rule
from patchkit.subjects.config import MODEL, TRAIN

RULE = Rule(
    __name__,
    Severity.WARNING,
    (TRAIN, MODEL),
    differs_in("lrf", why="the learning rate is to fall to this fraction of lr0"),
    (Example("model: yolov10x.yaml\nlrf: 0.1\n", "model: yolov10x.yaml\nlrf: 0.01\n"),),
)
