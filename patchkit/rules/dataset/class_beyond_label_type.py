"""A class index is larger than its type holds.

What         The label of a row is 16,777,216 or more.
Why          Labels are read as float32, which holds whole numbers only up to 2**24: 16777217 becomes 16777216, another
             class. Such a number is an identifier or a broken row, and no class.
Example      `16777217 0.5 0.5 0.2 0.2`
Fix safety   safe: `--fix` moves the row into the quarantine; the other rows of the image stay. `--undo` puts it back.
References   IEEE 754 single precision; ultralytics 8.4.190 ultralytics/data/utils.py: labels are np.float32.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import FOLDER, LABEL_LIMIT, YOLO, Labels


def check(labels: Labels, expected: Expected) -> Iterator[Finding]:
    for row in labels.rows:
        if isinstance(row.label, int) and row.label >= LABEL_LIMIT:
            shown = str(row.label) if row.label < 10**20 else f"of {len(str(row.label))} digits"
            message = f"class {shown} is larger than float32 labels hold exactly (2**24)"
            yield labels.found(row, message, f"row: {row.text}")


RULE = Rule(
    __name__,
    Severity.ERROR,
    (YOLO, FOLDER),
    check,
    (
        Example(
            "-- labels/train/a.txt --\n16777217 0.5 0.5 0.2 0.2\n0 0.5 0.5 0.2 0.2\n",
            "-- labels/train/a.txt --\n0 0.5 0.5 0.2 0.2\n",
        ),
    ),
)
