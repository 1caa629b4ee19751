"""A file has rows of boxes and rows of polygons.

What         Some rows of a file have 5 columns, others are polygons.
Why          Once one row is a polygon, ultralytics reads every row as points: a box is two points, and what is left of
             it is wrong or the whole image is dropped.
Example      `0 0.5 0.5 0.2 0.2` above `0 0.1 0.1 0.2 0.1 0.2 0.2`
Fix safety   there is none: only you know which rows are meant. Write all of them in one form.
References   ultralytics 8.4.190 ultralytics/data/utils.py, verify_image_label: is_segment.
"""

from collections.abc import Iterator
from dataclasses import replace

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import YOLO, Labels


def check(labels: Labels, expected: Expected) -> Iterator[Finding]:
    forms = {row.form for row in labels.rows} - {"broken"}
    if len(forms) < 2:
        return
    first = labels.rows[0].form
    row = next(row for row in labels.rows if row.form not in (first, "broken"))
    message = f"a {row.form} in a file whose first row is a {first}"
    yield replace(labels.found(row, message, f"row: {row.text}"), fix=None)


RULE = Rule(
    __name__,
    Severity.ERROR,
    (YOLO,),
    check,
    (
        Example(
            "-- labels/train/a.txt --\n0 0.5 0.5 0.2 0.2\n0 0.1 0.1 0.2 0.1 0.2 0.2\n",
            "-- labels/train/a.txt --\n0 0.5 0.5 0.2 0.2\n",
        ),
    ),
)
