"""The value of an option has the wrong type.

What         A value is text where the release takes a number, a number where it takes true or false, a fraction where
             it takes a whole number, or empty where it takes neither. `batch` is the number of images, and only below
             1 a part of the memory (AutoBatch), from 8.2.29.
Why          The release refuses the training with a TypeError. Options that it does not check go on as they are and
             break something later: `batch: 256.0` passes the check, and ends the training where the data are loaded,
             as `imgsz: 640.0` does. YAML 1.1 reads `1e-2` as text: it wants a point, and a sign in the exponent. yes,
             no, on and off are true and false to it.
Example      `lr0: 1e-2`, `momentum: "0.9"`, `epochs: 100.0`, `save: 1`.
Fix safety   safe where the value is only written wrongly; unsafe where an empty value is filled with the default.
References   cfg/__init__.py of ultralytics, CFG_FLOAT_KEYS and the lists below it: 8.0.35:111, 8.2.50:286, 8.4.190:433.
             `batch`: 8.2.50 engine/trainer.py:286 and torch.utils.data.BatchSampler, which wants an int. `imgsz`:
             utils/checks.py, check_imgsz.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from patchkit.findings import Finding, Fix, Severity, Skipped
from patchkit.recipes.surroundings import Surroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.config import TRAIN, TrainConfig
from patchkit.subjects.release import WHOLE_FLOATS_FROM, Release
from patchkit.subjects.yaml_file import Node

EMPTY_REFUSED_FROM = (8, 4, 91)
MODES_CHECKED_FROM = (8, 4, 93)  # compile
WORDS_CHECKED_FROM = (8, 4, 96)
PRECISION_CHECKED_FROM = (8, 4, 129)  # amp
COUNTS_FROM = (8, 4, 130)  # fraction: [1000, 200]
TRUE_IS_NO_FRACTION_FROM = (8, 4, 135)

NUMBER, WHOLE, TRUTH, WORD = "a number", "a whole number", "true or false", "a word"
RANGE, PRECISION, MODE = "a number, or a list of two", "true, false, fp16, bf16 or fp32", "true, false or a word"
IMAGES = "a whole number, or a part of the memory below 1"
SIZE = "a whole number, or a list of them"
NUMBERS = (NUMBER, WHOLE, RANGE, IMAGES)
WORDS = {"optimizer", "split", "copy_paste_mode", "auto_augment"}
TRUE, FALSE = {"true", "yes", "on", "y", "t"}, {"false", "no", "off", "n", "f"}
NOTHING = object()


@dataclass(frozen=True)
class _Flaw:
    """What is wrong with a value."""

    consequence: str
    meant: Any = NOTHING  # the value that was meant, where that is plain
    severity: Severity | None = None
    is_guess: bool = False


def check(config: TrainConfig, _: Surroundings) -> Iterator[Finding | Skipped]:
    release = config.release
    if not release.kinds:
        yield Skipped(f"{release.label} checks no types")
        return
    for key, entry in config.file.entries.items():
        wanted = _wanted(release, key)
        flaw = _flaw(release, key, wanted, entry.node.data) if wanted else None
        if flaw is None:
            continue
        written = entry.node.text or "empty"
        message = f"{key} is {written}{_trap(entry.node)}; it takes {wanted}: {flaw.consequence}"
        fix = None if flaw.meant is NOTHING else Fix(f"{key}: {flaw.meant}", {key: flaw.meant}, safe=not flaw.is_guess)
        yield Finding(message, config.span(key), f"cfg/__init__.py of {release.label}", fix, flaw.severity)


def _wanted(release: Release, key: str) -> str:
    """What the release takes for an option; empty if that may be anything."""
    kind, default = release.kinds.get(key), release.defaults.get(key)
    if key == "batch" and kind == "float":
        return IMAGES
    if kind is not None:
        return {"float": NUMBER, "fraction": NUMBER, "int": WHOLE, "bool": TRUTH}[kind]
    by_name = {"scale": RANGE, "amp": PRECISION, "imgsz": SIZE}
    if release.number >= MODES_CHECKED_FROM:
        by_name["compile"] = MODE
    if release.number >= WORDS_CHECKED_FROM:
        by_name.update(dict.fromkeys(WORDS, WORD))
    if key in release.defaults and key in by_name:
        return by_name[key]
    return NUMBER if isinstance(default, float) else ""


def _flaw(release: Release, key: str, wanted: str, value: Any) -> _Flaw | None:
    if value is None:
        return _empty(release, key, wanted)
    if _fits(release, key, wanted, value):
        return _number_by_chance(release, key, wanted, value) if isinstance(value, bool) else None
    meant = _meant(wanted, value, release.defaults.get(key))
    is_checked = _is_checked(release, key, wanted) and not (wanted == IMAGES and isinstance(value, float))
    return _Flaw(f"{release.label} refuses it" if is_checked else f"{release.label} fails on it later", meant)


def _fits(release: Release, key: str, wanted: str, value: Any) -> bool:
    """True if the release takes a value for what it is."""
    if wanted == PRECISION:
        return _is_precision(release, value)
    if wanted in NUMBERS:
        return _is_number(release, key, wanted, value)
    if wanted == SIZE:
        return not isinstance(value, float)
    allowed: Any = {TRUTH: bool, WORD: str, MODE: (bool, str)}[wanted]
    return isinstance(value, allowed)


def _is_precision(release: Release, value: Any) -> bool:
    if release.number < PRECISION_CHECKED_FROM:
        return not isinstance(value, (str, list, dict))
    return isinstance(value, bool) or str(value).lower() in ("fp16", "bf16", "fp32")


def _is_number(release: Release, key: str, wanted: str, value: Any) -> bool:
    if isinstance(value, list):
        is_range = len(value) == 2 and all(isinstance(item, (int, float)) for item in value)
        return (is_range and release.takes_scale_range) if wanted == RANGE else _is_split(release, key, value)
    if key == "fraction" and isinstance(value, bool):
        return release.number < TRUE_IS_NO_FRACTION_FROM
    if wanted == IMAGES and isinstance(value, float):
        return math.isfinite(value) and value < 1
    if wanted == WHOLE and isinstance(value, float):
        return value.is_integer() and release.number >= WHOLE_FLOATS_FROM
    return isinstance(value, (int, float))


def _is_split(release: Release, key: str, value: list[Any]) -> bool:
    """True if a list says how many images, or which part of them, train and validate (and test)."""
    if key != "fraction" or release.number < COUNTS_FROM:
        return False
    are_counts = all(
        not isinstance(item, bool)
        and ((isinstance(item, int) and item >= 0) or (isinstance(item, float) and 0 <= item <= 1))
        for item in value
    )
    return len(value) in (2, 3) and are_counts and all(value[:2])


def _number_by_chance(release: Release, key: str, wanted: str, value: bool) -> _Flaw | None:
    """Python counts true as 1: the release does not notice."""
    if wanted not in NUMBERS:
        return None
    number = int(value) if wanted in (WHOLE, IMAGES) else float(value)
    return _Flaw(f"{release.label} takes it as {number}", number, Severity.WARNING)


def _empty(release: Release, key: str, wanted: str) -> _Flaw | None:
    default = release.defaults.get(key)
    refuses_empty = release.number >= EMPTY_REFUSED_FROM
    if default in (None, "None") or key == "auto_augment" or (key == "patience" and not refuses_empty):
        return None
    if refuses_empty and _is_checked(release, key, wanted):
        return _Flaw(f"{release.label} refuses it", default, is_guess=True)
    if wanted in NUMBERS:
        consequence = f"{release.label} does not check it, and has nothing to compute with"
        return _Flaw(consequence, default, Severity.WARNING, is_guess=True)
    return None


def _is_checked(release: Release, key: str, wanted: str) -> bool:
    """True if the release looks at the type of an option."""
    if wanted == PRECISION:
        return release.number >= PRECISION_CHECKED_FROM
    return key in release.kinds or wanted in (RANGE, WORD, MODE)


def _meant(wanted: str, value: Any, default: Any) -> Any:
    """The value that was meant by one of the wrong type; NOTHING if that is not plain."""
    if isinstance(value, (list, dict)):
        return NOTHING
    text = str(value).strip().lower()
    if text == "none" and default in (None, "None"):
        return None
    if wanted == IMAGES:
        whole, number = _number(text, is_whole=True), _number(text, is_whole=False)
        return number if whole is NOTHING and number is not NOTHING and number < 1 else whole
    if wanted in (*NUMBERS, SIZE):
        return _number(text, is_whole=wanted in (WHOLE, SIZE))
    if wanted in (TRUTH, PRECISION, MODE):
        return {**dict.fromkeys(TRUE | {"1"}, True), **dict.fromkeys(FALSE | {"0"}, False)}.get(text, NOTHING)
    return NOTHING


def _number(text: str, *, is_whole: bool) -> Any:
    try:
        number = float(text)
    except ValueError:
        return NOTHING
    if not math.isfinite(number):  # or too large for a number: 5000 digits
        return NOTHING
    if not is_whole:
        return number
    return int(number) if number.is_integer() else NOTHING


def _trap(node: Node) -> str:
    """Why YAML reads what looks like a number as text."""
    if not isinstance(node.value, str) or _number(node.value.strip(), is_whole=False) is NOTHING:
        return ""
    if node.text.startswith(("'", '"')):
        return ", text by its quotes"
    return ", which YAML 1.1 reads as text (it wants a point, and a sign in the exponent)"


RULE = Rule(
    __name__,
    Severity.ERROR,
    (TRAIN,),
    check,
    (
        Example("lr0: 1e-2  # initial\n", "lr0: 0.01  # initial\n"),
        Example('momentum: "0.9"\nwarmup_epochs: 3\n', "momentum: 0.9\nwarmup_epochs: 3\n"),
        Example("epochs: 1e3\n", "epochs: 1000\n"),
        Example('batch: "256"\n', "batch: 256\n"),
        Example("cos_lr: 1\nval: 'False'\n", "cos_lr: True\nval: False\n"),
        Example("workers: true\n", "workers: 1\n"),
        Example("nbs:\nsave: yes\n", "nbs: 64\nsave: yes\n"),
    ),
)
