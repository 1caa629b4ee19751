"""A coordinate is outside of the image.

What         In YOLO the centre of a box, its size, or a point of a polygon or pose is below 0 or above 1; in COCO and
             VOC the whole box is outside of its image. One that is not outside as a whole is edge-outside.
Why          Such an object is not in the image. ultralytics drops the whole image; other trainers train on boxes that
             no crop can hold.
Example      `0 1.4 0.5 0.2 0.2`
Fix safety   safe: `--fix` moves the row into the quarantine; the other rows of the image stay. `--undo` puts it back.
References   ultralytics 8.4.190 ultralytics/data/utils.py, verify_image_label.
"""

from collections.abc import Iterator
from math import isfinite

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import COCO, PIXELS, VOC, YOLO, Labels, Row, leaves_nothing, places


def check(labels: Labels, expected: Expected) -> Iterator[Finding]:
    for row in labels.rows:
        if row.form == "broken":
            continue
        if labels.kind != YOLO:
            if leaves_nothing(labels, row):
                yield labels.found(row, "the box is outside of its image", f"row: {row.text}")
            continue
        if row.form == "pose" and labels.dimensions == 3 and min(row.numbers[6::3], default=0) < 0:
            yield labels.found(row, f"a visibility is {min(row.numbers[6::3]):g}", f"row: {row.text}")
            continue
        outside = [number for number in _places(labels, row) if isfinite(number) and not 0 <= number <= 1]
        if outside and max(outside) <= PIXELS:
            yield labels.found(row, f"{outside[0]:g} is outside of the image (0 to 1)", f"row: {row.text}")


def _places(labels: Labels, row: Row) -> tuple[float, ...]:
    """What is negative of a size is told elsewhere: size-negative."""
    numbers = places(labels, row)
    if row.form == "polygon" or len(numbers) < 4:
        return numbers
    return (*numbers[:2], *(number for number in numbers[2:4] if number > 0), *numbers[4:])


RULE = Rule(
    __name__,
    Severity.ERROR,
    (YOLO, COCO, VOC),
    check,
    (
        Example(
            "-- labels/train/a.txt --\n0 1.4 0.5 0.2 0.2\n0 0.5 0.5 0.2 0.2\n",
            "-- labels/train/a.txt --\n0 0.5 0.5 0.2 0.2\n",
        ),
    ),
)
