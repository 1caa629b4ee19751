"""A class index is below 0.

What         The label of a row is a negative number.
Why          Labels of -1 mean `unknown` or `ignore` in other formats. ultralytics drops the whole image, with a line in
             the log that is lost among others; the RetinaNet loss of torchvision trains the last class.
Example      `-1 0.5 0.5 0.2 0.2`
Fix safety   safe: `--fix` moves the row into the quarantine; the other rows of the image stay. `--undo` puts it back.
References   ultralytics 8.4.190 ultralytics/data/utils.py, verify_image_label.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import FOLDER, YOLO, Labels


def check(labels: Labels, expected: Expected) -> Iterator[Finding]:
    for row in labels.rows:
        if isinstance(row.label, (int, float)) and row.label < 0:
            shown = f"{row.label:g}" if isinstance(row.label, float) else row.label
            yield labels.found(row, f"class {shown} is below 0", f"row: {row.text}")


RULE = Rule(
    __name__,
    Severity.ERROR,
    (YOLO, FOLDER),
    check,
    (
        Example(
            "-- labels/train/a.txt --\n-1 0.5 0.5 0.2 0.2\n0 0.5 0.5 0.2 0.2\n",
            "-- labels/train/a.txt --\n0 0.5 0.5 0.2 0.2\n",
        ),
    ),
)
