"""Runs the cases of a room, and puts what it finds into rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Callable, Mapping

from .cases import ByDesign, Equal, NotComparable, first_line
from .cost import cost
from .differences import Differences, Errors, greatest
from .frameworks import FRAMEWORKS
from .rows import Pair, Row
from .setting import REFERENCE, Found, Setting

SEEDS = (0, 1, 2)
_NO_SUCH_KERNEL = ("not implemented for", "is not registered", "not support")


def rows(cases: Iterator[Equal | ByDesign]) -> Iterator[Row]:
    """One row for each device and dtype of a case.

    Raises   NotComparable, after all rows, if a site has none in which something was compared.
    """
    frameworks: dict[str, Any] = {}
    compared: dict[str, bool] = {}  # by site
    for case in cases:
        if case.framework not in frameworks:
            frameworks[case.framework] = FRAMEWORKS[case.framework]()
        compared.setdefault(case.site, False)
        for row in _rows(case, frameworks[case.framework]):
            compared[case.site] |= row.compared
            yield row
    idle = [site for site, is_compared in compared.items() if not is_compared]
    if idle:
        raise NotComparable(f"nothing is compared of {', '.join(idle)}")


def _rows(case: Equal | ByDesign, framework: Any) -> Iterator[Row]:
    if isinstance(case, ByDesign):
        yield _observed(case)
        return
    for device in filter(case.devices.__contains__, framework.devices):
        for dtype in case.tolerances:
            yield _Comparison(case, framework, device, dtype).row()


def _observed(case: ByDesign) -> Row:
    try:
        seen = case.observe()
    except NotComparable as reason:
        message = f"not compared: {reason}"
        return Row(case.site, case.inputs_are, case.device, "", True, True, message, compared=False)
    except Exception as error:  # of the patched form: what the original raises is observed
        message = f"the patched form raises {first_line(error)}"
        return Row(case.site, case.inputs_are, case.device, "", True, False, message)
    message = f"original: {seen.original}; patched: {seen.patched}"
    return Row(case.site, case.inputs_are, case.device, "", True, seen.is_as_designed, message)


class _Comparison:
    """What was found of one case on one device in one dtype."""

    def __init__(self, case: Equal, framework: Any, device: str, dtype: str) -> None:
        self.setting = Setting(case, framework, device, dtype)
        self.tolerance = case.tolerances[dtype]
        self.forward, self.gradient = Differences(), Differences()
        self.forward_errors, self.gradient_errors = Errors(), Errors()
        self.dtypes: dict[str, set[str]] = {"original": set(), "patched": set()}  # of the outputs
        self.failed = ""  # what the original raised
        self.broken = ""  # why the comparison ends: what the patched form raised, or that there is no reference
        self.missing = ""  # the device has no such dtype: what both forms raised
        self.compared = True

    def row(self) -> Row:
        case = self.setting.case
        runs = [(shape, seed) for shape in case.shapes for seed in SEEDS]
        for shape, seed in (*runs, (case.timed, SEEDS[0])):
            self._compare(shape, seed)
            if self.missing:
                return self._row(True, f"not compared: {self.missing}", None, None, None)
            if self.broken:
                return self._row(False, self.broken, None, None, None)
        versions = {"original": case.original, "patched": case.patched}
        if self.failed:
            del versions["original"]
        costs = cost(self.setting, versions, SEEDS[0])
        return self._row(*self._judged(), *costs)

    def _row(self, ok: bool, message: str, forward_ms: Pair | None, backward_ms: Pair | None, peak: Pair | None) -> Row:
        case, is_whole = self.setting.case, self.compared
        timed = ", ".join(f"{name} {size}" for name, size in case.timed.items())
        inputs = f"{case.inputs_are}: {len(case.shapes)} shapes, {len(SEEDS)} seeds; measured with {timed}"
        return Row(
            case.site,
            inputs,
            self.setting.device,
            self.setting.dtype,
            by_design=False,
            ok=ok,
            message=message,
            forward=self.forward.summary(self.tolerance.forward) if is_whole else None,
            gradient=self.gradient.summary(self.tolerance.gradient) if is_whole else None,
            forward_error=self.forward_errors.pair() if is_whole else None,
            gradient_error=self.gradient_errors.pair() if is_whole and not self.gradient.is_empty else None,
            forward_ms=forward_ms,
            backward_ms=backward_ms,
            peak_bytes=peak,
            error_tolerance=self.tolerance.error,
            compared=self.compared,
        )

    def _compare(self, shape: Mapping[str, int], seed: int) -> None:
        setting, case = self.setting, self.setting.case
        arrays = setting.rounded(shape, seed)
        # The reference comes first: it sees nothing that a patched form may have changed.
        reference, failure = _tried(lambda: setting.reference(arrays, seed))
        if reference is None:
            self.broken = (
                f"not compared: the reference, the original in {REFERENCE} on the CPU, raises {_line(failure)}"
            )
            self.compared = False
            return
        original, failure = _tried(lambda: setting.run(case.original, arrays, seed))
        self.failed = _line(failure) or self.failed
        patched, raised = _tried(lambda: setting.run(case.patched, arrays, seed))
        if patched is None:
            if _says_no_kernel(failure) and _says_no_kernel(raised):
                self.missing, self.compared = _line(raised), False
            else:
                self.broken = f"the patched form raises {_line(raised)}"
            return
        self.dtypes["patched"] |= patched.dtypes
        self.dtypes["original"] |= original.dtypes if original is not None else set()
        for part, differences, errors in (
            ("values", self.forward, self.forward_errors),
            ("gradients", self.gradient, self.gradient_errors),
        ):
            found, wanted = getattr(patched, part), getattr(reference, part)
            errors.patched = max(errors.patched, greatest(found, wanted))
            if original is None:
                errors.original = None
                continue
            differences.add(found, getattr(original, part))
            if errors.original is not None:
                errors.original = max(errors.original, greatest(getattr(original, part), wanted))

    def _judged(self) -> tuple[bool, str]:
        """The patched form must be right where the dtype holds the result, and agree with an original that is."""
        allowed = self.tolerance.error
        patched = max(self.forward_errors.patched, self.gradient_errors.patched)
        if self.failed:
            return patched <= allowed, f"the original raises {self.failed}; patched {_off(patched, allowed)}"
        original = max(self.forward_errors.original or 0.0, self.gradient_errors.original or 0.0)
        if original > allowed >= patched and not self.setting.is_reference:
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
        for name, found, allowed in (
            ("values", self.forward, self.tolerance.forward),
            ("gradients", self.gradient, self.tolerance.gradient),
        ):
            if found.max_abs > allowed:
                return f"{name} differ by {found.max_abs:.2g}, {allowed:.2g} is allowed"
        return ""


def _tried(call: Callable[[], Found]) -> tuple[Found | None, Exception | None]:
    """What a call returns, or what it raises."""
    try:
        return call(), None
    except Exception as error:
        return None, error


def _says_no_kernel(error: Exception | None) -> bool:
    return any(words in str(error) for words in _NO_SUCH_KERNEL)


def _line(error: Exception | None) -> str:
    return "" if error is None else first_line(error)


def _off(error: float, allowed: float) -> str:
    return f"{error:.2g} off {REFERENCE}, {allowed:.2g} is allowed"
