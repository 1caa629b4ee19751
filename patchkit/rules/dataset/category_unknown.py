"""The category of an annotation does not exist.

What         An annotation of COCO has a category_id that no category has; an object of VOC has a name that
             label_list.txt does not have.
Why          PaddleDetection stops with a KeyError; code that takes the id for an index trains another class, or fails
             on the GPU.
Example      category_id 12 in a file of the 80 COCO categories
Fix safety   safe: `--fix` moves the annotation into the quarantine, unless a category could not be read.
References   PaddleDetection 2.6.0 ppdet/data/source/coco.py, parse_dataset.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import COCO, NO_IMAGE, VOC, Labels


def check(labels: Labels, expected: Expected) -> Iterator[Finding]:
    if expected.labels is None:
        return
    for row in labels.rows:
        is_record = row.form != "broken" or row.fault == NO_IMAGE
        if is_record and row.label not in expected.labels and not isinstance(row.label, float):  # class-not-integer
            evidence = f"row: {row.text}; {expected.source}"
            is_sure = "categories" not in labels.unread
            yield labels.found(row, f"no category is {row.label!r}", evidence, movable=is_sure)


RULE = Rule(
    __name__,
    Severity.ERROR,
    (COCO, VOC),
    check,
    (
        Example(
            "-- coco.json --\n"
            '{"images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 100}],\n'
            '"categories": [{"id": 1, "name": "class 1"}, {"id": 2, "name": "class 2"}],\n'
            '"annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20],\n'
            '"area": 400, "iscrowd": 0},\n'
            '{"id": 2, "image_id": 1, "category_id": 12, "bbox": [40, 40, 20, 20], "area": 400, "iscrowd": 0}]}\n',
            "-- coco.json --\n"
            '{"images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 100}],\n'
            '"categories": [{"id": 1, "name": "class 1"}, {"id": 2, "name": "class 2"}],\n'
            '"annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20],\n'
            '"area": 400, "iscrowd": 0},\n'
            '{"id": 2, "image_id": 1, "category_id": 2, "bbox": [40, 40, 20, 20], "area": 400, "iscrowd": 0}]}\n',
        ),
    ),
)
