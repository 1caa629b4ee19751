"""A row stands twice.

What         The same label and the same numbers stand again for the same image.
Why          A file was written by two runs of a converter, or appended to. ultralytics drops the second one with a
             warning; others count the object twice in the loss.
Example      `0 0.5 0.5 0.2 0.2`, twice
Fix safety   safe: `--fix` moves the row into the quarantine; the other rows of the image stay. `--undo` puts it back.
             The first of them stays.
References   ultralytics 8.4.190 ultralytics/data/utils.py, verify_image_label: duplicate labels removed.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import COCO, VOC, YOLO, Labels, Row


def check(labels: Labels, expected: Expected) -> Iterator[Finding]:
    seen: dict[object, Row] = {}
    for row in labels.rows:
        if row.is_duplicate:
            yield labels.found(row, "an annotation before it has the same image, category and box", f"row: {row.text}")
            continue
        if row.form == "broken":
            continue
        first = seen.setdefault((row.image, row.label, row.numbers), row)
        if first is not row:
            yield labels.found(row, f"the row of line {first.line} stands again", f"row: {row.text}")


RULE = Rule(
    __name__,
    Severity.WARNING,
    (YOLO, VOC, COCO),
    check,
    (
        Example(
            "-- labels/train/a.txt --\n0 0.5 0.5 0.2 0.2\n0 0.5 0.5 0.2 0.2\n",
            "-- labels/train/a.txt --\n0 0.5 0.5 0.2 0.2\n",
        ),
    ),
)
