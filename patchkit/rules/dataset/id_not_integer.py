"""An id of a COCO file is no whole number.

What         The id of an image or a category is text, as "a" or "7", or is written as 1.0 or true. The first of each
             kind is told for all of them.
Why          pycocotools takes a text for a list of ids, and gives nothing for 1.0; trainers make tensors of whole
             numbers. The loaders of torchvision's references and of MLCommons stop at the first image, PaddleDetection
             before the training or at the first batch.
Example      {"id": "a", "file_name": "a.jpg", "width": 100, "height": 100}
Fix safety   there is none: number the images or categories, in their annotations too.
References   pycocotools 2.0 pycocotools/coco.py, loadImgs and loadCats.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import COCO, ID_NOT_INTEGER, Labels


def check(labels: Labels, expected: Expected) -> Iterator[Finding]:
    for row in labels.rows:
        if row.variant in ID_NOT_INTEGER:
            yield labels.found(row, row.fault, f"row: {row.text}", variant=row.variant)


RULE = Rule(
    __name__,
    Severity.ERROR,
    (COCO,),
    check,
    (
        Example(
            "-- coco.json --\n"
            '{"images": [{"id": "a", "file_name": "a.jpg", "width": 100, "height": 100}],\n'
            '"categories": [{"id": 1, "name": "class 1"}, {"id": 2, "name": "class 2"}],\n'
            '"annotations": [{"id": 1, "image_id": "a", "category_id": 1, "bbox": [10, 10, 20, 20],\n'
            '"area": 400, "iscrowd": 0},\n'
            '{"id": 2, "image_id": "a", "category_id": 2, "bbox": [40, 40, 20, 20], "area": 400, "iscrowd": 0}]}\n',
            "-- coco.json --\n"
            '{"images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 100}],\n'
            '"categories": [{"id": 1, "name": "class 1"}, {"id": 2, "name": "class 2"}],\n'
            '"annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20],\n'
            '"area": 400, "iscrowd": 0},\n'
            '{"id": 2, "image_id": 1, "category_id": 2, "bbox": [40, 40, 20, 20], "area": 400, "iscrowd": 0}]}\n',
        ),
    ),
)
