"""A label file begins with a byte order mark.

What         The first bytes of the file are EF BB BF.
Why          Editors of Windows write it. Newer ultralytics skips it; the YOLOv10 fork reads it as a part of the first
             class, and drops the whole image.
Example      a file saved as `UTF-8 with BOM`
Fix safety   safe: `--fix` takes the three bytes out.
References   THU-MIG/yolov10 ultralytics/data/utils.py, verify_image_label: open without an encoding.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Fix, Severity, Span
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import YOLO, Labels


def check(labels: Labels, expected: Expected) -> Iterator[Finding]:
    if labels.mark:
        fix = Fix("take the mark out", removals=((0, 3),))
        evidence = "the first bytes are EF BB BF"
        yield Finding("the file begins with a byte order mark", Span(labels.path), evidence, fix)


RULE = Rule(
    __name__,
    Severity.WARNING,
    (YOLO,),
    check,
    (
        Example(
            "-- labels/train/a.txt --\n\ufeff0 0.5 0.5 0.2 0.2\n",
            "-- labels/train/a.txt --\n0 0.5 0.5 0.2 0.2\n",
        ),
    ),
)
