"""A coordinate is no number.

What         What stands after the label cannot be read as a number.
Why          The row is text, or a separator other than a space was used. ultralytics drops the whole image.
Example      `0 0,5 0,5 0,2 0,2`
Fix safety   safe: `--fix` moves the row into the quarantine; the other rows of the image stay. `--undo` puts it back.
References   ultralytics 8.4.190 ultralytics/data/utils.py, verify_image_label.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import YOLO, Labels


def check(labels: Labels, expected: Expected) -> Iterator[Finding]:
    for row in labels.rows:
        if row.form == "broken" and row.fault:
            yield labels.found(row, row.fault, f"row: {row.text}")


RULE = Rule(
    __name__,
    Severity.ERROR,
    (YOLO,),
    check,
    (
        Example(
            "-- labels/train/a.txt --\n0 0,5 0,5 0,2 0,2\n0 0.5 0.5 0.2 0.2\n",
            "-- labels/train/a.txt --\n0 0.5 0.5 0.2 0.2\n",
        ),
    ),
)
