"""The effective schedule of an ultralytics run: learning rates and momentum, iteration by iteration.

Source   `BaseTrainer._setup_scheduler` and `_do_train` of the releases: 8.1.34 engine/trainer.py:215-221, 330, 366-376
         and 452; 8.1.42, where the scheduler's step moves to the start of an epoch; 8.4.103, without a floor of 100
         iterations and with `<` for `<=`; 8.4.183, with `<=` again; 8.4.190 engine/trainer.py:268-279, 501, 521-538.
"""

import math
from dataclasses import dataclass
from typing import Protocol

from patchkit.recipes.surroundings import Surroundings
from patchkit.recipes.warmup import FLOOR
from patchkit.subjects.config import TrainConfig
from patchkit.subjects.release import Release

NOMINAL_ITERATIONS = 1000  # an epoch, where nothing says how many images there are
START = "start"
AUTO_LR, AUTO_MOMENTUM = 0.01, 0.9  # of `optimizer: auto` in a long run
WITH_MOMENTUM = ("sgd", "musgd", "rmsprop")  # the others hold betas, which warm-up leaves alone


class Course(Protocol):
    """What an optimizer is given, by the iteration, in whichever framework."""

    @property
    def lr0(self) -> float: ...
    @property
    def epochs(self) -> int: ...
    @property
    def iterations(self) -> int: ...
    @property
    def iterations_per_epoch(self) -> int: ...
    @property
    def is_nominal(self) -> bool: ...
    @property
    def warmup_iterations(self) -> int: ...
    @property
    def warmup_bias_lr(self) -> float: ...
    def lr(self, iteration: int) -> float: ...
    def bias_lr(self, iteration: int) -> float: ...
    def momentum_at(self, iteration: int) -> float: ...


@dataclass(frozen=True)
class Schedule:
    """What the optimizer is given. Iterations count from 0, over all epochs."""

    lr0: float
    lrf: float  # of lr0, at the end
    epochs: int
    cos_lr: bool
    warmup_iterations: int  # 0: none
    warmup_bias_lr: float
    warmup_momentum: float
    momentum: float
    iterations_per_epoch: int
    is_nominal: bool = False  # iterations_per_epoch is NOMINAL_ITERATIONS, for want of the number of images
    steps_late: bool = False  # up to 8.1.41: after warm-up each epoch has the rate of the one before
    stops_short: bool = False  # 8.4.103 to 8.4.182: the last iteration of warm-up is not the full rate

    def lr(self, iteration: int) -> float:
        """Of weights and normalization layers."""
        return self._rate(iteration, 0.0)

    def bias_lr(self, iteration: int) -> float:
        return self._rate(iteration, self.warmup_bias_lr)

    def momentum_at(self, iteration: int) -> float:
        return _between(self.warmup_momentum, self.momentum, self._warmed(iteration))

    @property
    def iterations(self) -> int:
        return self.epochs * self.iterations_per_epoch

    def _rate(self, iteration: int, start: float) -> float:
        epoch = iteration // self.iterations_per_epoch
        # Until the next epoch begins, the optimizer keeps what warm-up gave it last.
        if self.warmup_iterations and epoch <= self._last_warmed // self.iterations_per_epoch:
            return _between(start, self._scheduled(epoch), self._warmed(iteration))
        return self._scheduled(max(epoch - 1, 0) if self.steps_late else epoch)

    def _warmed(self, iteration: int) -> float:
        """How much of warm-up is done, 0 to 1."""
        return min(iteration, self._last_warmed) / self.warmup_iterations if self.warmup_iterations else 1.0

    @property
    def _last_warmed(self) -> int:
        """The last iteration whose rates warm-up sets."""
        return self.warmup_iterations - 1 if self.stops_short else self.warmup_iterations

    def _scheduled(self, epoch: int) -> float:
        if self.cos_lr:
            return self.lr0 * (1 + (1 - math.cos(epoch * math.pi / self.epochs)) / 2 * (self.lrf - 1))
        return self.lr0 * (max(1 - epoch / self.epochs, 0) * (1 - self.lrf) + self.lrf)


@dataclass(frozen=True)
class Values:
    """What the optimizer has at one moment."""

    lr: float
    bias_lr: float
    momentum: float


@dataclass(frozen=True)
class Moment:
    """One row of a table: a moment of the training before and after the fixes."""

    name: str
    before: Values
    after: Values


