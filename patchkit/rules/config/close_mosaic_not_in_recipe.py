"""Mosaic is switched off at another time than in the recipe.

What         `close_mosaic`, the number of last epochs without mosaic, differs from the recipe.
Why          The last epochs are to see whole images, as validation does. 0 never switches mosaic off; many epochs
             take away variation that the large models need. The default is 10, but 0 from 8.0.72 to 8.0.125.
Example      `close_mosaic: 0` for yolov10x.
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
    differs_in("close_mosaic", why="the last epochs are to see images as validation does"),
    (Example("model: yolov10x.yaml\nclose_mosaic: 0\n", "model: yolov10x.yaml\nclose_mosaic: 10\n"),),
)
