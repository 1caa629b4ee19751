"""The image of an annotation does not exist.

What         An annotation of COCO has an image_id that no image has, or none.
Why          pycocotools and PaddleDetection never look at it: the object is lost. One without
             image_id, and loaders that look the image up, stop with a KeyError.
Example      image_id 121000 in a file of 120000 images
Fix safety   safe: `--fix` moves the annotation into the quarantine, unless an image could not be read.
References   PaddleDetection 2.6.0 ppdet/data/source/coco.py, parse_dataset.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import COCO, NO_IMAGE, NO_IMAGE_ID, Labels


def check(labels: Labels, expected: Expected) -> Iterator[Finding]:
    for row in labels.rows:
        if row.fault == NO_IMAGE:
            is_sure = "images" not in labels.unread
            is_lacking = row.variant == NO_IMAGE_ID
            message = "it has no image_id" if is_lacking else f"no image has the id {row.image}"
            variant = NO_IMAGE_ID if is_lacking else ""
            yield labels.found(row, message, f"row: {row.text}", variant=variant, movable=is_sure)


RULE = Rule(
    __name__,
    Severity.ERROR,
    (COCO,),
    check,
    (
        Example(
            "-- coco.json --\n"
            '{"images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 100}],\n'
            '"categories": [{"id": 1, "name": "class 1"}, {"id": 2, "name": "class 2"}],\n'
            '"annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20],\n'
            '"area": 400, "iscrowd": 0},\n'
            '{"id": 2, "image_id": 99, "category_id": 2, "bbox": [40, 40, 20, 20], "area": 400, "iscrowd": 0}]}\n',
            "-- coco.json --\n"
            '{"images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 100}],\n'
            '"categories": [{"id": 1, "name": "class 1"}, {"id": 2, "name": "class 2"}],\n'
            '"annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20],\n'
            '"area": 400, "iscrowd": 0},\n'
            '{"id": 2, "image_id": 1, "category_id": 2, "bbox": [40, 40, 20, 20], "area": 400, "iscrowd": 0}]}\n',
        ),
    ),
)
