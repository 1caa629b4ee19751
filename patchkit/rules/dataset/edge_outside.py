"""A box reaches out of the image.

What         An edge of a box is outside by more than a thousandth of the image, and not the whole box; in YOLO the
             centre is in the image. So is an edge of the box around a polygon, or of the box of a pose of which more
             than a tenth is in the image.
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
from patchkit.subjects.dataset.labels import COCO, EDGE, VOC, YOLO, Labels, Row, leaves_nothing
from patchkit.subjects.dataset.yolo_bounds import beyond


def check(labels: Labels, expected: Expected) -> Iterator[Finding]:
    for row in labels.rows:
        if row.box is None or not _is_in(labels, row):
            continue
        x, y, width, height = row.box
        distances = {
            "left": width / 2 - x,
            "top": height / 2 - y,
            "right": x + width / 2 - 1,
            "bottom": y + height / 2 - 1,
        }
        far = [f"{edge} by {distance:.3g}" for edge, distance in distances.items() if distance > EDGE]
        if far:
            shape = "polygon" if labels.kind == YOLO and row.form == "polygon" else "box"
            message = f"the {shape} reaches out of the image: {', '.join(far)} of the image"
            variant = shape if shape == "polygon" else ""
            yield labels.found(row, message, f"row: {row.text}", variant=variant, movable=False)


def _is_in(labels: Labels, row: Row) -> bool:
    """False for what other rules tell: those for coordinates, and size-negative."""
    box = row.box or (0.0, 0.0, 0.0, 0.0)
    width, height = box[2:]
    if width < 0 or height < 0:
        return False
    if labels.kind == YOLO:
        return all(map(isfinite, row.numbers)) and not beyond(row, labels.dimensions)
    return row.form != "polygon" and all(map(isfinite, box)) and not leaves_nothing(labels, row)


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
