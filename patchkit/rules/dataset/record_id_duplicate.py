"""An image or a category has the id of another.

What         Two images of a COCO file have the same id and another file or size, or two categories have the same id.
Why          pycocotools keeps the last image under the id and tells nobody: the other one is lost, and its boxes are
             trained in the one that is left. Two categories of an id become one class, and PaddleDetection counts both.
Example      files of two annotators, both counted from 1, in one file
Fix safety   there is none: only you know which boxes belong to which image.
References   pycocotools 2.0 pycocotools/coco.py, createIndex.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import CATEGORY_TWICE, COCO, IMAGE_TWICE, Labels


def check(labels: Labels, expected: Expected) -> Iterator[Finding]:
    for row in labels.rows:
        if row.variant in (IMAGE_TWICE, CATEGORY_TWICE):
            yield labels.found(row, row.fault, f"row: {row.text}", variant=row.variant)


RULE = Rule(
    __name__,
    Severity.ERROR,
    (COCO,),
    check,
    (
        Example(
            "-- coco.json --\n"
            '{"images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 100},\n'
            '{"id": 1, "file_name": "b.jpg", "width": 100, "height": 100}],\n'
            '"categories": [{"id": 1, "name": "class 1"}, {"id": 2, "name": "class 2"}],\n'
            '"annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20],\n'
            '"area": 400, "iscrowd": 0},\n'
            '{"id": 2, "image_id": 1, "category_id": 2, "bbox": [40, 40, 20, 20], "area": 400, "iscrowd": 0}]}\n',
            "-- coco.json --\n"
            '{"images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 100},\n'
            '{"id": 2, "file_name": "b.jpg", "width": 100, "height": 100}],\n'
            '"categories": [{"id": 1, "name": "class 1"}, {"id": 2, "name": "class 2"}],\n'
            '"annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20],\n'
            '"area": 400, "iscrowd": 0},\n'
            '{"id": 2, "image_id": 2, "category_id": 2, "bbox": [40, 40, 20, 20], "area": 400, "iscrowd": 0}]}\n',
        ),
    ),
)
