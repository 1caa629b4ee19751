"""The learning rate of a run after its warm-up, fitted to the rows of its log."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from patchkit.errors import SourceUnreadable
from patchkit.subjects.run_log.rates import Rates, half_a_digit

FIT = 1e-4  # of lr0: five digits are logged
STEPPED_ROWS = 3  # after warm-up, to fit a line
USUAL_END = 0.3  # an lrf above it is rarer than a run that ended early


@dataclass(frozen=True)
class Decay:
    """The rate without warm-up, fitted to the rows after it."""

    lr0: float
    shape: Callable[[float], float]  # from 1 down, by the epoch
    drop: float  # how much of lr0 the shape takes away where it is 0
    is_cosine: bool

    def at(self, epoch: float) -> float:
        return self.lr0 * (1 - self.drop * (1 - self.shape(epoch)))


def fitted_decay(rates: Rates, path: Path) -> tuple[Decay, int]:
    """The decay, and the first row that has its full rate."""
    weights = rates.weights
    peak = weights.index(max(weights))
    stepped = range(peak + 2, len(weights))  # the peak may be the end of warm-up, and the next row not yet stepped
    if len(stepped) < STEPPED_ROWS:
        raise SourceUnreadable(
            f"{path}: {len(weights)} epochs, too few after the warm-up to tell how the learning rate falls",
            f"name the log of a run with at least {peak + 2 + STEPPED_ROWS} epochs",
        )
    fitted = [_fit(weights, stepped, is_cosine=shape) for shape in (False, True)]
    for decay, error in sorted(fitted, key=lambda pair: pair[1] > FIT * pair[0].lr0):
        if decay.lr0 > 0 and error <= FIT * decay.lr0:
            return _placed(decay, weights, peak, rates)
    raise SourceUnreadable(
        f"{path}: after warm-up the learning rates fall neither linearly nor as a cosine",
        "name the log of one run that was not resumed with other options",
    )


def _fit(weights: Sequence[float], rows: range, *, is_cosine: bool) -> tuple[Decay, float]:
    """Least squares of a + b * shape(row), and the largest deviation. The scheduler's step may come late."""
    total = len(weights)
    best: tuple[Decay, float] | None = None
    for late in (0, 1) if is_cosine else (0,):
        shape = _cosine(total) if is_cosine else _line(total)
        places = [shape(row - late) for row in rows]
        values = [weights[row] for row in rows]
        middle, mean = math.fsum(places) / len(rows), math.fsum(values) / len(rows)
        spread = math.fsum((place - middle) ** 2 for place in places)
        slope = math.fsum((x - middle) * (y - mean) for x, y in zip(places, values, strict=True)) / spread
        lr0 = mean + slope * (1 - middle)
        decay = Decay(lr0, shape if not late else _later(shape), slope / lr0 if lr0 else 0.0, is_cosine)
        error = max(abs(decay.at(row) - weights[row]) for row in rows)
        if best is None or error < best[1]:
            best = decay, error
    assert best is not None
    return best


def _line(total: int) -> Callable[[float], float]:
    return lambda epoch: 1 - epoch / total


def _cosine(total: int) -> Callable[[float], float]:
    return lambda epoch: (1 + math.cos(epoch * math.pi / total)) / 2


def _later(shape: Callable[[float], float]) -> Callable[[float], float]:
    return lambda epoch: shape(epoch - 1)


def _placed(fitted: Decay, weights: Sequence[float], peak: int, rates: Rates) -> tuple[Decay, int]:
    """The decay by the true epoch. Up to 8.1.41 a row has the rate of the epoch before, but not right after warm-up."""
    full = _first_full(fitted, rates, peak)
    here, next_ = fitted.at(full), fitted.at(full + 1)
    is_late = abs(weights[full] - next_) < abs(weights[full] - here)
    if not is_late:
        lr0 = fitted.lr0
        return Decay(_round(lr0), fitted.shape, fitted.drop, fitted.is_cosine), full
    begin = fitted.at(1)
    shape = fitted.shape
    if fitted.is_cosine:
        plain = _cosine(len(weights))
        return Decay(_round(begin), plain, fitted.drop, True), full
    return Decay(_round(begin), shape, fitted.drop * fitted.lr0 / begin, False), full


def _first_full(fitted: Decay, rates: Rates, peak: int) -> int:
    """The first row after warm-up: the peak, or the one behind it."""
    weights, biases = rates.weights, rates.biases
    if biases is not None and biases != weights:
        return peak + 1 if biases[peak] != weights[peak] else peak
    next_is_late = _agree(weights[peak + 1], fitted.at(peak + 2), rates.digits)
    here_is_full = _agree(weights[peak], fitted.at(peak), rates.digits)
    here_is_late = _agree(weights[peak], fitted.at(peak + 1), rates.digits)
    return peak if (here_is_full or here_is_late) and not next_is_late else peak + 1


def _agree(one: float, other: float, digits: int) -> bool:
    return abs(one - other) <= 1.5 * half_a_digit(one, digits)


def _round(value: float) -> float:
    """A value with few digits that is within the error of the fit, else five digits."""
    for digits in (1, 2, 3, 4):
        rounded = float(f"{value:.{digits}g}")
        if math.isclose(rounded, value, rel_tol=5e-5):
            return rounded
    return float(f"{value:.5g}")


def end_of(decay: Decay, rows: int) -> tuple[float | None, int | None]:
    """`lrf` and `epochs`: of the whole decay, or of the usual one to 1 % of which the run saw only the beginning."""
    lrf = 1 - decay.drop
    rounded = next((value for value in (round(lrf, 2), float(f"{lrf:.1g}")) if abs(value - lrf) <= FIT / 2), None)
    if rounded is not None and (rounded < USUAL_END or decay.is_cosine):
        return max(rounded, 0.0), rows
    length = rows * (1 - 0.01) / decay.drop if decay.drop > FIT else 0.0
    if not decay.is_cosine and round(length) > rows and abs(round(length, -1) - length) <= FIT * length:
        return 0.01, round(length)
    return (rounded, rows) if rounded is not None else (None, None)
