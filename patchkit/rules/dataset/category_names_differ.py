"""A category id has different names in two files.

What         Two COCO files of one data set, train and val as a rule, give one category id different names.
Why          Trainers read each file by itself and compare no names: what was trained as one class is measured as
             another, or trained as both. The counts of categories agree, so nothing else shows it.
Example      1 is cat in train, and dog in val
Fix safety   there is none: only you know which file is right.
References   PaddleDetection 2.6.0 ppdet/data/source/coco.py, parse_dataset: catid2clsid is made for each file.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.dataset import DataSet
from patchkit.subjects.dataset.expected import Expected


def check(dataset: DataSet, expected: Expected) -> Iterator[Finding]:
    spans = {split.name: split.span for split in dataset.splits}
    for one in dataset.renamed:
        message = f"category {one.label} is {one.name!r} in {one.split}, and {one.first_name!r} in {one.first}"
        yield Finding(message, spans[one.split], f"the file of {one.first}: {spans[one.first].path}")


RULE = Rule(
    __name__,
    Severity.ERROR,
    ("dataset",),
    check,
    (
        Example(
            "-- coco/train.json --\n"
            '{"images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 100}],\n'
            '"categories": [{"id": 1, "name": "cat"}],\n'
            '"annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20],\n'
            '"area": 400, "iscrowd": 0}]}\n'
            "-- coco/val.json --\n"
            '{"images": [{"id": 1, "file_name": "b.jpg", "width": 100, "height": 100}],\n'
            '"categories": [{"id": 1, "name": "dog"}],\n'
            '"annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20],\n'
            '"area": 400, "iscrowd": 0}]}\n',
            "",
        ),
    ),
)
