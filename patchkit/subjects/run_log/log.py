"""What the log of a run tells of its options, and the same as a training configuration."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from patchkit.subjects.run_log.decay import end_of, fitted_decay
from patchkit.subjects.run_log.rates import read_rates
from patchkit.subjects.run_log.warmup import FLOOR, fitted_warmup

SURE = 0.02  # five digits tell the batches of large data sets to 2 %; the roundest within that is taken


@dataclass(frozen=True)
class RunLog:
    """What the learning rates of a run tell; None where they do not."""

    rows: int  # epochs that were trained
    lr0: float
    lrf: float | None
    epochs: int | None  # as configured: a run may end early
    cos_lr: bool
    warmup_epochs: float | None  # None also for the 100 iterations that are the least in releases up to 8.4.102
    warmup_iterations: int | None
    warmup_bias_lr: float | None
    iterations_per_epoch: int | None
    batches: tuple[int, ...]  # every batch that would have logged these numbers
    batch: int | None  # None without images, or if `batches` are more than 2 % apart
    optimizer: str | None  # MuSGD by its eight groups, auto by biases that start at 0

    @property
    def likely_batch(self) -> int | None:
        """The roundest batch that fits: the multiple of the largest power of two."""
        return max(self.batches, key=lambda batch: (batch & -batch, -batch), default=None)


def read_run_log(path: Path, images: int | None = None) -> RunLog:
    """Recover the options of a run; the batch needs the number of images in the training set.

    Raises   SourceUnreadable if the file is no such log, or too short to tell a decay from warm-up.
    """
    rates = read_rates(path)
    decay, full = fitted_decay(rates, path)
    warmup = fitted_warmup(rates, decay, full)
    per_epoch = warmup.per_epoch
    batches = tuple(_batches(images, per_epoch)) if images else ()
    lrf, epochs = end_of(decay, len(rates.weights))
    return RunLog(
        len(rates.weights),
        decay.lr0,
        lrf,
        epochs,
        decay.is_cosine,
        warmup.epochs,
        warmup.iterations,
        warmup.bias_lr,
        per_epoch[0] if len(per_epoch) == 1 else None,
        batches,
        _sure(batches),
        "MuSGD" if rates.groups == 8 else "auto" if warmup.bias_lr == 0 else None,
    )


def as_yaml(log: RunLog, model: str | None) -> str:
    """The run as a training configuration, with a comment on where each value is known from."""
    lines = [f"# Recovered from the learning rates of {log.rows} epochs. Other options are not in the log."]
    if model is not None:
        lines.append(f"model: {model}")
    lines += _optimizer_lines(log)
    lines.append(f"lr0: {_number(log.lr0)}  # where the decay after warm-up begins")
    if log.lrf is not None:
        lines.append(f"lrf: {_number(log.lrf)}  # where the decay ends")
    if log.epochs is not None:
        short = f"; the run ended after {log.rows}" if log.epochs > log.rows else ""
        lines.append(f"epochs: {log.epochs}  # the length of the decay{short}")
    if log.cos_lr:
        lines.append("cos_lr: true  # the decay is half a cosine")
    if log.warmup_epochs is not None:
        lines.append(f"warmup_epochs: {_number(log.warmup_epochs)}  # where the rates reach the decay")
    elif log.warmup_iterations == FLOOR:
        lines.append("# warmup_epochs: warm-up had 100 iterations, the least that releases up to 8.4.102 do")
    if log.warmup_bias_lr is not None:
        lines.append(f"warmup_bias_lr: {_number(log.warmup_bias_lr)}  # the rate of the biases, led back to its start")
    lines += _batch_lines(log)
    return "\n".join(lines) + "\n"


def _optimizer_lines(log: RunLog) -> list[str]:
    if log.optimizer == "MuSGD":
        return ["optimizer: MuSGD  # it alone has eight groups of parameters"]
    if log.optimizer == "auto":
        return ["optimizer: auto  # assumed: it starts the biases at 0"]
    if log.warmup_bias_lr is not None:
        return ["optimizer: SGD  # assumed: auto would start the biases at 0"]
    return ["# optimizer: the learning rates do not tell it"]


def _batch_lines(log: RunLog) -> list[str]:
    if log.likely_batch is None:
        return ["# batch: the log does not tell it; it needs the number of images and a warm-up of some epochs"]
    batch = log.batch or log.likely_batch
    if len(log.batches) == 1:
        return [f"batch: {batch}  # from how far warm-up is at the end of an epoch, and the number of images"]
    low, high = log.batches[0], log.batches[-1]
    return [f"batch: {batch}  # assumed: any from {low} to {high} would have logged these rates; this is the roundest"]


def _number(value: float) -> str:
    from patchkit.subjects.fixing import written

    return written(float(value))


def _batches(images: int, per_epoch: Sequence[int]) -> Iterator[int]:
    """Every batch with which an epoch has one of these numbers of iterations."""
    for length in sorted(per_epoch, reverse=True):
        low = math.ceil(images / length)
        high = (images - 1) // (length - 1) if length > 1 else low
        yield from (batch for batch in range(low, high + 1) if math.ceil(images / batch) == length)


def _sure(batches: Sequence[int]) -> int | None:
    if not batches or batches[-1] > batches[0] * (1 + SURE):
        return None
    return max(batches, key=lambda batch: (batch & -batch, -batch))
