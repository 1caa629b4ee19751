"""Fail in the real torch, torchvision or ultralytics as users' trainings do, without handling anything.

usage: failing_torch.py FAILURE
"""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
import torch


def entropy(label: int) -> None:
    criterion = torch.nn.CrossEntropyLoss()
    criterion(torch.zeros(2, 3), torch.tensor([0, label]))


def alone() -> None:
    """One process of gloo."""
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="0")
    torch.distributed.init_process_group("gloo", rank=0, world_size=1, store=torch.distributed.HashStore())


def sync_bn() -> None:
    alone()
    torch.nn.SyncBatchNorm(3)(torch.zeros(2, 3, 4, 4))


class Halved(torch.nn.Module):
    """Half of its parameters have no part in the loss."""

    def __init__(self) -> None:
        super().__init__()
        self.used, self.unused = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)

    def forward(self, values: Any) -> Any:
        return self.used(values)


def unused_parameters() -> None:
    alone()
    model = torch.nn.parallel.DistributedDataParallel(Halved())
    for _ in range(2):
        model(torch.zeros(1, 2)).sum().backward()


def detector(name: str, box: Sequence[float], label: int) -> None:
    from torchvision.models import detection

    model = getattr(detection, name)(weights=None, weights_backbone=None, num_classes=4).train()
    model([torch.rand(3, 64, 64)], [{"boxes": torch.tensor([box]), "labels": torch.tensor([label])}])


GOOD, FLAT = (10.0, 10.0, 50.0, 50.0), (10.0, 10.0, 10.0, 50.0)


def yolo(*words: str) -> None:
    sys.argv[:] = ["yolo", *words]  # before the import, which keeps it
    from ultralytics.cfg import entrypoint

    entrypoint()


def yolo_label() -> None:
    """A label that is not below nc, in the loss of YOLO."""
    from ultralytics.cfg import get_cfg
    from ultralytics.nn.tasks import DetectionModel

    model = DetectionModel("yolov8n.yaml", nc=2, verbose=False).train()
    model.args = get_cfg()
    boxes = torch.tensor([[0.5, 0.5, 0.4, 0.4]])
    batch = {
        "img": torch.rand(1, 3, 64, 64),
        "batch_idx": torch.zeros(1),
        "cls": torch.tensor([[7.0]]),
        "bboxes": boxes,
    }
    model(batch)


def yolo_data(folder: Path) -> Path:
    """The data.yaml of eight images with one box each."""
    import cv2
    import numpy as np

    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for number in range(8):
        cv2.imwrite(str(folder / f"images/{number}.png"), np.full((64, 64, 3), 30 * number, np.uint8))
        (folder / f"labels/{number}.txt").write_text("0 0.5 0.5 0.4 0.4\n")
    (folder / "data.yaml").write_text(f"path: {folder.resolve()}\ntrain: images\nval: images\nnames: [one]\n")
    return folder / "data.yaml"


def yolo_training(*words: str) -> None:
    data, here = yolo_data(Path("data set")), Path.cwd()
    small = ("imgsz=64", "batch=4", "device=cpu", "workers=0", "plots=False", "val=False", f"project={here}/runs")
    yolo("detect", "train", "model=yolov8n.yaml", f"data={data}", *small, *words)


FAILURES: dict[str, Callable[[], None]] = {
    "label -1": lambda: entropy(-1),
    "label too large": lambda: entropy(7),
    "sync_bn": sync_bn,
    "unused parameters": unused_parameters,
    "flat box, retinanet": lambda: detector("retinanet_resnet50_fpn", FLAT, 1),
    "flat box, faster rcnn": lambda: detector("fasterrcnn_mobilenet_v3_large_320_fpn", FLAT, 1),
    "label too large, retinanet": lambda: detector("retinanet_resnet50_fpn", GOOD, 9),
    "label too large, faster rcnn": lambda: detector("fasterrcnn_mobilenet_v3_large_320_fpn", GOOD, 9),
    "label too large, yolo": yolo_label,
    "unknown option": lambda: yolo("detect", "train", "bacth=8"),
    "sync_bn option": lambda: yolo("detect", "train", "sync_bn=True"),
    "ignored lr0": lambda: yolo_training("epochs=1", "lr0=0.001", "name=ignored"),
    "nan": lambda: yolo_training("epochs=2", "optimizer=SGD", "lr0=1.0", "box=1e39", "name=nan"),
    "own code": lambda: [0].index(1),
    "no such file": lambda: torch.load("none.pt"),
}

if __name__ == "__main__":
    FAILURES[sys.argv[1]]()
