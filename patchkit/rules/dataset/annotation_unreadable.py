"""An annotation or a part of a file cannot be understood.

What         A record of a COCO or VOC file has no box of four numbers, no category or no image, is no object, or the
             file is cut off or damaged. An image of COCO has no id, no file_name or no size, a category no id or
             no name.
Why          pycocotools and trainers stop with a KeyError or IndexError, some of them hours later, when the image is
             drawn; a file that is cut off is not read at all.
Example      bbox: []
Fix safety   safe for a single annotation: `--fix` moves it into the quarantine. There is none for a file that is cut
             off, and images and categories are never moved.
References   measured: pycocotools, PaddleDetection and torchvision on such records.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import COCO, HAVE_RULES, NO_IMAGE, VOC, Labels


def check(labels: Labels, expected: Expected) -> Iterator[Finding]:
    for row in labels.rows:
        if row.form == "broken" and row.fault != NO_IMAGE and row.variant not in HAVE_RULES:
            yield labels.found(row, row.fault, f"row: {row.text}", variant=row.variant)
        elif labels.kind == VOC and row.box is None:
            yield labels.found(row, "the file has no size of its image", f"row: {row.text}", movable=False)


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
            '{"id": 2, "image_id": 1, "category_id": 2, "bbox": [], "area": 400, "iscrowd": 0}]}\n',
            "-- coco.json --\n"
            '{"images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 100}],\n'
            '"categories": [{"id": 1, "name": "class 1"}, {"id": 2, "name": "class 2"}],\n'
            '"annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20],\n'
            '"area": 400, "iscrowd": 0},\n'
            '{"id": 2, "image_id": 1, "category_id": 2, "bbox": [40, 40, 20, 20], "area": 400, "iscrowd": 0}]}\n',
        ),
    ),
)
