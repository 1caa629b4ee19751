"""Annotations lack area or iscrowd, or their area is 0.

What         Annotations of a COCO file have no area that is a number, no iscrowd or one that is neither 0 nor 1, or an
             area that is not above 0. It is told once for a file, with the number of such annotations, at the first.
Why          pycocotools and the readers of PaddleDetection, MLCommons and torchvision's reference training look both up
             in every annotation and stop with a KeyError. An iscrowd of null or "0" is not equal to 0: they leave the
             box out silently, and so does PaddleDetection with one whose area is 0.
Example      {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20]}
Fix safety   there is none: iscrowd 0 and the width times the height of the box are right where nothing else is known.
References   PaddleDetection 2.6.0 ppdet/data/source/coco.py, parse_dataset; https://cocodataset.org/#format-data.
"""

from collections.abc import Iterator
from dataclasses import replace

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.coco_members import AREA_ZERO, FAULTS
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import COCO, Labels


def check(labels: Labels, expected: Expected) -> Iterator[Finding]:
    for row in labels.rows:
        if row.variant in FAULTS:
            severity = Severity.WARNING if row.variant == AREA_ZERO else Severity.ERROR
            finding = labels.found(row, row.fault, f"row: {row.text}", variant=row.variant, movable=False)
            yield replace(finding, severity=severity)


RULE = Rule(
    __name__,
    Severity.ERROR,
    (COCO,),
    check,
    (
        Example(
            "-- coco.json --\n"
            '{"images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 100}],\n'
            '"categories": [{"id": 1, "name": "class 1"}],\n'
            '"annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20]}]}\n',
            "-- coco.json --\n"
            '{"images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 100}],\n'
            '"categories": [{"id": 1, "name": "class 1"}],\n'
            '"annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20],\n'
            '"area": 400, "iscrowd": 0}]}\n',
        ),
    ),
)
