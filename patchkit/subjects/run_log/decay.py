"""The learning rate of a run after its warm-up, fitted to the rows of its log."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from patchkit.errors import SourceUnreadable
from patchkit.subjects.run_log.rates import Rates, half_a_digit

FIT = 1e-4  # of lr0: five digits are logged
DOUBT = 2.5  # times half a digit, over the root of the rows: how far the fit may be off where it is led back to
AFTER = 2  # rows after warm-up: it may end one later than it seems, and the next row not yet be stepped
STEPPED_ROWS = 3  # after warm-up, to fit a line
CURVED_ROWS = 10  # after warm-up, to fit half a cosine whose length is not known
LONGEST = 10  # times the rows: how much longer a run may have been configured
SEARCHED_ROWS = 40  # of the log, to search for that length
USUAL_ENDS = (0.01, 0.1, 0.2, 0.05, 0.001, 0.02, 0.005, 0.0)  # `lrf`
RARE_ENDS = (0.5, 0.3, 0.15)  # believed of no run, but not ruled out
EARLY = "the run may have ended early, or have been resumed with other options"


@dataclass(frozen=True)
class Decay:
    """The rate without warm-up, fitted to the rows after it."""

    lr0: float
    shape: Callable[[float], float]  # from 1 down, by the epoch
    drop: float  # how much of lr0 the shape takes away where it is 0
    is_cosine: bool
    length: int  # epochs until the shape is 0
    error: float = 0.0  # of a rate during warm-up
    is_late: bool = False  # up to 8.1.41: a row after warm-up has the rate of the epoch before

    def at(self, epoch: float) -> float:
        return self.lr0 * (1 - self.drop * (1 - self.shape(epoch)))


def fitted_decay(rates: Rates, path: Path) -> tuple[Decay, int]:
    """The decay, and the first row that has its full rate."""
    weights = rates.weights
    peak = weights.index(max(weights))
    stepped = range(peak + AFTER, len(weights))
    if len(stepped) < STEPPED_ROWS:
        raise SourceUnreadable(
            f"{path}: {len(weights)} epochs, too few after the warm-up to tell how the learning rate falls",
            f"name the log of a run with at least {peak + 2 + STEPPED_ROWS} epochs",
        )
    for decay, error in _fits(weights, stepped):
        if decay.lr0 > 0 and error <= _allowed(decay, weights, stepped, rates.digits):
            doubt = DOUBT * _digit(weights, stepped, rates.digits) / math.sqrt(len(stepped))
            return _placed(replace(decay, error=doubt), weights, peak, rates)
    raise SourceUnreadable(
        f"{path}: after warm-up the learning rates fall neither linearly nor as a whole cosine: {EARLY}",
        "name the log of one run that was trained to its end",
    )


def _fits(weights: Sequence[float], rows: range) -> Iterator[tuple[Decay, float]]:
    """A line, half a cosine of the length of the log, and the longer one that fits best."""
    total = len(weights)
    yield _fit(weights, rows, _line(total), total, is_cosine=False)
    yield _fit(weights, rows, _cosine(total), total, is_cosine=True)
    if len(rows) >= CURVED_ROWS:
        length = _length(weights, rows)
        yield _fit(weights, rows, _cosine(length), length, is_cosine=True)


def _length(weights: Sequence[float], rows: range) -> int:
    """How long the half cosine is that fits best."""
    total = len(weights)
    few = rows[:: max(len(rows) // SEARCHED_ROWS, 1)]
    step = 1 if total <= 500 else 10
    start = total if step == 1 else math.ceil(total / step) * step
    lengths = range(start, LONGEST * total + 1, step)
    return min(lengths, key=lambda length: _fit(weights, few, _cosine(length), length, is_cosine=True)[1])


def _allowed(decay: Decay, weights: Sequence[float], rows: range, digits: int) -> float:
    """How far a row may be from the fit: two halves of the last digit."""
    return min(FIT * decay.lr0, 2 * _digit(weights, rows, digits) + 1e-6 * decay.lr0)


def _digit(weights: Sequence[float], rows: range, digits: int) -> float:
    """Half of the last digit of the row that is logged most coarsely."""
    return max(half_a_digit(weights[row], digits) for row in rows)


def _fit(
    weights: Sequence[float], rows: Sequence[int], shape: Callable[[float], float], length: int, *, is_cosine: bool
) -> tuple[Decay, float]:
    """Least squares of a + b * shape(row), and the largest deviation. The scheduler's step may come late."""
    best: tuple[Decay, float] | None = None
    for late in (0, 1) if is_cosine else (0,):
        places = [shape(row - late) for row in rows]
        values = [weights[row] for row in rows]
        middle, mean = math.fsum(places) / len(rows), math.fsum(values) / len(rows)
        spread = math.fsum((place - middle) ** 2 for place in places)
        slope = math.fsum((x - middle) * (y - mean) for x, y in zip(places, values, strict=True)) / spread
        lr0 = mean + slope * (1 - middle)
        decay = Decay(
            lr0,
            shape if not late else _later(shape),
            slope / lr0 if lr0 else 0.0,
            is_cosine,
            length,
            is_late=bool(late),
        )
        error = max(abs(lr0 - slope * (1 - x) - y) for x, y in zip(places, values, strict=True))
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
    if fitted.is_cosine:
        if not fitted.is_late:
            return replace(fitted, lr0=_round(fitted.lr0)), full
        return replace(fitted, lr0=_round(fitted.at(1)), shape=_cosine(fitted.length)), full
    here, next_ = fitted.at(full), fitted.at(full + 1)
    is_nearer = abs(weights[full] - next_) < abs(weights[full] - here)
    if not is_nearer or not _stands_still(weights, full):
        return replace(fitted, lr0=_round(fitted.lr0)), full
    begin = fitted.at(1)
    return replace(fitted, lr0=_round(begin), drop=fitted.drop * fitted.lr0 / begin, is_late=True), full


