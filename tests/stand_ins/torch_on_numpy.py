"""torch as detection losses, training scripts and the trainer of ultralytics use it."""

import contextlib
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace

import numpy as np

from tests.stand_ins import module


class Tensor(np.ndarray):
    """An array with torch's names for what numpy calls otherwise, on a device where one product fails."""

    def view(self, *shape: int) -> "Tensor":
        return self.reshape(shape)

    def softmax(self, axis: int) -> "Tensor":
        powers = np.exp(self - self.max(axis, keepdims=True))
        return powers / powers.sum(axis, keepdims=True)

    def type(self, dtype: np.dtype) -> "Tensor":
        return self.astype(dtype)

    def matmul(self, other: "Tensor") -> "Tensor":
        raise RuntimeError("CUDA error: CUBLAS_STATUS_INVALID_VALUE when calling `cublasSgemv(...)`")

    def unique(self) -> "Tensor":
        return np.unique(self)


def tensor(values: object, dtype: str = "float32") -> Tensor:
    return np.array(values, dtype).view(Tensor)


class Module:
    """Keeps its mode, and that of the modules among its attributes."""

    def __init__(self, **children: "Module | None") -> None:
        self.training = True
        vars(self).update(children)

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, "Module"]]:
        yield prefix, self
        for name, child in list(vars(self).items()):
            if isinstance(child, Module):
                yield from child.named_modules(f"{prefix}.{name}".lstrip("."))

    def modules(self) -> Iterator["Module"]:
        return (each for _, each in self.named_modules())

    def train(self, mode: bool = True) -> "Module":
        for each in self.modules():
            each.training = mode
        return self

    def eval(self) -> "Module":
        return self.train(False)

    def to(self, device: object) -> "Module":
        return self


class BatchNorm2d(Module):
    """Takes its statistics of one process."""


class SyncBatchNorm(Module):
    """Takes its statistics of all processes. As in torch, it is no BatchNorm2d."""

    @classmethod
    def convert_sync_batchnorm(cls, whole: Module) -> Module:
        if isinstance(whole, BatchNorm2d):
            return cls()
        for name, child in list(vars(whole).items()):
            if isinstance(child, Module):
                setattr(whole, name, cls.convert_sync_batchnorm(child))
        return whole


class DistributedDataParallel(Module):
    """The wrapper for several processes."""

    def __init__(self, wrapped: Module, device_ids: list[int], **_: bool) -> None:
        super().__init__(module=wrapped)


class CrossEntropyLoss(Module):
    """Stops at a target that is no class, unless it is the one to ignore."""

    def __init__(
        self,
        weight: None = None,
        size_average: None = None,
        ignore_index: int = -100,
        reduce: None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        self.ignored, self.reduction, self.smoothing = ignore_index, reduction, label_smoothing

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        kept = targets != self.ignored
        for target in targets[kept]:
            if not 0 <= target < logits.shape[1]:
                raise IndexError(f"Target {target} is out of bounds.")
        logs = np.log(logits[kept].softmax(1))
        right = logs[np.arange(len(logs)), targets[kept]]
        losses = -(1 - self.smoothing) * right - self.smoothing * logs.mean(1)
        return {"mean": losses.mean, "sum": losses.sum, "none": losses.copy}[self.reduction]()


def torch() -> tuple[ModuleType, ...]:
    """The package and its submodules, each after the one that it stands in."""
    return (
        module(
            "torch",
            abs=np.abs,
            jit=SimpleNamespace(is_scripting=lambda: False),
            no_grad=contextlib.nullcontext,
            set_grad_enabled=contextlib.nullcontext,
            sigmoid=lambda x: 1 / (1 + np.exp(-x)),
            zeros_like=np.zeros_like,
        ),
        module("torch.distributed", broadcast=lambda value, src: None),
        module(
            "torch.nn",
            BatchNorm2d=BatchNorm2d,
            CrossEntropyLoss=CrossEntropyLoss,
            Module=Module,
            SyncBatchNorm=SyncBatchNorm,
            parallel=SimpleNamespace(DistributedDataParallel=DistributedDataParallel),
        ),
        module("torch.nn.modules"),
        module("torch.nn.modules.loss", CrossEntropyLoss=CrossEntropyLoss),
    )
