"""The warm-up of a run, by the rows of its log."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from patchkit.subjects.run_log.decay import FIT, Decay
from patchkit.subjects.run_log.rates import Rates, half_a_digit

FLOOR = 100  # iterations of warm-up at least, up to 8.4.102
LONGEST_EPOCH = 200_000  # iterations; what fits up to here cannot be told from longer ones


@dataclass(frozen=True)
class Warmup:
    """Warm-up as the rows tell it."""

    epochs: float | None = None
    iterations: int | None = None
    per_epoch: tuple[int, ...] = ()  # every number of iterations that fits
    bias_lr: float | None = None


def fitted_warmup(rates: Rates, decay: Decay, full: int) -> Warmup:
    """Warm-up by the rows before `full`: how far it was at the end of each epoch."""
    if full == 0:
        return Warmup()
    done = [rates.weights[row] / decay.at(row) for row in range(full)]
    bias_lr = _bias_lr(rates, done)
    fitting = [
        (epochs, pairs)
        for epochs in _possible(done)
        if (pairs := [pair for pair in _lengths(epochs, done[0]) if _fits(pair, rates, decay, full, bias_lr)])
    ]
    slope = _slope(done)
    measured = float(f"{1 / slope:.3g}") if slope else None
    if not fitting or (slope is None and len(fitting) > 1):
        return Warmup(measured, bias_lr=bias_lr)
    epochs, pairs = fitting[0]
    iterations = {iterations for _, iterations in pairs}
    per_epoch = tuple(sorted({length for length, _ in pairs}))
    if per_epoch[-1] >= LONGEST_EPOCH:
        per_epoch = ()
    return Warmup(epochs, iterations.pop() if len(iterations) == 1 else None, per_epoch, bias_lr)


def _slope(done: Sequence[float]) -> float | None:
    """How much of warm-up an epoch is, by two rows of it; the last row may be cut off by its end."""
    if len(done) < 2:
        return None
    last = max(len(done) - 2, 1)
    return (done[last] - done[0]) / last


def _possible(done: Sequence[float]) -> list[float | None]:
    """Values of `warmup_epochs` that the rows may come from; None for 100 iterations, the least of older releases."""
    slope = _slope(done)
    if slope is None:
        return [None, *(tenths / 10 for tenths in range(10, 20))]
    if slope <= 0:
        return []
    return [None, *dict.fromkeys(round(1 / slope, digits) for digits in (0, 1, 2) if round(1 / slope, digits) > 0)]


def _lengths(epochs: float | None, done: float) -> Iterator[tuple[int, int]]:
    """Iterations of an epoch with those of warm-up, around those that the first row asks for."""
    if epochs is None:
        yield from ((length, FLOOR) for length in range(1, FLOOR + 1))
        return
    left, error = 1 - epochs * done, epochs * FIT  # 1 / length, but for the rounding of the iterations
    if left + error > 0:
        low = max(int(0.4 / (left + error)), 1)
        high = min(math.ceil(1.6 / (left - error)), LONGEST_EPOCH) if left > error else LONGEST_EPOCH
        yield from ((length, round(epochs * length)) for length in range(low, high + 1))


def _fits(pair: tuple[int, int], rates: Rates, decay: Decay, full: int, bias_lr: float | None) -> bool:
    """True if these lengths would have logged the rows of warm-up."""
    per_epoch, iterations = pair
    if iterations < 1 or not (full - 1) * per_epoch <= iterations < (full + 1) * per_epoch:
        return False
    for row in range(full):
        part = min((row + 1) * per_epoch - 1, iterations - 1) / iterations
        rate = decay.at(row)
        if abs(part * rate - rates.weights[row]) > _slack(rates.weights[row], rate, rates.digits):
            return False
        if bias_lr is not None and rates.biases is not None:
            wanted = bias_lr * (1 - part) + part * rate
            if abs(wanted - rates.biases[row]) > _slack(rates.biases[row], rate, rates.digits):
                return False
    return True


def _slack(logged: float, rate: float, digits: int) -> float:
    """Half of the last digit, and the error of the fitted decay."""
    return 1.05 * half_a_digit(logged, digits) + 2e-6 * rate


def _bias_lr(rates: Rates, done: Sequence[float]) -> float | None:
    if rates.biases is None or done[0] >= 1:
        return None
    if rates.biases[: len(done)] == rates.weights[: len(done)]:
        return 0.0
    value = (rates.biases[0] - rates.weights[0]) / (1 - done[0])
    rounded = float(f"{value:.2g}")
    return rounded if math.isclose(rounded, value, rel_tol=5e-3) else float(f"{value:.4g}")
