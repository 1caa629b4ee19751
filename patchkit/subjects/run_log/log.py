"""What the log of a run tells of its options, and the same as a training configuration."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from patchkit.subjects.fixing import written
from patchkit.subjects.run_log.decay import End, end_of, exact, fitted_decay
from patchkit.subjects.run_log.rates import read_rates
from patchkit.subjects.run_log.warmup import FLOOR, fitted_warmup

SURE = 0.02  # five digits tell the batches of large data sets to 2 %; the roundest within that is taken
SHOWN = 4  # possible ends of a run


@dataclass(frozen=True)
class RunLog:
    """What the learning rates of a run tell; None where they do not."""

    rows: int  # epochs that were trained
    lr0: float
    end: End
    cos_lr: bool
    warmup_epochs: float | None  # None also for the 100 iterations that are the least in releases up to 8.4.102
    warmup_iterations: int | None
    warmup_bias_lr: float | None
    batches: tuple[int, ...]  # every batch that would have logged these numbers
    is_musgd: bool  # by its eight groups

    @property
    def lrf(self) -> float | None:
        return self.end.lrf

    @property
    def epochs(self) -> int | None:
        """As configured: a run may end early."""
        return self.end.epochs

    @property
    def likely_batch(self) -> int | None:
        """The roundest batch that fits: the multiple of the largest power of two."""
        return max(self.batches, key=lambda batch: (batch & -batch, -batch), default=None)

    @property
    def batch(self) -> int | None:
        """The likely batch; None if `batches` are more than 2 % apart."""
        is_sure = bool(self.batches) and self.batches[-1] <= self.batches[0] * (1 + SURE)
        return self.likely_batch if is_sure else None

    @property
    def options(self) -> dict[str, Any]:
        """What the log tells, by the names of the options. SGD and a batch out of many are assumed."""
        optimizer = "MuSGD" if self.is_musgd else "SGD" if self.warmup_bias_lr else None
        told = {
            "optimizer": optimizer,
            "lr0": self.lr0,
            "lrf": self.lrf,
            "epochs": self.epochs,
            "cos_lr": self.cos_lr or None,
            "warmup_epochs": self.warmup_epochs,
            "warmup_bias_lr": self.warmup_bias_lr,
            "batch": self.likely_batch,
        }
        return {name: value for name, value in told.items() if value is not None}


def read_run_log(path: Path, images: int | None = None) -> RunLog:
    """Recover the options of a run; the batch needs the number of images in the training set.

    Raises   SourceUnreadable if the file is no such log, or too short to tell a decay from warm-up.
    """
    rates = read_rates(path)
    decay, full = fitted_decay(rates, path)
    end = end_of(decay, rates, full)
    warmup = fitted_warmup(rates, exact(decay, end, rates, full), full)
    return RunLog(
        len(rates.weights),
        decay.lr0,
        end,
        decay.is_cosine,
        warmup.epochs,
        warmup.iterations,
        warmup.bias_lr,
        tuple(_batches(images, warmup.per_epoch)) if images else (),
        rates.groups == 8,
    )


def as_yaml(log: RunLog, model: str | None) -> str:
    """The run as a training configuration, with a comment on where each value is known from."""
    told = {**({"model": model} if model is not None else {}), **log.options}
    why = _why(log)
    lines = [f"# Recovered from the learning rates of {log.rows} epochs. Other options are not in the log."]
    lines += [f"{name}: {written(value)}" + (f"  # {why[name]}" if name in why else "") for name, value in told.items()]
    return "\n".join([*lines, *_untold(log)]) + "\n"


def _why(log: RunLog) -> dict[str, str]:
    """Where each value is known from."""
    short = f"; the run ended after {log.rows}" if log.epochs is not None and log.epochs > log.rows else ""
    musgd, sgd = "it alone has eight groups of parameters", "assumed: auto would start the biases at 0"
    batch = "from how far warm-up is at the end of an epoch, and the number of images"
    if len(log.batches) > 1:
        low, high = log.batches[0], log.batches[-1]
        batch = f"assumed: any from {low} to {high} would have logged these rates; this is the roundest"
    return {
        "optimizer": musgd if log.is_musgd else sgd,
        "lr0": "where the decay after warm-up begins",
        "lrf": "where the decay ends",
        "epochs": f"the length of the decay{short}",
        "cos_lr": "the decay is half a cosine",
        "warmup_epochs": "where the rates reach the decay",
        "warmup_bias_lr": "the rate of the biases, led back to its start",
        "batch": batch,
    }


def _untold(log: RunLog) -> Iterator[str]:
    """Comments on what the log leaves open."""
    if "optimizer" not in log.options:
        is_zero = log.warmup_bias_lr == 0
        yield "# optimizer: " + ("auto starts biases at 0, as here" if is_zero else "the learning rates do not tell it")
    if log.epochs is None and log.lrf is None:
        ends = [f"{epochs} with lrf {lrf:g}" for lrf, epochs in log.end.possible[:SHOWN]]
        yield f"# epochs: {', or '.join(ends) or 'the log ends before the decay does'}"
    elif log.epochs is None:
        yield "# epochs: a constant rate does not tell them"
    elif log.lrf is None:
        yield "# lrf: the log does not tell it"
    if log.warmup_epochs is None:
        floor = "warm-up had 100 iterations, the least that releases up to 8.4.102 do"
        yield "# warmup_epochs: " + (floor if log.warmup_iterations == FLOOR else "the log does not tell it")
    if log.likely_batch is None:
        yield "# batch: the log does not tell it; it needs the number of images and a warm-up of some epochs"


def _batches(images: int, per_epoch: Sequence[int]) -> Iterator[int]:
    """Every batch with which an epoch has one of these numbers of iterations."""
    for length in sorted(per_epoch, reverse=True):
        low = math.ceil(images / length)
        high = (images - 1) // (length - 1) if length > 1 else low
        yield from (batch for batch in range(low, high + 1) if math.ceil(images / batch) == length)