def rows(before: Course, after: Course) -> tuple[Moment, ...]:
    """The moments that tell two schedules apart, in order, each at its own iteration of either.

    Of a short training whose warm-up is long, what would lie within warm-up is left out.
    """
    named = zip(_points(before), _points(after), strict=True)
    return tuple(
        Moment(name, _values(before, old), _values(after, new))
        for (name, old), (_, new) in named
        if name == START or (old >= _end_of_warmup(before) and new >= _end_of_warmup(after))
    )


def schedule_of(config: TrainConfig, around: Surroundings) -> Schedule | None:
    """The schedule by the effective values; None if the batch, the epochs or a rate are not known.

    Without the number of images an epoch has NOMINAL_ITERATIONS, so that the shape can still be shown; `optimizer:
    auto` is then taken to train long. For a short run its rate depends on the classes, which are not known here.
    """
    epochs, warmup_epochs = config.number("epochs"), config.number("warmup_epochs")
    numbers = [config.number(key) for key in ("lrf", "warmup_bias_lr", "warmup_momentum", "momentum")]
    chosen = _chosen_by_auto(config, around) if config.is_auto else None
    lr0 = config.number("lr0") if not config.is_auto else chosen
    if config.batch is None or lr0 is None or epochs is None or epochs < 1 or warmup_epochs is None:
        return None
    if any(number is None for number in numbers) or around.images == 0:
        return None
    lrf, bias_lr, start, momentum = (number for number in numbers if number is not None)
    per_epoch = math.ceil(around.images / config.batch) if around.images else NOMINAL_ITERATIONS
    warmup = _warmup_iterations(config.release, warmup_epochs, int(epochs), per_epoch)
    if chosen is not None:
        bias_lr = 0.0
        momentum = momentum if warmup and _has_momentum(config, around) else AUTO_MOMENTUM
    number = config.release.number
    return Schedule(
        lr0,
        lrf,
        int(epochs),
        config.value("cos_lr") is True,
        warmup,
        bias_lr,
        start if _has_momentum(config, around) else momentum,
        momentum,
        per_epoch,
        is_nominal=not around.images,
        steps_late=number < (8, 1, 42),
        stops_short=(8, 4, 103) <= number < (8, 4, 183),
    )


def _points(schedule: Course) -> list[tuple[str, int]]:
    """The moments of a table with their iterations."""
    parts = [(f"{part} %", schedule.epochs * part // 100 * schedule.iterations_per_epoch) for part in (25, 50, 75)]
    warmed = ("end of warm-up", _end_of_warmup(schedule))
    return [(START, 0), warmed, *parts, ("last epoch", schedule.iterations - 1)]


def _end_of_warmup(schedule: Course) -> int:
    return min(schedule.warmup_iterations, schedule.iterations - 1)


def _values(schedule: Course, point: int) -> Values:
    return Values(schedule.lr(point), schedule.bias_lr(point), schedule.momentum_at(point))


def _warmup_iterations(release: Release, warmup_epochs: float, epochs: int, per_epoch: int) -> int:
    if not release.has_warmup_floor:
        return max(round(min(warmup_epochs, epochs - 1) * per_epoch), 0)
    if warmup_epochs <= 0 and release.number >= (8, 0, 119):
        return 0
    return max(round(warmup_epochs * per_epoch), FLOOR)


def _is_long(config: TrainConfig, around: Surroundings) -> bool:
    """True if `auto` takes this for a long run, or nothing says that it is short."""
    epochs, nbs = config.number("epochs"), config.number("nbs")
    if not around.images or config.batch is None or epochs is None or nbs is None:
        return True
    limit = 6_000 if config.release.number < (8, 0, 114) else 10_000
    return math.ceil(around.images / max(config.batch, nbs)) * epochs > limit


def _chosen_by_auto(config: TrainConfig, around: Surroundings) -> float | None:
    """The learning rate that `auto` takes; None for a short run, where it depends on the classes."""
    if _is_long(config, around):
        return AUTO_LR
    return 0.001 if config.release.number < (8, 0, 114) else None


def _has_momentum(config: TrainConfig, around: Surroundings) -> bool:
    if config.is_auto and not _is_long(config, around):
        return False  # NAdam, in the one release whose short run is known
    return config.optimizer.lower() in WITH_MOMENTUM


def _between(start: float, end: float, part: float) -> float:
    return start + (end - start) * part
