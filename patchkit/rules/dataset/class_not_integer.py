"""A class index is no whole number.

What         The label of a row, or the category_id of an annotation of COCO, is a number with a fraction. A category_id
             that is written as 1.0 or true is a note.
Why          There is no class 3.5: columns are shifted, or a score stands first. ultralytics drops the whole image;
             trainers that convert to integers cut the fraction and train another class. 1.0 is what pandas makes of 1
             in a column that has gaps: the readers of COCO take it for 1, but not everything that reads it does.
Example      `0.5 0.5 0.5 0.2 0.2`
Fix safety   safe: `--fix` moves the row into the quarantine; the other rows of the image stay. `--undo` puts it back.
             1.0 and true are never moved.
References   THU-MIG/yolov10 ultralytics/data/utils.py, verify_image_label: no check of it.
"""

from collections.abc import Iterator
from dataclasses import replace
from math import isfinite

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import COCO, IS_WHOLE, NO_IMAGE, YOLO, Labels


def check(labels: Labels, expected: Expected) -> Iterator[Finding]:
    for row in labels.rows:
        if labels.kind == COCO:
            if row.form == "broken" and row.fault != NO_IMAGE:
                continue
            if row.variant == IS_WHOLE and not isinstance(row.label, float):
                if expected.labels is None or row.label in expected.labels:
                    message = f"{row.fault}, which readers take for {row.label}"
                    yield replace(
                        labels.found(row, message, f"row: {row.text}", variant=IS_WHOLE, movable=False),
                        severity=Severity.NOTE,
                    )
                continue
        if isinstance(row.label, float) and isfinite(row.label):
            what = "category_id" if labels.kind == COCO else "class"
            yield labels.found(row, f"{what} {row.label:g} is no whole number", f"row: {row.text}")


RULE = Rule(
    __name__,
    Severity.ERROR,
    (YOLO, COCO),
    check,
    (
        Example(
            "-- labels/train/a.txt --\n0.5 0.5 0.5 0.2 0.2\n0 0.5 0.5 0.2 0.2\n",
            "-- labels/train/a.txt --\n0 0.5 0.5 0.2 0.2\n",
        ),
    ),
)
