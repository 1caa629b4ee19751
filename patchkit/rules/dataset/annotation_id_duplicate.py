"""An annotation id is given twice.

What         Two annotations of a COCO file have the same id.
Why          pycocotools keeps the last one of them under the id and tells nobody: objects are lost, or evaluated twice.
Example      id 17, twice
Fix safety   safe: `--fix` moves the second annotation into the quarantine.
References   pycocotools 2.0 pycocotools/coco.py, createIndex.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import COCO, Labels


def check(labels: Labels, expected: Expected) -> Iterator[Finding]:
    for row in labels.rows:
        if row.is_repeated:
            yield labels.found(row, "an annotation before it has the same id", f"row: {row.text}")


RULE = Rule(
    __name__,
    Severity.WARNING,
    (COCO,),
    check,
    (
        Example(
            "-- coco.json --\n"
            '{"images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 100}],\n'
            '"categories": [{"id": 1, "name": "class 1"}, {"id": 2, "name": "class 2"}],\n'
            '"annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20],\n'
            '"area": 400, "iscrowd": 0},\n'
            '{"id": 1, "image_id": 1, "category_id": 2, "bbox": [40, 40, 20, 20], "area": 400, "iscrowd": 0}]}\n',
            "-- coco.json --\n"
            '{"images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 100}],\n'
            '"categories": [{"id": 1, "name": "class 1"}, {"id": 2, "name": "class 2"}],\n'
            '"annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20],\n'
            '"area": 400, "iscrowd": 0},\n'
            '{"id": 2, "image_id": 1, "category_id": 2, "bbox": [40, 40, 20, 20], "area": 400, "iscrowd": 0}]}\n',
        ),
    ),
)
