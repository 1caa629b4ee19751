"""A class index is no whole number.

What         The label of a row is a number with a fraction.
Why          There is no class 3.5: columns are shifted, or a score stands first. ultralytics drops the whole image;
             trainers that convert to integers cut the fraction and train another class.
Example      `0.5 0.5 0.5 0.2 0.2`
Fix safety   safe: `--fix` moves the row into the quarantine; the other rows of the image stay. `--undo` puts it back.
References   THU-MIG/yolov10 ultralytics/data/utils.py, verify_image_label: no check of it.
"""

from collections.abc import Iterator
from math import isfinite

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import YOLO, Labels


def check(labels: Labels, expected: Expected) -> Iterator[Finding]:
    for row in labels.rows:
        if isinstance(row.label, float) and isfinite(row.label):
            yield labels.found(row, f"class {row.label:g} is no whole number", f"row: {row.text}")


RULE = Rule(
    __name__,
    Severity.ERROR,
    (YOLO,),
    check,
    (
        Example(
            "-- labels/train/a.txt --\n0.5 0.5 0.5 0.2 0.2\n0 0.5 0.5 0.2 0.2\n",
            "-- labels/train/a.txt --\n0 0.5 0.5 0.2 0.2\n",
        ),
    ),
)
