"""What the trainer of ultralytics makes of yolov10n for two processes, without and with `sync_bn`; needs no GPU.

usage: sync_bn_conversion.py FOLDER

The trainer's own `_setup_train` runs for two processes with CUDA devices. Its tensors stay on the CPU, and the wrap for
DDP holds the model without wrapping it. The last line printed is a JSON object.
"""

import json
import sys
import time
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sync_bn_trainers import SIDE, Warned, data_set, layers, set_up_without_gpu
from torch import nn
from ultralytics import YOLO


def counts(model: nn.Module) -> dict[str, int]:
    return {kind.__name__: len(layers(model, kind)) for kind in (nn.BatchNorm2d, nn.SyncBatchNorm)}


def with_statistics(trainers: dict[str, Any]) -> None:
    """Gives all models and their averages the statistics of some images, as a training does."""
    first = next(iter(trainers.values())).model.module
    for layer in layers(first, nn.BatchNorm2d).values():
        layer.momentum = 1.0  # at once
    with torch.no_grad():
        first.train()(torch.rand(2, 3, SIDE, SIDE))
    state = first.state_dict()
    for trainer in trainers.values():
        trainer.model.module.load_state_dict(state)
        trainer.ema.ema.load_state_dict(state)


def evaluated(model: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """The decoded predictions."""
    with torch.no_grad():
        decoded: torch.Tensor = model.eval()(images)[0]
    return decoded


def compared(one: torch.Tensor, other: torch.Tensor) -> dict[str, Any]:
    """Whether two results have the same bits, and how far they are from each other."""
    return {
        "equal": torch.equal(one, other),
        "difference": float((one - other).abs().max()),
        "values": one.numel(),
    }


def saved(trainer: Any) -> Path:
    """The checkpoint that the trainer writes after an epoch."""
    trainer.epoch, trainer.fitness, trainer.best_fitness = 0, 0.0, 0.0
    trainer.epoch_time_start = trainer.train_time_start = time.time()
    trainer.save_metrics({"loss": 0.0})
    trainer.save_model()
    last: Path = trainer.last
    return last


def layers_kept_in_eval_mode(trainer: Any) -> list[str]:
    """The normalisation layers that do not train in an epoch that the trainer starts."""
    trainer._model_train()
    norms = {**layers(trainer.model, nn.BatchNorm2d), **layers(trainer.model, nn.SyncBatchNorm)}
    return [name for name, layer in norms.items() if not layer.training]


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    data = data_set(folder)
    with Warned() as warned:
        trainers = {
            name: set_up_without_gpu(data, name, sync_bn=name == "synced", freeze=[0]) for name in ("plain", "synced")
        }
        warned_on_cuda = list(warned.texts)
        on_cpu = set_up_without_gpu(data, "cpu", device="cpu", sync_bn=True)
    plain, synced = (trainer.model.module for trainer in trainers.values())
    before, after = plain.state_dict(), synced.state_dict()
    answer: dict[str, Any] = {
        "layers": {"plain": counts(plain), "synced": counts(synced), "cpu": counts(on_cpu.model.module)},
        "averaged": {name: counts(trainer.ema.ema) for name, trainer in trainers.items()},
        "warnings": {"cuda": warned_on_cuda, "cpu": warned.texts[len(warned_on_cuda) :]},
        "trains at the wrap": {name: trainer.model.was_training for name, trainer in trainers.items()},
        "same keys": list(before) == list(after),
        "other values": [key for key, value in before.items() if not torch.equal(value, after[key])],
    }
    with_statistics(trainers)
    images = torch.rand(2, 3, SIDE, SIDE)
    answer["eval"] = compared(evaluated(plain, images), evaluated(synced, images))
    fused = {name: deepcopy(trainer.model.module).eval().fuse(verbose=False) for name, trainer in trainers.items()}
    answer["fused"] = compared(*(evaluated(model, images) for model in fused.values()))
    answer["left when fused"] = {name: counts(model) for name, model in fused.items()}
    if hasattr(trainers["synced"], "_model_train"):
        answer["frozen"] = {name: layers_kept_in_eval_mode(trainer) for name, trainer in trainers.items()}

    checkpoints = {name: YOLO(saved(trainer)) for name, trainer in trainers.items()}
    answer["loaded"] = {name: counts(checkpoint.model) for name, checkpoint in checkpoints.items()}
    answer["loaded, eval"] = compared(*(evaluated(checkpoint.model, images) for checkpoint in checkpoints.values()))
    picture = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)
    found = [
        checkpoint.predict(picture, imgsz=SIDE, conf=1e-6, device="cpu", verbose=False)[0].boxes.data
        for checkpoint in checkpoints.values()
    ]
    answer["loaded, predicted"] = compared(*found)
    print()
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
