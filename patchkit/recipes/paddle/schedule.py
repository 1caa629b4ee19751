"""The learning rate of a PaddleDetection training, iteration by iteration.

Source   ppdet/optimizer/optimizer.py of paddledet 2.6.0: CosineDecay, PiecewiseDecay, LinearWarmup, ExpWarmup and
         LearningRate; ppdet/engine/trainer.py:545, where the rate moves after every iteration.
"""

import math
from dataclasses import dataclass

from patchkit.recipes.surroundings import PaddleSurroundings
from patchkit.subjects.paddle.config import PaddleConfig

NOMINAL_ITERATIONS = 1000  # an epoch, where nothing says how many images there are
MOMENTUM = 0.9  # of the optimizer, where the configuration says none


@dataclass(frozen=True)
class Warmup:
    """From a part of the rate up to the whole."""

    iterations: int
    start: float = 0.0  # of the rate
    power: float = 1.0  # 1: linear


@dataclass(frozen=True)
class Cosine:
    """Half a cosine, whose length counts from the start of the training."""

    epochs: int
    least: float = 0.0  # of the rate
    plateau_epochs: int = 0  # at the least rate, in the end


@dataclass(frozen=True)
class Piecewise:
    """The rate times a factor from each milestone on."""

    milestones: tuple[int, ...]  # epochs
    factors: tuple[float, ...]


@dataclass(frozen=True)
class PaddleSchedule:
    """What the optimizer is given. Iterations count from 0; all parameters have one rate, and momentum stays."""

    lr0: float
    epochs: int
    decay: Cosine | Piecewise
    warmup: Warmup | None
    momentum: float
    iterations_per_epoch: int
    is_nominal: bool = False

    def lr(self, iteration: int) -> float:
        warmup = self.warmup
        if warmup is not None and iteration < warmup.iterations:
            part = math.pow(iteration / warmup.iterations, warmup.power)
            return self.lr0 * (warmup.start * (1 - part) + part)
        if isinstance(self.decay, Piecewise):
            return self._stepped(self.decay, iteration)
        return self._on_cosine(self.decay, iteration)

    def bias_lr(self, iteration: int) -> float:
        return self.lr(iteration)

    def momentum_at(self, iteration: int) -> float:
        return self.momentum

    @property
    def warmup_bias_lr(self) -> float:
        return self.lr(0)

    @property
    def warmup_iterations(self) -> int:
        return self.warmup.iterations if self.warmup else 0

    @property
    def iterations(self) -> int:
        return self.epochs * self.iterations_per_epoch

    def _stepped(self, decay: Piecewise, iteration: int) -> float:
        passed = sum(iteration >= milestone * self.iterations_per_epoch for milestone in decay.milestones)
        return self.lr0 * (decay.factors[passed - 1] if passed else 1.0)

    def _on_cosine(self, decay: Cosine, iteration: int) -> float:
        end = decay.epochs * self.iterations_per_epoch
        fall = end - decay.plateau_epochs * self.iterations_per_epoch
        least = self.lr0 * decay.least
        place = min(iteration, end - 1)
        if place >= fall or fall <= self.warmup_iterations:
            return least
        done = (place - self.warmup_iterations) / (fall - self.warmup_iterations)
        return least + (self.lr0 - least) * (math.cos(done * math.pi) + 1) / 2


def paddle_schedule(config: PaddleConfig, around: PaddleSurroundings) -> PaddleSchedule | None:
    """The schedule by the effective values; None for schedulers of other kinds, and numbers that are not known.

    An epoch has NOMINAL_ITERATIONS without the number of images.
    """
    lr0, epochs = config.number("LearningRate.base_lr"), _whole(config, "epoch")
    batch = _whole(config, "TrainReader.batch_size")
    schedulers = config.schedulers
    if lr0 is None or epochs is None or epochs < 1 or batch is None or batch < 1 or not schedulers:
        return None
    per_epoch = _iterations_per_epoch(config, around, batch)
    decay = _decay(config, schedulers[0].name, schedulers[0].path)
    with_warmup = config.value(f"{schedulers[0].path}.use_warmup") is not False
    if decay is None or per_epoch < 1 or (with_warmup and len(schedulers) < 2):
        return None
    warmup = _warmup(config, schedulers[1].name, schedulers[1].path, per_epoch) if with_warmup else None
    if with_warmup and warmup is None:
        return None
    momentum = config.number("OptimizerBuilder.optimizer.momentum")
    return PaddleSchedule(
        lr0,
        epochs,
        decay,
        warmup,
        momentum if momentum is not None else MOMENTUM,
        per_epoch,
        is_nominal=around.images is None,
    )


def _iterations_per_epoch(config: PaddleConfig, around: PaddleSurroundings, batch: int) -> int:
    if around.images is None:
        return NOMINAL_ITERATIONS
    step = batch * around.processes
    is_cut = config.value("TrainReader.drop_last") is True
    return around.images // step if is_cut else math.ceil(around.images / step)


def _decay(config: PaddleConfig, name: str, path: str) -> Cosine | Piecewise | None:
    if name == "CosineDecay":
        epochs = _whole(config, f"{path}.max_epochs", 1000)
        plateau = _whole(config, f"{path}.last_plateau_epochs", 0)
        least = config.number(f"{path}.min_lr_ratio")
        return Cosine(epochs, least or 0.0, plateau) if epochs and plateau is not None else None
    if name != "PiecewiseDecay" or config.value(f"{path}.values") is not None:
        return None
    milestones = config.value(f"{path}.milestones") or [8, 11]
    gamma = config.value(f"{path}.gamma")
    gamma = [0.1, 0.01] if gamma is None else gamma
    if not isinstance(milestones, list) or not all(isinstance(milestone, int) for milestone in milestones):
        return None
    factors = gamma if isinstance(gamma, list) else [gamma / 10**step for step in range(len(milestones))]
    is_known = len(factors) == len(milestones) and all(isinstance(factor, (int, float)) for factor in factors)
    return Piecewise(tuple(milestones), tuple(map(float, factors))) if is_known else None


def _warmup(config: PaddleConfig, name: str, path: str, per_epoch: int) -> Warmup | None:
    epochs = _whole(config, f"{path}.epochs")
    steps = _whole(config, f"{path}.steps", 1000 if name == "ExpWarmup" else 500)
    iterations = max(epochs * per_epoch if epochs is not None else steps or 0, 1)
    if name == "LinearWarmup":
        start = config.number(f"{path}.start_factor")
        return Warmup(iterations, start if start is not None else 1 / 3)
    if name == "ExpWarmup":
        power = config.number(f"{path}.power")
        return Warmup(iterations, 0.0, power if power is not None else 2.0)
    return None


def _whole(config: PaddleConfig, path: str, otherwise: int | None = None) -> int | None:
    number = config.number(path)
    if number is None:
        return otherwise if config.value(path) is None else None
    return int(number) if number == int(number) else None
