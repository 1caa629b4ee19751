"""A label file is empty, or images of a COCO file have no annotation.

What         A label file of YOLO holds no row, an xml file of VOC no object, or some images of a COCO file have no
             annotation, which is told once for the file.
Why          It says that its image shows no object: background, which is good to train with in small numbers. A
             converter that has failed leaves the same files.
Example      a file of 0 bytes
Fix safety   there is none: it may be meant.
References   https://docs.ultralytics.com/datasets/detect/: background images need no label file.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity, Span
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import COCO, VOC, YOLO, Labels


def check(labels: Labels, expected: Expected) -> Iterator[Finding]:
    if labels.kind == COCO and labels.is_empty:
        for row in labels.rows:
            yield Finding(row.fault, Span(labels.path), "an image without objects is background")
    elif labels.is_empty:
        yield Finding("the file is empty: its image is background", Span(labels.path), "it holds no row")


RULE = Rule(
    __name__,
    Severity.NOTE,
    (YOLO, COCO, VOC),
    check,
    (
        Example(
            "-- labels/train/a.txt --\n",
            "-- labels/train/a.txt --\n0 0.5 0.5 0.2 0.2\n",
        ),
    ),
)
