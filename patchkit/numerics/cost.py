"""Time and peak memory of the forms of one case, on its timed shape."""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any, Mapping

from .cases import Version
from .memory import peak_of
from .rows import Pair
from .setting import Setting, as_list

if TYPE_CHECKING:
    import numpy as np

    Arrays = Mapping[str, np.ndarray[Any, Any]]

ROUNDS = 5  # of timing, after one that is not counted


def cost(setting: Setting, versions: Mapping[str, Version], seed: int) -> tuple[Pair | None, Pair | None, Pair | None]:
    """Medians of forward and of backward time in ms, and peak memory in bytes, of "original" and "patched"."""
    arrays = setting.rounded(setting.case.timed, seed)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in versions}
    for _ in range(ROUNDS + 1):
        for name, version in versions.items():  # in turn, so that a slow moment falls on both
            times[name].append(_timed(setting, version, arrays))
    forward = {name: median(pair[0] for pair in pairs[1:]) for name, pairs in times.items()}
    backward = {name: median(pair[1] for pair in pairs[1:]) for name, pairs in times.items()}
    # The lesser of two: what a library allocates at its first call is not the function's.
    measured = [{name: _peak(setting, version, arrays) for name, version in versions.items()} for _ in range(2)]
    peaks = {name: min(filter(None, (peak[name] for peak in measured)), default=None) for name in versions}
    return _pair(forward), _pair(backward) if setting.differentiated(arrays) else None, _pair(peaks)


def _timed(setting: Setting, version: Version, arrays: Arrays) -> tuple[float, float]:
    tensors, synchronize = setting.tensors(arrays), setting.framework.synchronize
    synchronize(setting.device)
    start = perf_counter()
    outputs = as_list(setting.case.call(version, tensors))
    synchronize(setting.device)
    middle = perf_counter()
    _backward(setting, outputs, tensors, arrays)
    synchronize(setting.device)
    return (middle - start) * 1000, (perf_counter() - middle) * 1000


def _backward(setting: Setting, outputs: list[Any], tensors: Mapping[str, Any], arrays: Arrays) -> None:
    import numpy as np

    inputs = [tensors[key] for key in setting.differentiated(arrays)]
    weights = [np.ones(tuple(out.shape), "float32") for out in outputs]
    if inputs:
        setting.framework.gradients(outputs, weights, inputs)


def _peak(setting: Setting, version: Version, arrays: Arrays) -> int | None:
    tensors = setting.tensors(arrays)

    def both() -> None:
        _backward(setting, as_list(setting.case.call(version, tensors)), tensors, arrays)

    before = setting.framework.reset_peak(setting.device)
    if before is None:
        return peak_of(both) if setting.device == "cpu" else None
    both()
    peak: int = setting.framework.peak(setting.device) - before
    return peak


def _pair(values: Mapping[str, Any]) -> Pair:
    return Pair(values.get("original"), values.get("patched"))
