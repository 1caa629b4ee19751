"""A class index is not below the number of classes.

What         The label of a row is `nc` or more. `nc` is that of --nc, of the data yaml, or the number of its names.
Why          Class indices count from 0, so the last one is nc - 1. ultralytics drops the whole image. The YOLOv10 fork
             lets the class nc through, and the loss fails on the GPU much later.
Example      `2 0.5 0.5 0.2 0.2` where nc is 2.
Fix safety   safe: `--fix` moves the row into the quarantine; the other rows of the image stay. `--undo` puts it back.
References   ultralytics 8.4.190 ultralytics/data/utils.py, verify_image_label.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import FOLDER, LABEL_LIMIT, YOLO, Labels


def check(labels: Labels, expected: Expected) -> Iterator[Finding]:
    if expected.nc is None:
        return
    for row in labels.rows:
        if isinstance(row.label, int) and expected.nc <= row.label < LABEL_LIMIT:
            message = f"class {row.label} is not below {expected.nc}, the number of classes"
            evidence = f"row: {row.text}; {expected.source}"
            yield labels.found(row, message, evidence, variant="equal" if row.label == expected.nc else "")


RULE = Rule(
    __name__,
    Severity.ERROR,
    (YOLO, FOLDER),
    check,
    (
        Example(
            "-- labels/train/a.txt --\n2 0.5 0.5 0.2 0.2\n0 0.5 0.5 0.2 0.2\n",
            "-- labels/train/a.txt --\n0 0.5 0.5 0.2 0.2\n",
        ),
    ),
)
