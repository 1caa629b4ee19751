"""A box reaches out of the image.

What         An edge of a box is outside by more than a thousandth of the image, and not the whole box. In YOLO the
             centre is in the image.
Why          ultralytics clips such a box in training and measures the whole of it in validation; torchvision trains on
             the part that no image has. Clip such boxes when the labels are made.
Example      `0 0.95 0.5 0.3 0.2`: the right edge is at 1.1.
Fix safety   there is none, because the object is real: clip its box.
References   ultralytics 8.4.190 ultralytics/data/augment.py: instances are clipped after a change of perspective.
"""

from collections.abc import Iterator
from math import isfinite

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import COCO, EDGE, VOC, YOLO, Box, Labels, Row, leaves_nothing


def check(labels: Labels, expected: Expected) -> Iterator[Finding]:
    for row in labels.rows:
        if row.box is None or row.form == "polygon":
            continue
        x, y, width, height = row.box
        if width < 0 or height < 0 or not _is_partly_inside(labels, row.box, row):
            continue
        beyond = {
            "left": width / 2 - x,
            "top": height / 2 - y,
            "right": x + width / 2 - 1,
            "bottom": y + height / 2 - 1,
        }
        far = [f"{edge} by {distance:.3g}" for edge, distance in beyond.items() if distance > EDGE]
        if far:
            message = f"the box reaches out of the image: {', '.join(far)} of the image"
            yield labels.found(row, message, f"row: {row.text}", movable=False)


def _is_partly_inside(labels: Labels, box: Box, row: Row) -> bool:
    """False for what another rule tells: coordinate-outside, coordinate-in-pixels or coordinate-not-finite."""
    if labels.kind != YOLO:
        return all(map(isfinite, box)) and not leaves_nothing(labels, row)
    x, y, width, height = box
    return 0 <= x <= 1 and 0 <= y <= 1 and max(width, height) <= 1


RULE = Rule(
    __name__,
    Severity.WARNING,
    (YOLO, COCO, VOC),
    check,
    (
        Example(
            "-- labels/train/a.txt --\n0 0.95 0.5 0.3 0.2\n0 0.5 0.5 0.2 0.2\n",
            "-- labels/train/a.txt --\n0 0.5 0.5 0.2 0.2\n",
        ),
    ),
)
