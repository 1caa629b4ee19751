"""A coordinate is nan or inf.

What         A number after the label is nan, inf or -inf.
Why          A division by the size of an image that could not be read gives them. ultralytics drops the whole image;
             where they reach the loss, all weights become nan.
Example      `0 nan 0.5 0.2 0.2`
Fix safety   safe: `--fix` moves the row into the quarantine; the other rows of the image stay. `--undo` puts it back.
References   ultralytics 8.4.190 ultralytics/data/utils.py, verify_image_label: comparisons with nan are false.
"""

from collections.abc import Iterator
from dataclasses import replace
from math import isfinite

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import COCO, VOC, YOLO, Labels, Row
from patchkit.subjects.dataset.yolo_bounds import LOST, beyond, is_unchecked

VISIBILITY = "visibility"  # variant: no trainer minds what it is, as long as it is not 0


def check(labels: Labels, expected: Expected) -> Iterator[Finding]:
    for row in labels.rows:
        bad = [number for number in row.numbers if not isfinite(number)]
        if bad:
            variant = _variant(row, labels.dimensions) if labels.kind == YOLO else ""
            found = labels.found(
                row, f"a coordinate is {bad[0]}", f"row: {row.text}", variant=variant, movable=variant != VISIBILITY
            )
            yield replace(found, severity=Severity.NOTE) if variant == VISIBILITY else found


def _variant(row: Row, dimensions: int) -> str:
    """Of a pose: what no trainer checks is either a box that is lost, or a visibility."""
    found = beyond(row, dimensions)
    if not is_unchecked(row, dimensions) or (found and not found.variant):
        return ""
    return VISIBILITY if all(map(isfinite, row.numbers[:4])) else LOST


RULE = Rule(
    __name__,
    Severity.ERROR,
    (YOLO, COCO, VOC),
    check,
    (
        Example(
            "-- labels/train/a.txt --\n0 nan 0.5 0.2 0.2\n0 0.5 0.5 0.2 0.2\n",
            "-- labels/train/a.txt --\n0 0.5 0.5 0.2 0.2\n",
        ),
    ),
)
