"""Fail in the real paddle or PaddleDetection as users' trainings do, without handling anything.

usage: failing_paddle.py FAILURE
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import paddle


def entropy() -> None:
    paddle.nn.functional.cross_entropy(paddle.zeros([2, 3]), paddle.to_tensor([0, 7]))


def invalid_bbox() -> None:
    """The annotations of PaddleDetection with a box that has no width."""
    import cv2
    import numpy as np
    from ppdet.data.source.coco import COCODataSet

    cv2.imwrite("1.png", np.zeros((64, 64, 3), np.uint8))
    image = {"id": 1, "file_name": "1.png", "width": 64, "height": 64}
    boxes = [[4.0, 4.0, 0.0, 9.0], [4.0, 4.0, 20.0, 20.0]]
    marks = [
        {"id": number, "image_id": 1, "category_id": 1, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
        for number, box in enumerate(boxes, 1)
    ]
    content = {"images": [image], "annotations": marks, "categories": [{"id": 1, "name": "one"}]}
    Path("coco.json").write_text(json.dumps(content))
    COCODataSet(dataset_dir=".", image_dir=".", anno_path="coco.json").parse_dataset()


FAILURES: dict[str, Callable[[], None]] = {"label too large": entropy, "invalid bbox": invalid_bbox}

if __name__ == "__main__":
    FAILURES[sys.argv[1]]()
