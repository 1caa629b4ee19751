"""A row has the wrong number of columns.

What         A row of a box has not 5 columns, one of a polygon not a class and at least three points, one of a pose not
             as many as `kpt_shape` says.
Why          A score was written too, or a number was lost. ultralytics drops the whole image.
Example      `0 0.5 0.5 0.2` and `0 0.5 0.5 0.2 0.2 0.91`
Fix safety   safe: `--fix` moves the row into the quarantine; the other rows of the image stay. `--undo` puts it back.
References   ultralytics 8.4.190 ultralytics/data/utils.py, verify_image_label: labels require 5 columns.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import YOLO, Labels


def check(labels: Labels, expected: Expected) -> Iterator[Finding]:
    wanted = f"{labels.columns}, as kpt_shape says" if labels.columns else "5 for a box, 7, 9, 11... for a polygon"
    for row in labels.rows:
        if row.form == "broken" and not row.fault:
            columns = 1 + len(row.numbers)
            variant = "too-few" if columns < (labels.columns or 5) else "too-many"
            message = f"{columns} columns, and not {wanted}"
            yield labels.found(row, message, f"row: {row.text}", variant=variant)


RULE = Rule(
    __name__,
    Severity.ERROR,
    (YOLO,),
    check,
    (
        Example(
            "-- labels/train/a.txt --\n0 0.5 0.5 0.2 0.2 0.91\n0 0.5 0.5 0.2 0.2\n",
            "-- labels/train/a.txt --\n0 0.5 0.5 0.2 0.2\n",
        ),
    ),
)
