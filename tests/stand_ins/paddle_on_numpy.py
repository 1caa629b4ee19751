"""paddle as PaddleDetection's heads use it."""

from collections.abc import Callable
from types import ModuleType

import numpy as np

from tests.stand_ins import module

Select = Callable[["Tensor", "Tensor"], "Tensor"]


class Tensor(np.ndarray):
    """An array with paddle's names for what numpy calls otherwise."""

    def unsqueeze(self, axis: int) -> "Tensor":
        return np.expand_dims(self, axis)

    def tile(self, repeats: list[int]) -> "Tensor":
        return np.tile(self, repeats)

    def floor(self) -> "Tensor":
        return np.floor(self)

    def mean(self, axis: int, keepdim: bool = False) -> "Tensor":
        return super().mean(axis, keepdims=keepdim)


def tensor(values: object, dtype: str = "float32") -> Tensor:
    return np.array(values, dtype).view(Tensor)


def cast(x: Tensor, dtype: str) -> Tensor:
    with np.errstate(invalid="ignore"):  # a NaN becomes the smallest integer
        return x.astype(dtype)


def right_select(x: Tensor, mask: Tensor) -> Tensor:
    """What `masked_select` should return."""
    return x[mask]


def garbage_select(x: Tensor, mask: Tensor) -> Tensor:
    """What it returns with some builds: as many values, from somewhere else."""
    return np.resize(tensor([28, 60, 92, -1]), int(mask.sum())).view(Tensor).astype(x.dtype)


def nan_select(x: Tensor, mask: Tensor) -> Tensor:
    return tensor(np.full(int(mask.sum()), np.nan))


def cross_entropy(logits: Tensor, labels: Tensor, reduction: str) -> Tensor:
    """One loss a label. Paddle takes a label as 32 bits, ignores -100, and stops at any other that is out of range."""
    assert reduction == "none"
    labels = labels.astype("int32")
    kept = labels != -100
    if ((labels < 0) & kept).any():
        raise IndexError("(OutOfRange) label value should >= 0 when label value not equal to ignore_index")
    if (labels >= logits.shape[-1]).any():
        raise IndexError("(OutOfRange) label value should less than the shape of axis dimension")
    largest = logits.max(-1)
    log_sums = largest + np.log(np.exp(logits - largest[..., None]).sum(-1))
    chosen = np.take_along_axis(logits, np.where(kept, labels, 0)[..., None], -1)[..., 0]
    return np.where(kept, log_sums - chosen, 0).astype(logits.dtype).view(Tensor)


def paddle(masked_select: Select = right_select, *, dynamic: bool = True) -> tuple[ModuleType, ...]:
    """The package, with one `masked_select` or another, in dynamic or in static mode."""
    functional = module(
        "paddle.nn.functional",
        cross_entropy=cross_entropy,
        l1_loss=lambda x, y: np.abs(x - y).mean(None),
    )
    whole = module(
        "paddle",
        abs=np.abs,
        cast=cast,
        full_like=np.full_like,
        gather_nd=lambda x, index: x[tuple(index.T)],
        in_dynamic_mode=lambda: dynamic,
        logical_and=np.logical_and,
        logical_not=np.logical_not,
        masked_select=masked_select,
        nonzero=lambda x: tensor(np.argwhere(x), "int64"),
        sum=np.sum,
        where=lambda condition, x, y: np.where(condition, x, y).view(Tensor),
        zeros=lambda shape: tensor(np.zeros(shape)),
        zeros_like=np.zeros_like,
    )
    return whole, module("paddle.nn"), functional
