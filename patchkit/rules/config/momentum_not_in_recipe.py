"""The momentum differs from the recipe.

What         `momentum` differs from the value that the model was trained with.
Why          SGD takes steps of about lr0 / (1 - momentum): from 0.937 to 0.9 they shrink by over a third, to 0.95
             they grow by a quarter. Under `optimizer: auto` the value still counts for SGD and MuSGD: auto starts at
             0.9, but warm-up then leads to `momentum`.
Example      `momentum: 0.9` for yolov10x.
Fix safety   safe: sets the value of the recipe.
References   arXiv:2405.14458, Table 14; ultralytics 8.4.190 ultralytics/engine/trainer.py:538.
"""

from patchkit.findings import Severity
from patchkit.recipes.compare import differs_in
from patchkit.rule import Example, Rule
from patchkit.subjects.config import MODEL, TRAIN

RULE = Rule(
    __name__,
    Severity.WARNING,
    (TRAIN, MODEL),
    differs_in("momentum", why="it sets the length of every step, together with lr0"),
    (Example("model: yolov10x.yaml\nmomentum: 0.9\n", "model: yolov10x.yaml\nmomentum: 0.937\n"),),
)