def _stands_still(weights: Sequence[float], full: int) -> bool:
    """True if a rate comes twice after warm-up, where the step is late. `full` may be one row early."""
    return weights[full] == weights[full + 1] or weights[full + 1] == weights[full + 2]


def _first_full(fitted: Decay, rates: Rates, peak: int) -> int:
    """The first row after warm-up: the peak, or the one behind it."""
    weights, biases = rates.weights, rates.biases
    if biases is not None and biases != weights:
        return peak + 1 if biases[peak] != weights[peak] else peak
    next_is_late = _agree(weights[peak + 1], fitted.at(peak + 2), rates.digits)
    here_is_full = _agree(weights[peak], fitted.at(peak), rates.digits)
    here_is_late = _stands_still(weights, peak) and _agree(weights[peak], fitted.at(peak + 1), rates.digits)
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


@dataclass(frozen=True)
class End:
    """Where a decay ends: None where several ends are possible, which are then listed."""

    lrf: float | None
    epochs: int | None
    possible: tuple[tuple[float, int], ...] = ()  # lrf, epochs


def end_of(decay: Decay, rates: Rates, full: int) -> End:
    """`lrf` and `epochs`, if the log goes on to the end of the decay, or only one usual end is on its way.

    The beginning of a line is the beginning of many: of 200 epochs down to 10 %, and of 220 down to 1 %.
    """
    weights = rates.weights
    if abs(decay.drop) <= FIT:
        return End(1.0, None)
    rows = range(full + AFTER, len(weights))
    fitting = [
        (lrf, epochs)
        for lrf, epochs in (_cosine_ends if decay.is_cosine else _line_ends)(decay, len(weights))
        if epochs >= len(weights) and _explains(lrf, epochs, decay, rates, rows)
    ]
    whole = [lrf for lrf, epochs in fitting if epochs == len(weights) and (lrf in USUAL_ENDS or decay.is_cosine)]
    if whole:
        return End(whole[0], len(weights)) if len(whole) == 1 else End(None, len(weights))
    usual = [(lrf, epochs) for lrf, epochs in fitting if epochs % 10 == 0]
    if len(fitting) == 1 and usual and fitting[0][0] in USUAL_ENDS:
        return End(*fitting[0])
    return End(None, None, tuple(sorted(usual, key=lambda pair: pair[1])))


def _line_ends(decay: Decay, rows: int) -> Iterator[tuple[float, int]]:
    for lrf in (*USUAL_ENDS, *RARE_ENDS):
        yield lrf, round((1 - lrf) * rows / decay.drop)


def _cosine_ends(decay: Decay, rows: int) -> Iterator[tuple[float, int]]:
    around = max(decay.length // 4, 10)
    lrf = round(1 - decay.drop, 2)
    for length in range(max(rows, decay.length - around), decay.length + around + 1):
        yield from ((end, length) for end in dict.fromkeys((*USUAL_ENDS, *RARE_ENDS, lrf)))


def exact(decay: Decay, end: End, rates: Rates, full: int) -> Decay:
    """The decay by the options that are known of it, if they give every row; else as it was fitted."""
    if end.lrf is None or (end.epochs is None and end.lrf != 1):
        return decay
    epochs = end.epochs or decay.length
    least, most = _starts(end.lrf, epochs, decay, rates, range(full + AFTER, len(rates.weights)))
    if not least <= decay.lr0 <= most:
        return decay
    shape = _cosine(epochs) if decay.is_cosine else _line(epochs)
    return replace(decay, shape=shape, drop=1 - end.lrf, length=epochs, error=0.0)


def _explains(lrf: float, epochs: int, decay: Decay, rates: Rates, rows: range) -> bool:
    """True if one lr0 gives every row, to the digits that are logged."""
    least, most = _starts(lrf, epochs, decay, rates, rows)
    return least <= most


def _starts(lrf: float, epochs: int, decay: Decay, rates: Rates, rows: range) -> tuple[float, float]:
    """The least and the largest lr0 with which every row would have been logged."""
    shape = _cosine(epochs) if decay.is_cosine else _line(epochs)
    least, most = 0.0, math.inf
    for row in rows:
        part = 1 - (1 - lrf) * (1 - shape(row - decay.is_late))
        slack = 1.05 * half_a_digit(rates.weights[row], rates.digits)
        if part <= 0:
            return math.inf, 0.0
        least, most = max(least, (rates.weights[row] - slack) / part), min(most, (rates.weights[row] + slack) / part)
        if least > most:
            break
    return least, most
