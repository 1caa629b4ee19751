"""Two processes that train yolov10n with `sync_bn`, beside one process with the whole batch.

usage: sync_bn_distributed.py FOLDER

Where torch finds a GPU, the trainer of ultralytics wraps the model for DDP in two processes, each of them takes half
of a batch, and the gradients and running statistics are compared with those of one process, without SyncBatchNorm.
The two share the GPU if there is one. Without any, each of them tells what its layers do with tensors on the CPU.
The last line printed is a JSON object; its "form" says which of the two it was.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from sync_bn_trainers import SIDE, data_set, layers, set_up, set_up_without_gpu, trainer_for
from torch import nn
from ultralytics.utils.torch_utils import unwrap_model

PROCESSES, BATCH = 2, 8
NEXT_TO_ZERO = 1e-6  # of the greatest of all: a bias before another normalisation has the gradient zero
GPU, CPU = "two processes on CUDA", "two processes on the CPU"
Tensors = dict[str, torch.Tensor]


def images_of(rank: int) -> torch.Tensor:
    """The share of one process: the first has the dark images."""
    return whole_batch().chunk(PROCESSES)[rank]


def whole_batch() -> torch.Tensor:
    brightness = torch.linspace(0.1, 1, BATCH).view(-1, 1, 1, 1)
    return torch.rand(BATCH, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(2)) * brightness


def tensors_in(output: Any) -> list[torch.Tensor]:
    if isinstance(output, torch.Tensor):
        return [output]
    parts = output.values() if isinstance(output, dict) else output
    return [tensor for part in parts for tensor in tensors_in(part)]


def step(model: nn.Module, images: torch.Tensor) -> dict[str, Tensors]:
    """Gradients of a mean over the images, and the statistics that the layers have then."""
    model.train()
    predictions = [tensor for tensor in tensors_in(model(images)) if tensor.requires_grad]
    torch.stack([tensor.square().mean() for tensor in predictions]).sum().backward()
    plain = unwrap_model(model)
    gradients = {name: value.grad.cpu() for name, value in plain.named_parameters() if value.grad is not None}
    statistics = {name: value.cpu() for name, value in plain.named_buffers() if "running" in name}
    return {"gradients": gradients, "statistics": statistics}


def on_a_gpu(rank: int, data: Path) -> dict[str, Tensors]:
    """What one of the processes has after a step."""
    device = torch.device("cuda", rank % torch.cuda.device_count())
    torch.cuda.set_device(device)
    trainer = set_up(trainer_for(data, f"rank{rank}", sync_bn=True), device, PROCESSES)
    assert isinstance(trainer.model, nn.parallel.DistributedDataParallel)
    assert layers(trainer.model, nn.SyncBatchNorm)
    return step(trainer.model, images_of(rank).to(device, torch.get_default_dtype()))


def on_the_cpu(rank: int, data: Path) -> dict[str, Any]:
    """What the layers do with tensors on the CPU, and the statistics without `sync_bn`."""
    plain = set_up_without_gpu(data, f"plain{rank}", sync_bn=False).model.module
    synced = set_up_without_gpu(data, f"synced{rank}", sync_bn=True).model.module
    images = images_of(rank)
    with torch.no_grad():
        evaluated = [model.eval()(images)[0] for model in (plain, synced)]
        plain.train()(images)
        try:
            synced.train()(images)
        except ValueError as error:
            refused = f"{type(error).__name__}: {error}"
        else:
            refused = "no"
    first = next(iter(layers(plain, nn.BatchNorm2d).values()))
    return {"train": refused, "same eval": torch.equal(*evaluated), "statistics": first.running_mean}


def one_process(rank: int, folder: Path) -> None:
    """Leaves rankN.pt in the folder."""
    has_gpu = torch.cuda.is_available()
    backend = "nccl" if has_gpu and torch.cuda.device_count() >= PROCESSES else "gloo"
    dist.init_process_group(backend, f"file://{folder}/rendezvous", rank=rank, world_size=PROCESSES)
    seen = (on_a_gpu if has_gpu else on_the_cpu)(rank, folder / "data.yaml")
    torch.save(seen, folder / f"rank{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()


def greatest_difference(one: Tensors, other: Tensors) -> float:
    """Of any tensor, relative to its greatest element; what is zero but for rounding counts as NEXT_TO_ZERO."""
    assert one.keys() == other.keys()
    greatest = {name: float(value.abs().max()) for name, value in one.items()}
    least = NEXT_TO_ZERO * max(greatest.values())
    return max(float((one[name] - other[name]).abs().max()) / max(greatest[name], least) for name in one)


def compared_on_gpu(data: Path, ranks: list[dict[str, Tensors]]) -> dict[str, Any]:
    device = torch.device("cuda", 0)
    alone = set_up(trainer_for(data, "alone", sync_bn=False), device, 1).model
    assert layers(alone, nn.BatchNorm2d)
    whole = step(alone, whole_batch().to(device, torch.get_default_dtype()))
    return {
        "form": GPU,
        "devices": torch.cuda.device_count(),
        "parameters": len(whole["gradients"]),
        "differences": {part: max(greatest_difference(whole[part], seen[part]) for seen in ranks) for part in whole},
    }


def compared_on_cpu(ranks: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "form": CPU,
        "train": [seen["train"] for seen in ranks],
        "same eval": [seen["same eval"] for seen in ranks],
        "statistics differ by": float((ranks[0]["statistics"] - ranks[1]["statistics"]).abs().max()),
    }


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    torch.set_default_dtype(torch.float64)  # the depth of the model multiplies the rounding of float32
    if len(sys.argv) > 2:
        one_process(int(sys.argv[2]), folder)
        return
    data = data_set(folder)
    command = [sys.executable, __file__, str(folder)]
    processes = [subprocess.Popen([*command, str(rank)]) for rank in range(PROCESSES)]
    codes = [process.wait() for process in processes]
    assert codes == [0] * PROCESSES, f"the processes ended with {codes}"
    ranks = [torch.load(folder / f"rank{rank}.pt", weights_only=True) for rank in range(PROCESSES)]
    answer = compared_on_gpu(data, ranks) if torch.cuda.is_available() else compared_on_cpu(ranks)
    print()
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
