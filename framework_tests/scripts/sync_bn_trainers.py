"""The detection trainer of ultralytics as `sync_bn` needs it: small data, and several processes without a GPU."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

if not hasattr(np, "trapz"):  # numpy 2 renamed a function of the metrics of earlier releases
    np.trapz = np.trapezoid

from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.utils import LOGGER, torch_utils

os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"  # checkpoints of earlier releases are more than weights
# What the trainer only logs takes seconds for each model: how much it computes, and the name of the CPU.
torch_utils.get_flops = lambda *_: 0.0
torch_utils.get_cpu_info = lambda: "CPU"
torch.set_num_threads(1)  # the tensors are small

MODEL = "yolov10n.yaml"
SIDE = 128  # pixels: its head takes the best 300 of the cells, and there must be as many
SETTINGS = {
    "model": MODEL, "epochs": 1, "imgsz": SIDE, "batch": 4, "workers": 0, "device": "cpu", "amp": False, "seed": 0,
    "optimizer": "SGD", "plots": False, "verbose": False, "exist_ok": True,
}  # fmt: skip


def data_set(folder: Path) -> Path:
    """Eight images with one bright rectangle each."""
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(8):
        left, top, width, height = rng.integers(4, 30, 4)
        image = rng.integers(0, 60, (SIDE, SIDE, 3), dtype=np.uint8)
        image[top : top + height, left : left + width] = 220
        cv2.imwrite(str(folder / f"images/{number}.png"), image)
        box = np.array([left + width / 2, top + height / 2, width, height]) / SIDE
        (folder / f"labels/{number}.txt").write_text(f"{number % 2} {' '.join(map(str, box))}\n")
    data = folder / "data.yaml"
    data.write_text(f"path: {folder.resolve()}\ntrain: images\nval: images\nnames: [dark, bright]\n")
    return data


class Warned(logging.Handler):
    """The warnings of ultralytics that name the option, in a `with` block."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if "sync_bn" in record.getMessage():
            self.texts.append(record.getMessage())

    def __enter__(self) -> "Warned":
        LOGGER.addHandler(self)
        return self

    def __exit__(self, *error: object) -> None:
        LOGGER.removeHandler(self)


class OnTheCpu(TorchFunctionMode):
    """Whatever is asked for on a GPU is made on the CPU, or stays there."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        named = {key: _on_the_cpu(value) for key, value in (kwargs or {}).items()}
        return function(*map(_on_the_cpu, args), **named)


def _on_the_cpu(value: Any) -> Any:
    return torch.device("cpu") if isinstance(value, torch.device) and value.type == "cuda" else value


class Wrapped(nn.Module):
    """Stands where the trainer wraps for DDP, which takes no SyncBatchNorm on a CPU: holds the model as it came."""

    def __init__(self, module: nn.Module, **options: Any) -> None:
        super().__init__()
        self.module = module
        self.was_training = module.training

    def forward(self, images: torch.Tensor) -> Any:
        return self.module(images)


@contextmanager
def wraps_recorded() -> Iterator[None]:
    original = nn.parallel.DistributedDataParallel
    nn.parallel.DistributedDataParallel = Wrapped
    try:
        yield
    finally:
        nn.parallel.DistributedDataParallel = original


def trainer_for(data: Path, name: str, **options: Any) -> Any:
    """A trainer on the CPU, whose model will have the same weights each time."""
    return DetectionTrainer(
        overrides={**SETTINGS, "data": str(data), "project": str(data.parent), "name": name, **options}
    )


def set_up(trainer: Any, device: torch.device, world_size: int = 2) -> Any:
    """Has the trainer set up its training as one of several processes with such devices."""
    trainer.device = device
    if "world_size" in signature(trainer._setup_train).parameters:  # up to 8.3.190
        trainer._setup_train(world_size)
    else:
        trainer.world_size = world_size
        trainer._setup_train()
    return trainer


def set_up_without_gpu(data: Path, name: str, *, device: str = "cuda", **options: Any) -> Any:
    """A trainer that was set up for two processes with GPUs, all of it on the CPU."""
    with wraps_recorded(), OnTheCpu():
        return set_up(trainer_for(data, name, **options), torch.device(device, 0))


def layers(model: nn.Module, kind: type[nn.Module]) -> dict[str, nn.Module]:
    """The layers of exactly this kind."""
    return {name: layer for name, layer in model.named_modules() if type(layer) is kind}
