"""Category ids are not counted without gaps.

What         The ids of the categories leave gaps, or do not begin with 0 or 1.
Why          COCO itself has 80 categories with ids to 90. A trainer that maps ids to indices is not harmed; one that
             takes the id for the index needs num_classes of the largest id and one, and fails or trains a wrong class
             otherwise.
Example      ids 1, 2, 4
Fix safety   there is none: give the trainer the map, or number the categories anew together with all annotations.
References   PaddleDetection 2.6.0 ppdet/data/source/coco.py: catid2clsid.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity, Span
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.dataset import DataSet
from patchkit.subjects.dataset.expected import Expected


def check(dataset: DataSet, expected: Expected) -> Iterator[Finding]:
    gaps = dataset.category_gaps
    if gaps:
        message = f"{len(gaps)} ids between the first and the last category have none, {gaps[0]} for one"
        yield Finding(message, Span(dataset.path), "the ids of the categories")


RULE = Rule(
    __name__,
    Severity.NOTE,
    ("dataset",),
    check,
    (
        Example(
            "-- coco.json --\n"
            '{"images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 100}],\n'
            '"categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}, {"id": 4, "name": "c"}],\n'
            '"annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20],\n'
            '"area": 400, "iscrowd": 0},\n'
            '{"id": 2, "image_id": 1, "category_id": 2, "bbox": [40, 40, 20, 20], "area": 400, "iscrowd": 0}]}\n',
            "-- coco.json --\n"
            '{"images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 100}],\n'
            '"categories": [{"id": 1, "name": "class 1"}, {"id": 2, "name": "class 2"}],\n'
            '"annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20],\n'
            '"area": 400, "iscrowd": 0},\n'
            '{"id": 2, "image_id": 1, "category_id": 2, "bbox": [40, 40, 20, 20], "area": 400, "iscrowd": 0}]}\n',
        ),
    ),
)
