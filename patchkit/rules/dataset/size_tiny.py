"""A box is too small to be seen.

What         The width or the height of a box is less than a thousandth of the image: less than a pixel for a network
             that takes 640 pixels.
Why          It is a slip of the mouse, or a piece that a crop has left. Augmentation drops some of them, the others are
             noise.
Example      `0 0.5 0.5 0.0004 0.2`
Fix safety   there is none, because a tiny object may be meant.
References   ultralytics 8.4.190 ultralytics/data/augment.py, box_candidates: boxes below 2 pixels are dropped after a
             change of perspective.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import COCO, TINY, VOC, YOLO, Labels


def check(labels: Labels, expected: Expected) -> Iterator[Finding]:
    for row in labels.rows:
        if row.box is not None and 0 < min(row.box[2:]) < TINY:
            size = f"{row.box[2]:.2g} x {row.box[3]:.2g}"
            yield labels.found(row, f"the box is {size} of the image", f"row: {row.text}", movable=False)


RULE = Rule(
    __name__,
    Severity.NOTE,
    (YOLO, COCO, VOC),
    check,
    (
        Example(
            "-- labels/train/a.txt --\n0 0.5 0.5 0.0004 0.2\n0 0.5 0.5 0.2 0.2\n",
            "-- labels/train/a.txt --\n0 0.5 0.5 0.2 0.2\n",
        ),
    ),
)
