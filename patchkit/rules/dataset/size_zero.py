"""A box has no width or no height.

What         The width or the height of a box, or of the extent of a polygon, is 0.
Why          ultralytics lets it through its check and drops it without a word when the image is augmented, so that the
             object is background there and a label in validation. torchvision stops with `All bounding boxes should
             have positive height and width`, in the middle of the training.
Example      `0 0.5 0.5 0 0.2`
Fix safety   safe: `--fix` moves the row into the quarantine; the other rows of the image stay. `--undo` puts it back.
References   torchvision 0.29.1 torchvision/models/detection/generalized_rcnn.py and retinanet.py: degenerate boxes.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import COCO, VOC, YOLO, Labels, size


def check(labels: Labels, expected: Expected) -> Iterator[Finding]:
    for row in labels.rows:
        sides = size(labels, row)
        if 0 in sides and min(sides) >= 0:
            which = "width" if sides[0] == 0 else "height"
            yield labels.found(row, f"the {which} is 0", f"row: {row.text}")


RULE = Rule(
    __name__,
    Severity.ERROR,
    (YOLO, COCO, VOC),
    check,
    (
        Example(
            "-- labels/train/a.txt --\n0 0.5 0.5 0 0.2\n0 0.5 0.5 0.2 0.2\n",
            "-- labels/train/a.txt --\n0 0.5 0.5 0.2 0.2\n",
        ),
    ),
)
