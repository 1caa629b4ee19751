"""Runs the cases of a room, and puts what it finds into rows."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any, Mapping

from .cases import ByDesign, Equal, NotComparable, Version, first_line
from .differences import Differences, Errors, greatest
from .frameworks import FRAMEWORKS
from .memory import peak_of
from .rows import Pair, Row

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

SEEDS = (0, 1, 2)
ROUNDS = 5  # of timing, after one that is not counted
REFERENCE = "float64"
_NO_SUCH_KERNEL = ("not implemented for", "is not registered", "not support")


def rows(cases: Iterator[Equal | ByDesign]) -> Iterator[Row]:
    """One row for each device and dtype of a case."""
    frameworks: dict[str, Any] = {}
    for case in cases:
        if case.framework not in frameworks:
            frameworks[case.framework] = FRAMEWORKS[case.framework]()
        framework = frameworks[case.framework]
        if isinstance(case, ByDesign):
            yield _observed(case, framework)
        else:
            for device in filter(case.devices.__contains__, framework.devices):
                for dtype in case.tolerances:
                    yield _Comparison(case, framework, device, dtype).row()


def _observed(case: ByDesign, framework: Any) -> Row:
    try:
        seen = case.observe()
    except NotComparable:
        raise
    except Exception as error:  # of the patched form: what the original raises is observed
        message = f"the patched form raises {first_line(error)}"
        return Row(case.site, case.inputs_are, case.device, "", True, False, message)
    message = f"original: {seen.original}; patched: {seen.patched}"
    return Row(case.site, case.inputs_are, case.device, "", True, seen.is_as_designed, message)


class _Comparison:
    """One case on one device in one dtype."""

    def __init__(self, case: Equal, framework: Any, device: str, dtype: str) -> None:
        self.case, self.framework, self.device, self.dtype = case, framework, device, dtype
        self.forward, self.gradient = Differences(), Differences()
        self.forward_errors, self.gradient_errors = Errors(), Errors()
        self.dtypes: dict[str, set[str]] = {"original": set(), "patched": set()}  # of the outputs
        self.failed = ""  # what the original raised
        self.broken = ""  # what the patched form raised
        self.missing = ""  # the device has no such dtype

    def row(self) -> Row:
        runs = [(shape, seed) for shape in self.case.shapes for seed in SEEDS]
        for shape, seed in (*runs, (self.case.timed, SEEDS[0])):
            self._compare(shape, seed)
            if self.missing:
                return self._row(True, f"not compared: {self.missing}")
            if self.broken:
                return self._row(False, f"the patched form raises {self.broken}")
        forward_ms, backward_ms, peak = self._cost()
        ok, message = self._judged()
        return self._row(ok, message, forward_ms, backward_ms, peak)

    def _row(self, ok: bool, message: str, *cost: Pair | None) -> Row:
        tolerance = self.case.tolerances[self.dtype]
        timed = ", ".join(f"{name} {size}" for name, size in self.case.timed.items())
        inputs = f"{self.case.inputs_are}: {len(self.case.shapes)} shapes, {len(SEEDS)} seeds; measured with {timed}"
        return Row(
            self.case.site,
            inputs,
            self.device,
            self.dtype,
            False,
            ok,
            message,
            self.forward.summary(tolerance.forward),
            self.gradient.summary(tolerance.gradient),
            None if self.missing else self.forward_errors.pair(),
            None if self.missing or self.gradient.is_empty else self.gradient_errors.pair(),
            *cost,
        )

    def _compare(self, shape: Mapping[str, int], seed: int) -> None:
        arrays = self._rounded(shape, seed)
        try:
            original = self._run("original", arrays, self.dtype, self.device, seed)
        except Exception as error:
            if any(words in str(error) for words in _NO_SUCH_KERNEL):
                self.missing = first_line(error)
                return
            self.failed = first_line(error)
            original = None
        try:
            patched = self._run("patched", arrays, self.dtype, self.device, seed)
        except Exception as error:
            self.broken = first_line(error)
            return
        reference = self._run("reference", arrays, REFERENCE, "cpu", seed)
        parts = ((self.forward, self.forward_errors), (self.gradient, self.gradient_errors))
        for part, (differences, errors) in enumerate(parts):
            errors.patched = max(errors.patched, greatest(patched[part], reference[part]))
            if original is None:
                errors.original = None
                continue
            differences.add(patched[part], original[part])
            if errors.original is not None:
                errors.original = max(errors.original, greatest(original[part], reference[part]))

    def _rounded(self, shape: Mapping[str, int], seed: int) -> dict[str, Array]:
        """The inputs of a case, floats rounded to the dtype: the reference is computed on the same numbers."""
        import numpy as np

        arrays = self.case.inputs(np.random.default_rng(seed), shape)
        return {
            key: np.asarray(self.framework.array(self._tensor(array, self.dtype, "cpu", False)), array.dtype)
            if array.dtype.kind == "f"
            else array
            for key, array in arrays.items()
        }

    def _tensor(self, array: Array, dtype: str, device: str, differentiate: bool) -> Any:
        is_float = array.dtype.kind == "f"
        return self.framework.tensor(
            array, dtype if is_float else None, device, differentiate=is_float and differentiate
        )

    def _tensors(self, arrays: Mapping[str, Array], dtype: str, device: str) -> dict[str, Any]:
        constants = self.case.constants
        return {key: self._tensor(array, dtype, device, key not in constants) for key, array in arrays.items()}

    def _run(
        self, form: str, arrays: Mapping[str, Array], dtype: str, device: str, seed: int
    ) -> tuple[list[Array], list[Array]]:
        """Outputs and gradients."""
        import numpy as np

        tensors = self._tensors(arrays, dtype, device)
        version = self.case.patched if form == "patched" else self.case.original
        outputs = _as_list(self.case.call(version, tensors))
        self.dtypes.get(form, set()).update(map(self.framework.dtype, outputs))
        values = [self.framework.array(out) for out in outputs]
        rng = np.random.default_rng(seed + 1000)
        # Rounded to the dtype that is compared, so that the reference weighs with the same numbers.
        weights = [
            self.framework.array(self._tensor(np.asarray(rng.normal(size=value.shape)), self.dtype, "cpu", False))
            for value in values
        ]
        inputs = [tensors[key] for key in self._differentiated(arrays)]
        found = self.framework.gradients(outputs, weights, inputs) if inputs else []
        return values, [
            np.zeros(tuple(tensor.shape)) if gradient is None else self.framework.array(gradient)
            for gradient, tensor in zip(found, inputs)
        ]

    def _differentiated(self, arrays: Mapping[str, Array]) -> list[str]:
        if not self.framework.has_gradients:
            return []
        return [key for key, array in arrays.items() if array.dtype.kind == "f" and key not in self.case.constants]

    def _judged(self) -> tuple[bool, str]:
        """The patched form must be right where the dtype holds the result, and agree with an original that is."""
        allowed = self.case.tolerances[self.dtype].error
        patched = max(self.forward_errors.patched, self.gradient_errors.patched)
        if self.failed:
            return patched <= allowed, f"the original raises {self.failed}; patched {_off(patched, allowed)}"
        original = max(self.forward_errors.original or 0.0, self.gradient_errors.original or 0.0)
        if original > allowed >= patched:
            return True, f"the original is {_off(original, allowed)}, the patched form is not"
        disagreement = self._disagreement()
        if disagreement:
            return False, disagreement
        return True, "" if patched <= allowed else f"both forms alike are {_off(patched, allowed)}"

    def _disagreement(self) -> str:
        """In what original and patched differ by more than is allowed; empty if they do not."""
        if self.dtypes["original"] != self.dtypes["patched"]:
            was, now = (" and ".join(sorted(self.dtypes[form])) for form in ("original", "patched"))
            return f"gives {now}, and the original {was}"
        tolerance = self.case.tolerances[self.dtype]
        for name, found, allowed in (
            ("values", self.forward, tolerance.forward),
            ("gradients", self.gradient, tolerance.gradient),
        ):
            if found.max_abs > allowed:
                return f"{name} differ by {found.max_abs:.2g}, {allowed:.2g} is allowed"
        return ""

    def _cost(self) -> tuple[Pair | None, Pair | None, Pair | None]:
        """Medians of time, and peak memory, on the timed shape."""
        arrays = self._rounded(self.case.timed, SEEDS[0])
        versions = {"original": self.case.original, "patched": self.case.patched}
        if self.failed:
            del versions["original"]
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in versions}
        for _ in range(ROUNDS + 1):
            for name, version in versions.items():  # in turn, so that a slow moment falls on both
                times[name].append(self._timed(version, arrays))
        forward = {name: median(pair[0] for pair in pairs[1:]) for name, pairs in times.items()}
        backward = {name: median(pair[1] for pair in pairs[1:]) for name, pairs in times.items()}
        # The lesser of two: what a library allocates at its first call is not the function's.
        measured = [{name: self._peak(version, arrays) for name, version in versions.items()} for _ in range(2)]
        peaks = {name: min(filter(None, (peak[name] for peak in measured)), default=None) for name in versions}
        return _pair(forward), _pair(backward) if self._differentiated(arrays) else None, _pair(peaks)

    def _timed(self, version: Version, arrays: Mapping[str, Array]) -> tuple[float, float]:
        tensors = self._tensors(arrays, self.dtype, self.device)
        self.framework.synchronize(self.device)
        start = perf_counter()
        outputs = _as_list(self.case.call(version, tensors))
        self.framework.synchronize(self.device)
        middle = perf_counter()
        self._backward(outputs, tensors, arrays)
        self.framework.synchronize(self.device)
        return (middle - start) * 1000, (perf_counter() - middle) * 1000

    def _backward(self, outputs: list[Any], tensors: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
        import numpy as np

        inputs = [tensors[key] for key in self._differentiated(arrays)]
        weights = [np.ones(tuple(out.shape), "float32") for out in outputs]
        if inputs:
            self.framework.gradients(outputs, weights, inputs)

    def _peak(self, version: Version, arrays: Mapping[str, Array]) -> int | None:
        tensors = self._tensors(arrays, self.dtype, self.device)

        def both() -> None:
            self._backward(_as_list(self.case.call(version, tensors)), tensors, arrays)

        before = self.framework.reset_peak(self.device)
        if before is None:
            return peak_of(both) if self.device == "cpu" else None
        both()
        peak: int = self.framework.peak(self.device) - before
        return peak


def _off(error: float, allowed: float) -> str:
    return f"{error:.2g} off {REFERENCE}, {allowed:.2g} is allowed"


def _as_list(outputs: Any) -> list[Any]:
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


def _pair(values: Mapping[str, Any]) -> Pair:
    return Pair(values.get("original"), values.get("patched"))
