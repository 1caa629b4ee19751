"""The parts of the loss are weighed otherwise than in the recipe.

What         `box`, `cls` or `dfl` differs from the gain that the model was trained with.
Why          The gains weigh the three parts against each other; together they scale the gradient, as lr0 does, up to
             the norm of 10 at which it is clipped.
Example      `cls: 1.0` for yolov10x.
Fix safety   safe: sets the value of the recipe.
References   arXiv:2405.14458, Table 14; ultralytics 8.4.190 ultralytics/utils/loss.py:483-485.
"""

from patchkit.findings import Severity
from patchkit.recipes.compare import differs_in
from patchkit.rule import Example, Rule
from patchkit.subjects.config import MODEL, TRAIN

RULE = Rule(
    __name__,
    Severity.WARNING,
    (TRAIN, MODEL),
    differs_in("box", "cls", "dfl", why="the gains weigh the parts of the loss against each other"),
    (
        Example(
            "model: yolov10x.yaml\nbox: 0.05\ncls: 1.0\ndfl: 1.0\n",
            "model: yolov10x.yaml\nbox: 7.5\ncls: 0.5\ndfl: 1.5\n",
        ),
    ),
)
