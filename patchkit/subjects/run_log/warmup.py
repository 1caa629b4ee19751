"""The warm-up of a run, by the rows of its log."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from patchkit.subjects.run_log.decay import FIT, Decay
from patchkit.subjects.run_log.rates import Rates, half_a_digit

FLOOR = 100  # iterations of warm-up at least, up to 8.4.102
LONGEST_EPOCH = 200_000  # iterations; what fits up to here cannot be told from longer ones
SAMPLES = 2_000  # of the lengths, where they cannot be told apart
KNOWN = 0.02  # of `warmup_epochs`: what leaves more open is not known
BIAS_KNOWN = 5e-3  # of `warmup_bias_lr`


@dataclass(frozen=True)
class Warmup:
    """Warm-up as the rows tell it."""

    epochs: float | None = None
    iterations: int | None = None
    per_epoch: tuple[int, ...] = ()  # every number of iterations that fits
    bias_lr: float | None = None


Pair = tuple[int, int]  # iterations of an epoch, and of warm-up
Bounds = tuple[float, float]


def fitted_warmup(rates: Rates, decay: Decay, full: int) -> Warmup:
    """Warm-up by the rows before `full`: how far it was at the end of each epoch.

    What does not explain every row is not claimed; one row explains too much. `warmup_epochs` is taken to have two
    decimals at most.
    """
    done = [_done(rates, decay, row) for row in range(full)]
    if not done or done[0][1] >= 1:
        return Warmup()
    bias_lr = _bias_lr(rates, done)
    if len(done) < 2:
        return Warmup(bias_lr=bias_lr)
    pairs = [pair for stops_short in (False, True) for pair in _pairs(done, stops_short=stops_short)]
    is_open = any(length >= LONGEST_EPOCH for length, _ in pairs)
    if bias_lr is not None:
        pairs = [pair for pair in pairs if _leads_biases(pair, rates, decay, full, bias_lr)]
    if not pairs:
        return Warmup(bias_lr=bias_lr)
    epochs, likely = _epochs(pairs)
    per_epoch = tuple(sorted({length for length, _ in likely}))
    iterations = {iterations for _, iterations in likely}
    return Warmup(
        None if FLOOR in iterations else epochs,  # it may be less
        iterations.pop() if len(iterations) == 1 else None,
        () if is_open else per_epoch,
        bias_lr,
    )


def _done(rates: Rates, decay: Decay, row: int) -> Bounds:
    """How much of warm-up was done at the end of a row: at least, and at most."""
    logged, rate = rates.weights[row], decay.at(row)
    slack = _slack(logged, decay, rates.digits)
    return (logged - slack) / rate, (logged + slack) / rate


def _pairs(done: Sequence[Bounds], *, stops_short: bool) -> Iterator[Pair]:
    """The lengths that would have logged these rows; `stops_short` has the last row cut off one iteration early."""
    if not stops_short:
        yield from _uncut(done)
        return
    if done[-1][1] >= 1:
        return
    for iterations in range(max(math.ceil(1 / (1 - done[-1][0])), 2), math.floor(1 / (1 - done[-1][1])) + 1):
        if iterations > LONGEST_EPOCH:
            return
        low = max(math.ceil((low_ * iterations + 1) / row) for row, (low_, _) in enumerate(done[:-1], 1))
        high = min(math.floor((high_ * iterations + 1) / row) for row, (_, high_) in enumerate(done[:-1], 1))
        for length in range(max(low, 1), high + 1):
            if (len(done) - 1) * length < iterations <= len(done) * length:
                yield length, iterations


def _uncut(done: Sequence[Bounds]) -> Iterator[Pair]:
    """Row r at `((r + 1) * length - 1) / iterations`, and the row after them at the full rate."""
    last = len(done) - 1
    slopes = (done[last][0] - done[0][1]) / last, (done[last][1] - done[0][0]) / last
    if slopes[0] <= 0:
        return
    least, most = slopes[0] - done[0][1], slopes[1] - done[0][0]  # 1 / iterations
    if most <= 0:
        return
    low = max(math.floor(slopes[0] / most), 1)
    high = min(math.ceil(slopes[1] / least), LONGEST_EPOCH) if least > 0 else LONGEST_EPOCH
    step = max((high - low) // SAMPLES, 1) if _iterations(done, LONGEST_EPOCH) else 1
    for length in (*range(low, high, step), high):
        yield from ((length, iterations) for iterations in _iterations(done, length))


def _iterations(done: Sequence[Bounds], length: int) -> range:
    """The iterations of warm-up that explain all rows with epochs of this length."""
    ends = [(row * length - 1, bounds) for row, bounds in enumerate(done, 1)]
    if ends[0][0] < 1 or ends[0][1][0] <= 0:
        return range(0)
    fewest = max(math.ceil(end / most) for end, (_, most) in ends)
    largest = min(math.floor(end / least) for end, (least, _) in ends)
    longest = math.floor(((len(done) + 1) * length - 1) * (1 + FIT))  # the next row is full, but for rounding
    return range(max(fewest, len(done) * length), min(largest, longest) + 1)


def _leads_biases(pair: Pair, rates: Rates, decay: Decay, full: int, bias_lr: float) -> bool:
    """True if warm-up of these lengths leads the biases through their rows."""
    if rates.biases is None:
        return True
    per_epoch, iterations = pair
    for row in range(full):
        part, rate, logged = (
            min((row + 1) * per_epoch - 1, iterations - 1) / iterations,
            decay.at(row),
            rates.biases[row],
        )
        if abs(bias_lr * (1 - part) + part * rate - logged) > _slack(logged, decay, rates.digits):
            return False
    return True


def _epochs(pairs: Sequence[Pair]) -> tuple[float | None, Sequence[Pair]]:
    """The roundest `warmup_epochs` of these lengths, if they leave no doubt, and the lengths that it gives."""
    low = min((iterations - 0.5) / length for length, iterations in pairs)
    high = max((iterations + 0.5) / length for length, iterations in pairs)
    hundredths = range(math.ceil(low * 100), math.floor(high * 100) + 1)
    for digits in (0, 1, 2, 3):
        value = round((low + high) / 2, digits)
        given = [pair for pair in pairs if round(value * pair[0]) == pair[1]]
        if low <= value <= high and given:
            if len(hundredths) == 1 and digits < 3:
                return value, given
            return (value, pairs) if high - low <= KNOWN * low or len(given) == len(pairs) else (None, pairs)
    return None, pairs


def _slack(logged: float, decay: Decay, digits: int) -> float:
    """Half of the last digit, and the error of the fitted decay."""
    return 1.05 * half_a_digit(logged, digits) + decay.error


def _bias_lr(rates: Rates, done: Sequence[Bounds]) -> float | None:
    """Where the biases begin; None if the first row is too far on to tell."""
    if rates.biases is None:
        return None
    bias, weight = rates.biases[0], rates.weights[0]
    left = 1 - done[0][1], 1 - done[0][0]
    error = half_a_digit(bias, rates.digits) + half_a_digit(weight, rates.digits)
    if rates.biases[: len(done)] == rates.weights[: len(done)]:
        return 0.0 if error / left[0] <= BIAS_KNOWN * max(rates.weights) else None
    value = 2 * (bias - weight) / (left[0] + left[1])
    doubt = error / left[0] + abs(value) * (left[1] - left[0]) / left[0]
    if value <= 0 or doubt > BIAS_KNOWN * value:
        return None
    rounded = float(f"{value:.2g}")
    return rounded if abs(rounded - value) <= doubt else float(f"{value:.4g}")
