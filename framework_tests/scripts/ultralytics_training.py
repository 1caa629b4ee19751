"""Train small models of ultralytics for one epoch on the CPU, and take the gradient of one batch of each.

usage: ultralytics_training.py OUT {works,refuses}...

cuBLAS works, or refuses the product of a matrix and a vector. For each of these, OUT gets the gradients as
CUBLAS/MODEL.npz. The last line printed is a JSON object: by CUBLAS and model the losses of the batch, as "step", and
those of the epoch in results.csv, as "epoch"; or the refusal, and where it stopped them.
"""

import argparse
import contextlib
import csv
import json
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Sums have one order, and small tensors do not wait for other threads.
os.environ["OMP_NUM_THREADS"] = "1"
# Releases from before torch 2.6 load checkpoints that are more than weights.
os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
import cv2
import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

# The metrics of releases from before numpy 2.4 call it by its old name.
if not hasattr(np, "trapz"):
    np.trapz = np.trapezoid

import ultralytics
from ultralytics import YOLO
from ultralytics.cfg import get_cfg
from ultralytics.nn.tasks import DetectionModel, OBBModel, PoseModel, SegmentationModel

MODELS = {
    "v10": ("yolov10n.yaml", DetectionModel, "detect"),
    "detect": ("yolov8n.yaml", DetectionModel, "detect"),
    "segment": ("yolov8n-seg.yaml", SegmentationModel, "segment"),
    "pose": ("yolov8n-pose.yaml", PoseModel, "pose"),
    "obb": ("yolov8n-obb.yaml", OBBModel, "obb"),
}
PACKAGE = Path(ultralytics.__file__).parent
SIZE = 64  # pixels
REFUSED = (
    "CUDA error: CUBLAS_STATUS_INVALID_VALUE when calling "
    "`cublasSgemv(handle, op, m, n, &alpha, a, lda, x, incx, &beta, y, incy)`"
)


class RefusedError(RuntimeError):
    """What cuBLAS answers, as torch reports it."""


class RefusedProduct(TorchDispatchMode):
    """Fails where a matrix is multiplied by a vector: on CUDA, in fp32, that is cublasSgemv."""

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is torch.ops.aten.mv.default:
            raise RefusedError(REFUSED)
        return function(*args, **(kwargs or {}))


CUBLAS: dict[str, Callable[[], Any]] = {"works": contextlib.nullcontext, "refuses": RefusedProduct}


def write_data_set(folder: Path, task: str) -> Path:
    """The data.yaml of eight images with one bright rectangle each; its corners are the outline and the keypoints."""
    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(8):
        left, top = rng.integers(2, 20, 2)
        right, bottom = left + rng.integers(16, 40), top + rng.integers(16, 40)
        image = rng.integers(0, 60, (SIZE, SIZE, 3), dtype=np.uint8)
        image[top:bottom, left:right] = 220
        cv2.imwrite(str(folder / f"images/{number}.png"), image)
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]]) / SIZE
        box = [*((corners[0] + corners[2]) / 2), *(corners[2] - corners[0])]
        fields = {"detect": box, "pose": [*box, *corners.ravel()]}.get(task, corners.ravel())
        label = " ".join(f"{value:.6f}" for value in fields)
        (folder / f"labels/{number}.txt").write_text(f"{number % 2} {label}\n")
    data: dict[str, Any] = {"path": str(folder), "train": "images", "val": "images", "names": ["even", "odd"]}
    if task == "pose":
        data["kpt_shape"] = [len(corners), 2]
    (folder / "data.yaml").write_text(json.dumps(data))
    return folder / "data.yaml"


def epoch(yaml: str, task: str, out: Path) -> dict[str, float]:
    """The losses of training and of validation that the trainer writes into results.csv."""
    YOLO(yaml, task=task).train(
        data=str(write_data_set(out / "data", task)), epochs=1, imgsz=SIZE, batch=4, workers=0, device="cpu",
        amp=False, optimizer="SGD", seed=0, plots=False, verbose=False, project=str(out), name="run",
    )  # fmt: skip
    [row] = csv.DictReader((out / "run/results.csv").read_text().splitlines(), skipinitialspace=True)
    return {key.strip(): float(value) for key, value in row.items() if "loss" in key}


def step(yaml: str, kind: Any, task: str, gradients: Path) -> list[float]:
    """The losses of one batch; the gradient of every parameter goes into a file."""
    torch.manual_seed(0)
    model = kind(yaml, nc=2, verbose=False)
    model.args = get_cfg(overrides={"task": task})
    model.train()
    boxes = torch.tensor([[0.3, 0.3, 0.4, 0.3], [0.6, 0.6, 0.3, 0.5], [0.5, 0.4, 0.6, 0.6]])
    angles = torch.tensor([[0.1], [0.7], [-0.4]])
    total, losses = model.loss(
        {
            "img": torch.rand(2, 3, SIZE, SIZE),
            "cls": torch.tensor([[0.0], [1.0], [1.0]]),
            "bboxes": torch.cat([boxes, angles], 1) if task == "obb" else boxes,
            "batch_idx": torch.tensor([0.0, 0.0, 1.0]),
            "masks": torch.randint(0, 3, (2, SIZE // 4, SIZE // 4)).float(),
            "keypoints": torch.rand(3, *model.yaml.get("kpt_shape", (17, 3))),
        }
    )
    total.sum().backward()
    np.savez(gradients, **{name: value.grad for name, value in model.named_parameters() if value.grad is not None})
    items = losses.values() if isinstance(losses, dict) else losses  # a dict in the newest releases
    return [float(loss) for loss in items]


def result(function: Callable[..., Any], *arguments: Any) -> Any:
    """What the function returns, or the refusal that stops it and the last function of ultralytics on the way there."""
    try:
        return function(*arguments)
    except RefusedError as error:
        frames = traceback.extract_tb(error.__traceback__)
        names = [frame.name for frame in frames if Path(frame.filename).is_relative_to(PACKAGE)]
        return {"error": str(error), "in": names[-1]}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("cublas", nargs="+", choices=CUBLAS)
    arguments = parser.parse_args()
    answer: dict[str, Any] = {}
    for cublas in arguments.cublas:
        answer[cublas] = {}
        for name, (yaml, kind, task) in MODELS.items():
            out = arguments.out.resolve() / cublas / name
            out.mkdir(parents=True)
            with CUBLAS[cublas]():
                answer[cublas][name] = {
                    "step": result(step, yaml, kind, task, out.with_suffix(".npz")),
                    "epoch": result(epoch, yaml, task, out),
                }
    print()
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
