"""A label file is not UTF-8.

What         A line has bytes that are no UTF-8.
Why          ultralytics opens label files as UTF-8 and drops the whole image; elsewhere it depends on the locale of the
             machine, so that a training works in one container and fails in another.
Example      a comment with an accent in Latin-1
Fix safety   safe: `--fix` moves the row into the quarantine; the other rows of the image stay. `--undo` puts it back.
References   ultralytics 8.4.190 ultralytics/data/utils.py, verify_image_label.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import YOLO, Labels


def check(labels: Labels, expected: Expected) -> Iterator[Finding]:
    lines = set(labels.undecodable)
    for row in labels.rows:
        if row.line in lines:
            yield labels.found(row, "the line is not UTF-8", f"row: {row.text}")


RULE = Rule(
    __name__,
    Severity.ERROR,
    (YOLO,),
    check,
    (
        Example(
            "-- labels/train/a.txt --\n0 0.5 0.5 0.2 0.2 caf\udce9\n0 0.5 0.5 0.2 0.2\n",
            "-- labels/train/a.txt --\n0 0.5 0.5 0.2 0.2\n",
        ),
    ),
)
