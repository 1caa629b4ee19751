"""A coordinate is outside of the image.

What         In YOLO the centre of a box, its size, or a point of a pose is below 0 or above 1; of a polygon, the box
             around it is. Of the box of a pose, nearly nothing is in the image. In COCO and VOC the whole box is
             outside of its image: one that is not is edge-outside.
Why          Such an object is not in the image. ultralytics drops the whole image where it is more than a hundredth
             outside; other trainers train on boxes that no crop can hold.
Example      `0 1.4 0.5 0.2 0.2`
Fix safety   safe: `--fix` moves the row into the quarantine; the other rows of the image stay. `--undo` puts it back.
             Where it is a hundredth or less, and enough of the box is in the image, it is a warning, and its fix
             unsafe: ultralytics from 8.3.163 on clips the box, while the fork of YOLOv10 drops the image. Such a row is
             moved only where the fork is the trainer that was named or found, or with `--unsafe-fixes`.
References   ultralytics 8.4.190 ultralytics/data/utils.py, verify_image_label.
"""

from collections.abc import Iterator
from dataclasses import replace

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import COCO, PIXELS, VOC, YOLO, Labels, Row, largest, leaves_nothing
from patchkit.subjects.dataset.yolo_bounds import IN_PIXELS, TOLERATED, beyond


def check(labels: Labels, expected: Expected) -> Iterator[Finding]:
    for row in labels.rows:
        if row.form == "broken":
            continue
        if labels.kind == YOLO:
            yield from _of_yolo(labels, row)
            continue
        if leaves_nothing(labels, row):
            yield labels.found(row, "the box is outside of its image", f"row: {row.text}")


def _of_yolo(labels: Labels, row: Row) -> Iterator[Finding]:
    found = beyond(row, labels.dimensions)
    if found is None or (found.variant in IN_PIXELS and largest(labels, row) > PIXELS):
        return
    message = f"{found.number:g} is outside of the image (0 to 1)"
    if row.form == "pose" and labels.dimensions == 3 and found.number < 0 and found.number in row.numbers[6::3]:
        message = f"a visibility is {found.number:g}"
    if row.form == "polygon":
        message = f"the box around the polygon has {message.replace(' is', ', which is', 1)}"
    if found.variant == TOLERATED:
        message += ", by a hundredth or less"
        finding = labels.found(row, message, f"row: {row.text}", variant=TOLERATED)
        fix = replace(finding.fix, safe=False) if finding.fix else None
        yield replace(finding, severity=Severity.WARNING, fix=fix)
    else:
        yield labels.found(row, message, f"row: {row.text}", variant=found.variant)


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
