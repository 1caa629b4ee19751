"""Coordinates are pixels.

What         A coordinate is larger than 2, so that it is no part of the image's width or height.
Why          YOLO labels are divided by the size of the image. ultralytics drops the whole image; of a pose
             whose points are sound, the box.
Example      `0 320.5 240.0 101.0 88.0`
Fix safety   safe: `--fix` moves the row into the quarantine; the other rows of the image stay. `--undo` puts it back.
             Better convert them all: divide x and width by the image's width, y and height by its height.
References   ultralytics 8.4.190 ultralytics/data/utils.py, verify_image_label: non-normalized coordinates.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import PIXELS, YOLO, Labels, largest
from patchkit.subjects.dataset.yolo_bounds import IN_PIXELS, beyond


def check(labels: Labels, expected: Expected) -> Iterator[Finding]:
    for row in (row for row in labels.rows if row.form != "broken"):
        number = largest(labels, row)
        found = beyond(row, labels.dimensions) if number > PIXELS else None
        if found and found.variant in IN_PIXELS:
            message = f"coordinates are pixels: {number:g}"
            yield labels.found(row, message, f"row: {row.text}", variant=found.variant)


RULE = Rule(
    __name__,
    Severity.ERROR,
    (YOLO,),
    check,
    (
        Example(
            "-- labels/train/a.txt --\n0 320.5 240.0 101.0 88.0\n0 0.5 0.5 0.2 0.2\n",
            "-- labels/train/a.txt --\n0 0.5 0.5 0.2 0.2\n",
        ),
    ),
)
