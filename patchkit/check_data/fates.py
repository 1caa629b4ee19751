"""What each trainer does with each kind of defect: the table in fates.json, by rule and trainer."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from patchkit.errors import TargetRefused
from patchkit.findings import Fate, Finding

OUTCOMES = {
    "crash": "stops the training",
    "wrong-class": "trains the wrong class, silently",
    "wrong-box": "trains a wrong box, silently",
    "drops-image": "drops the whole image",
    "drops-row": "drops the row",
    "trains-on-it": "trains on it",
    "mended": "mends it",
    "ignored": "is not affected",
}
NOT_TRAINED = ("crash", "drops-image", "drops-row")  # outcomes in which the row is not trained on
READS = {  # which formats a trainer reads by itself; what it does with converted ones is told where it is named
    "ultralytics": ("yolo",),
    "yolov10": ("yolo",),
    "paddledetection": ("coco", "voc"),
    "mlcommons": ("coco",),
    "torchvision": ("coco", "voc", "folder"),
    "crossentropy": ("folder",),
}
TRAINERS = tuple(READS)


def trainers_named(words: Sequence[str]) -> tuple[str, ...]:
    """The trainers of `--for`: a name, or a name with the release that the table knows.

    Raises   TargetRefused for others.
    """
    known = {fate["trainer"]: fate["releases"] for fates in _table().values() for fate in fates}
    names = []
    for word in words:
        name, mark, release = word.partition("==")
        if name not in TRAINERS:
            raise TargetRefused(f"--for {word}: no trainer is called '{name}'", f"trainers: {', '.join(TRAINERS)}")
        if mark and release not in known[name].split():
            hint = f"--for {name}, for what {known[name]} does"
            raise TargetRefused(f"--for {word}: what this release does was not measured", hint)
        names.append(name)
    return tuple(dict.fromkeys(names))


def with_fates(trainers: Sequence[str], format: str) -> Callable[[Finding], Finding]:
    """Adds to a finding what these trainers do with it. An unsafe fix is safe if none trains on the row."""

    @cache
    def fates(rule: str, variant: str) -> tuple[Fate, ...]:
        table = _table()
        entries = table.get(f"{rule}/{variant}", table.get(rule, []))
        return tuple(
            Fate(entry["trainer"], entry["releases"], entry["outcome"], entry["account"], entry["evidence"])
            for entry in entries
            if entry["trainer"] in trainers and format in entry.get("formats", (format,))
        )

    def added(finding: Finding) -> Finding:
        found, fix = fates(finding.rule, finding.variant), finding.fix
        lost = {fate.trainer for fate in found if fate.outcome in NOT_TRAINED}
        if fix is not None and not fix.safe and lost == set(trainers):
            fix = replace(fix, safe=True)
        return replace(finding, fates=found, fix=fix)

    return added


@cache
def _table() -> dict[str, list[dict[str, Any]]]:
    table: dict[str, list[dict[str, Any]]] = json.loads(Path(__file__).with_name("fates.json").read_bytes())
    return table
