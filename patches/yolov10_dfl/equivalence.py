"""Original against patched DFL decode: the loss of ultralytics, and of what derives from it."""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Iterator, Mapping, Sequence

from patchkit.numerics.broken import replaced, while_broken
from patchkit.numerics.cases import ByDesign, Equal, NotComparable, Observed, Tensors, Tolerance, Version

if TYPE_CHECKING:
    import numpy as np

    from patchkit.numerics.functions import PatchedFile

# Batch, anchors, bins: one anchor, another number of bins, and two images of 640 pixels.
SHAPES = ({"b": 1, "a": 1, "bins": 16}, {"b": 3, "a": 21, "bins": 8}, {"b": 2, "a": 8400, "bins": 16})
TIMED = {"b": 16, "a": 8400, "bins": 16}
# Coordinates go up to 95 cells: three units in the last place of that, for the result and for the gradient of an angle.
LAST_PLACE = {"float64": 2.0**-46, "float32": 2.0**-17, "float16": 2.0**-4, "bfloat16": 2.0**-1}
TOLERANCES = {dtype: Tolerance(3 * unit, 3 * unit, 3 * unit) for dtype, unit in LAST_PLACE.items()}
# What calls BLAS, and may come to its product of a matrix and a vector.
PRODUCTS = {"matmul", "__matmul__", "__rmatmul__", "mv", "addmv", "mm", "addmm", "bmm", "baddbmm", "einsum", "linear"}
PRODUCTS |= {"dot", "vdot", "inner", "tensordot", "bilinear"}
REFUSED = "CUDA error: CUBLAS_STATUS_INVALID_VALUE when calling `cublasSgemv`"


def comparisons(files: Sequence[PatchedFile]) -> Iterator[Equal | ByDesign]:
    """Every method, on random logits in each dtype, without BLAS, and under autocast."""
    for file in files:
        for symbol in file.symbols:
            original, patched = file.versions(symbol)
            parameters = list(inspect.signature(patched.function).parameters)
            if len(parameters) not in (3, 4):
                raise NotComparable(f"{symbol} takes {', '.join(parameters)}: not anchor points, logits and an angle")
            inputs = partial(_inputs, len(parameters) == 4)
            name = symbol.rpartition(".")[2]
            site, call = file.site(symbol), partial(_decoded, name)
            case = Equal(
                site, "torch", original, patched, SHAPES, TIMED, inputs, call, TOLERANCES, constants=("points",)
            )
            yield case
            observe = partial(while_broken, case, SHAPES[1], _refused_products)
            yield ByDesign(site, "torch", "products are refused, as by cuBLAS", observe)
            for device, logits, half in _autocasts():
                observe = partial(_under_autocast, name, inputs, original, patched, device, logits, half)
                yield ByDesign(site, "torch", f"{logits} logits under autocast to {half}", observe, device)


def _inputs(has_angle: bool, rng: np.random.Generator, shape: Mapping[str, int]) -> dict[str, Any]:
    """Anchor points (a, 2), logits (b, a, 4 * bins), and for rotated boxes the angle (b, a, 1)."""
    b, a = shape["b"], shape["a"]
    arrays = {"points": rng.uniform(0, 80, (a, 2)), "logits": rng.normal(0, 2, (b, a, 4 * shape["bins"]))}
    return {**arrays, "angle": rng.uniform(-0.8, 2.4, (b, a, 1))} if has_angle else arrays


def _decoded(name: str, version: Version, tensors: Tensors) -> Any:
    """The boxes, from a loss that knows no more than its bins."""
    import torch

    loss = version.owner.__new__(version.owner)
    if isinstance(loss, torch.nn.Module):
        torch.nn.Module.__init__(loss)
    logits = tensors["logits"]
    loss.use_dfl = True
    loss.reg_max = logits.shape[-1] // 4
    loss.proj = torch.arange(loss.reg_max, dtype=torch.float, device=logits.device)
    return getattr(loss, name)(*tensors.values())


@contextmanager
def _refused_products() -> Iterator[None]:
    """Whatever calls BLAS raises what cuBLAS raises: releases of torch have no common way to see `aten.mv` itself."""
    import torch

    def refuse(*arguments: Any, **options: Any) -> Any:
        raise RuntimeError(REFUSED)

    holders = (torch.Tensor, torch, torch.nn.functional)
    with replaced(refuse, *((holder, name) for holder in holders for name in PRODUCTS)):
        yield


def _autocasts() -> list[tuple[str, str, str]]:
    """Device, dtype of the logits, dtype of autocast. CPU autocast leaves half logits alone in both forms."""
    import torch

    on_gpu = [("cuda", "float16", "float16"), ("cuda", "float32", "float16")] if torch.cuda.is_available() else []
    return [*on_gpu, ("cpu", "float32", "bfloat16")]


def _under_autocast(
    name: str, inputs: Any, original: Version, patched: Version, device: str, logits: str, half: str
) -> Observed:
    """The product is one of the operations that autocast gives in half precision; the sum is not.

    Boxes with an angle are float32 in both forms: the angle is. The original's distances are half all the same.
    """
    import numpy as np
    import torch

    if not hasattr(torch, "autocast"):
        raise NotComparable(f"torch {torch.__version__} has no autocast for every device, 1.10 was the first")
    arrays = inputs(np.random.default_rng(0), SHAPES[2])
    # Anchor points have the dtype of the class scores, which are half.
    tensors = {
        key: torch.from_numpy(array).to(device, getattr(torch, half if key == "points" else logits))
        for key, array in arrays.items()
    }
    exact = _decoded(name, original, {key: tensor.double().cpu() for key, tensor in tensors.items()})
    found = {}
    with torch.autocast(device, dtype=getattr(torch, half)):
        for form, version in (("original", original), ("patched", patched)):
            boxes = _decoded(name, version, tensors)
            found[form] = (str(boxes.dtype)[6:], float((boxes.double().cpu() - exact).abs().max()))
    told = {form: f"{dtype}, at most {error:.1e} off float64" for form, (dtype, error) in found.items()}
    is_finer = found["patched"][0] == "float32" and found["patched"][1] < found["original"][1]
    return Observed(told["original"], told["patched"], is_finer)
