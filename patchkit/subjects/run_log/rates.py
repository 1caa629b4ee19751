"""The learning rates in the results.csv of an ultralytics run, row by row."""

import csv
import math
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from patchkit.errors import SourceUnreadable

LIMIT = 1 << 26  # bytes: 64 MiB is more than a million epochs
RATE = re.compile(r"lr/pg\d+|x/lr\d+")
NEXT = "name the results.csv in the folder of an ultralytics run"


@dataclass(frozen=True)
class Rates:
    """The columns of a log, row by row."""

    weights: tuple[float, ...]
    biases: tuple[float, ...] | None
    groups: int
    digits: int  # that were logged


def read_rates(path: Path) -> Rates:
    try:
        table = [row for row in csv.reader(_text(path).splitlines()) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise SourceUnreadable(f"{path}: no table of numbers: {error}", NEXT) from error
    if not table:
        raise SourceUnreadable(f"{path}: the file is empty", NEXT)
    names = [name.strip() for name in table[0]]
    columns = [index for index, name in enumerate(names) if RATE.fullmatch(name)]
    if "epoch" not in names or not columns:
        missing = "epoch" if "epoch" not in names else "lr/pg0"
        raise SourceUnreadable(f"{path}:1: not the log of an ultralytics run: no column '{missing}'", NEXT)
    numbers = [
        _numbers(row, [names.index("epoch"), *columns], f"{path}: row {line}")
        for line, row in enumerate(table[1:], start=2)
    ]
    _check_epochs([row[0] for row in numbers], path)
    logged = [row[column] for row in table[1:] for column in columns]
    digits = 6 if max(map(_significant, logged), default=0) > 5 else 5
    groups = list(zip(*(row[1:] for row in numbers), strict=True))
    return _told_apart(groups, digits)


def _text(path: Path) -> str:
    try:
        if path.exists() and not path.is_dir() and not stat.S_ISREG(path.stat().st_mode):
            raise SourceUnreadable(f"{path}: not a regular file", NEXT)
        with path.open("rb") as file:
            source = file.read(LIMIT + 1)
        if len(source) > LIMIT:
            raise SourceUnreadable(f"{path}: larger than 64 MiB, which is no log of a run", NEXT)
        return source.decode("utf-8-sig").replace("\0", "")
    except OSError as error:
        raise SourceUnreadable(f"{path}: {error.strerror}", NEXT) from error
    except UnicodeDecodeError as error:
        raise SourceUnreadable(f"{path}: not UTF-8: {error.reason} at byte {error.start}", NEXT) from error


def _numbers(row: Sequence[str], columns: Sequence[int], place: str) -> list[float]:
    hint = "take a broken last row out; other rows come from a run that failed"
    if len(row) <= max(columns):
        raise SourceUnreadable(f"{place}: only {len(row)} columns", hint)
    numbers = []
    for column in columns:
        try:
            number = float(row[column])
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or number < 0:
            raise SourceUnreadable(f"{place}: '{row[column].strip()[:40]}' is no epoch or learning rate", hint)
        numbers.append(number)
    return numbers


def _check_epochs(epochs: Sequence[float], path: Path) -> None:
    """Epochs count from 0 up to 8.0.161 and from 1 after that."""
    if not epochs:
        raise SourceUnreadable(f"{path}: a header and no epoch", NEXT)
    if epochs[0] not in (0, 1):
        raise SourceUnreadable(f"{path}: row 2: the log begins at epoch {epochs[0]:g}", "name one with its warm-up")
    for line, (one, next_) in enumerate(pairwise(epochs), start=3):
        if next_ != one + 1:
            raise SourceUnreadable(
                f"{path}: row {line}: epoch {next_:g} follows epoch {one:g}", "keep the rows of one run only"
            )


def _significant(number: str) -> int:
    return len(re.sub(r"e.*|[^\d]", "", number.strip().lower()).lstrip("0"))


def _told_apart(groups: Sequence[tuple[float, ...]], digits: int) -> Rates:
    """Weights and biases, among the groups whose rate is not multiplied."""
    lowest = min(group[-1] for group in groups)
    plain = [group for group in groups if math.isclose(group[-1], lowest, rel_tol=1e-3)]
    weights = next((group for group in plain if plain.count(group) > 1), plain[-1])
    biases = next((group for group in plain if group != weights), weights if len(plain) > 1 else None)
    return Rates(weights, biases, len(groups), digits)


def half_a_digit(value: float, digits: int) -> float:
    """Half of the last digit that is logged."""
    return 0.5 * 10.0 ** (math.floor(math.log10(value)) - digits + 1) if value > 0 else 10.0**-digits
