"""A box has a negative width or height.

What         The width or the height of a box is below 0.
Why          The corners were exchanged, or the box was subtracted the wrong way round. ultralytics drops the whole
             image; torchvision stops in the middle of the training.
Example      `0 0.5 0.5 -0.1 0.2`
Fix safety   safe: `--fix` moves the row into the quarantine; the other rows of the image stay. `--undo` puts it back.
References   ultralytics 8.4.190 ultralytics/data/utils.py, verify_image_label: negative label values.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import COCO, VOC, YOLO, Labels, size


def check(labels: Labels, expected: Expected) -> Iterator[Finding]:
    for row in labels.rows:
        sides = size(labels, row)
        if min(sides, default=0) < 0:
            which = "width" if sides[0] < 0 else "height"
            yield labels.found(row, f"the {which} is negative", f"row: {row.text}")


RULE = Rule(
    __name__,
    Severity.ERROR,
    (YOLO, COCO, VOC),
    check,
    (
        Example(
            "-- labels/train/a.txt --\n0 0.5 0.5 -0.1 0.2\n0 0.5 0.5 0.2 0.2\n",
            "-- labels/train/a.txt --\n0 0.5 0.5 0.2 0.2\n",
        ),
    ),
)
