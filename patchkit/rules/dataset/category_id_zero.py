"""A category has the id 0.

What         A COCO file has a category with the id 0.
Why          Trainers that take the id for the label differ: 0 is the background of torchvision's Faster R-CNN, so that
             the objects are trained as background and never found. RetinaNet and PaddleDetection take it as any other.
Example      {"id": 0, "name": "cat"}
Fix safety   there is none: only you know the trainer. For Faster R-CNN the ids must begin at 1, those of annotations
             too.
References   torchvision 0.29.1 torchvision/models/detection/roi_heads.py, fastrcnn_loss; faster_rcnn.py: num_classes
             includes the background.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.dataset import DataSet
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import COCO


def check(dataset: DataSet, expected: Expected) -> Iterator[Finding]:
    if dataset.format == COCO and 0 in dataset.names:
        splits = [split for split in dataset.splits if not split.same_as]
        count = sum(split.tally.classes[0] for split in splits)
        first = next((split for split in splits if split.tally.classes[0]), splits[0])
        message = f"{dataset.shown(0)} has the id that Faster R-CNN of torchvision has for the background"
        yield Finding(message, first.span, f"{count} objects have it")


RULE = Rule(
    __name__,
    Severity.NOTE,
    ("dataset",),
    check,
    (
        Example(
            "-- coco.json --\n"
            '{"images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 100}],\n'
            '"categories": [{"id": 0, "name": "cat"}],\n'
            '"annotations": [{"id": 1, "image_id": 1, "category_id": 0, "bbox": [10, 10, 20, 20],\n'
            '"area": 400, "iscrowd": 0}]}\n',
            "-- coco.json --\n"
            '{"images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 100}],\n'
            '"categories": [{"id": 1, "name": "cat"}],\n'
            '"annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20],\n'
            '"area": 400, "iscrowd": 0}]}\n',
        ),
    ),
)
