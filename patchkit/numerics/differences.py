"""How far arrays are apart: between original and patched, and from the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Sequence

from .rows import Difference, Pair

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


class Errors:
    """The greatest absolute errors against the reference; None where the original cannot be run."""

    def __init__(self) -> None:
        self.original: float | None = 0.0
        self.patched = 0.0

    def pair(self) -> Pair:
        return Pair(self.original, self.patched)


class Differences:
    """The greatest differences of many arrays."""

    def __init__(self) -> None:
        self.max_abs, self.largest, self.bit_equal, self.is_empty = 0.0, 0.0, True, True

    def add(self, mine: Sequence[Array], theirs: Sequence[Array]) -> None:
        import numpy as np

        if len(mine) != len(theirs):
            self.max_abs = float("inf")
        for one, other in zip(mine, theirs):
            self.is_empty = False
            self.bit_equal &= (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
            self.max_abs = max(self.max_abs, greatest([one], [other]))
            finite = np.abs(other[np.isfinite(other)])
            self.largest = max(self.largest, float(finite.max()) if finite.size else 0.0)

    def summary(self, tolerance: float) -> Difference | None:
        if self.is_empty:
            return None
        relative = self.max_abs / self.largest if self.largest else self.max_abs
        return Difference(self.max_abs, relative, self.bit_equal, tolerance)


def greatest(mine: Sequence[Array], theirs: Sequence[Array]) -> float:
    """The greatest absolute difference; infinite where one is NaN or inf and the other is not."""
    import numpy as np

    largest = 0.0
    for one, other in zip(mine, theirs):
        if one.shape != other.shape:
            return float("inf")
        a, b = one.astype("float64"), other.astype("float64")
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        difference = np.abs(np.where(same, 0.0, a) - np.where(same, 0.0, b))
        difference = np.where(np.isnan(difference), np.inf, difference)  # NaN is below no tolerance
        largest = max(largest, float(difference.max()) if difference.size else 0.0)
    return largest
