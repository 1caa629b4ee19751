"""The rows of `verify --numerics`: one for each site, device and dtype, and for each difference by design."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

MARK = b"patchkit-numerics:"  # what stands before the answer of the process


@dataclass(frozen=True)
class Difference:
    """Between original and patched, over all shapes and seeds."""

    max_abs: float
    max_rel: float  # of the greatest value of the original
    bit_equal: bool
    tolerance: float  # of max_abs


@dataclass(frozen=True)
class Pair:
    """The same measure of the original and of the patched form."""

    original: float | None
    patched: float | None


@dataclass(frozen=True)
class Row:
    """One comparison."""

    site: str
    inputs: str
    device: str
    dtype: str
    by_design: bool
    ok: bool
    message: str  # why it is not ok, or what was observed
    forward: Difference | None = None
    gradient: Difference | None = None
    forward_error: Pair | None = None  # greatest absolute error against the original in float64 on the CPU
    gradient_error: Pair | None = None
    forward_ms: Pair | None = None
    backward_ms: Pair | None = None
    peak_bytes: Pair | None = None  # of forward and backward together, beyond what was allocated before
    error_tolerance: float | None = None  # of both errors; None of a difference by design
    compared: bool = True  # False where the device has no such dtype, or the framework cannot show the difference


def row_of(item: Mapping[str, Any]) -> Row:
    """The row that was sent as plain dicts (`dataclasses.asdict`)."""
    kinds: dict[str, Any] = {"forward": Difference, "gradient": Difference}
    fields: dict[str, Any] = {
        key: kinds.get(key, Pair)(**value) if isinstance(value, dict) else value for key, value in item.items()
    }
    return Row(**fields)
