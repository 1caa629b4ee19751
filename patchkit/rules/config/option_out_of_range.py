"""The value of an option is out of its range.

What         A fraction is not between 0 and 1, or a number is below the least that makes sense.
Why          The release refuses what it checks with a ValueError; what it does not check ends the training later, or
             trains something else than the file says.
Example      `lr0: 1.5`, `scale: 1.5`, `epochs: 0`, `workers: -1`, `imgsz: 16`.
Fix safety   no fix: which value was meant is not known.
References   cfg/__init__.py of ultralytics: 8.0.35:118, 8.2.50:303, 8.4.190:464; CFG_INT_MIN from 8.4.93.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from patchkit.findings import Finding, Severity, Skipped
from patchkit.recipes.surroundings import Surroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.config import TRAIN, TrainConfig
from patchkit.subjects.release import Release, Version

NO_DATA_REFUSED_FROM = (8, 4, 94)  # fraction: 0
COUNTS_FROM = (8, 4, 130)  # fraction: 1000
NEVER = (9,)


@dataclass(frozen=True)
class _Least:
    """The least value of an option."""

    value: int
    without: str  # what happens below it in a release that does not check
    checked_from: Version = NEVER


LEAST: Mapping[str, _Least] = {
    "epochs": _Least(1, "there is no epoch to train", (8, 4, 155)),
    "patience": _Least(0, "early stopping ends the training at once", (8, 4, 155)),
    "workers": _Least(0, "torch.utils.data.DataLoader takes no negative number"),
    "imgsz": _Least(32, "images are enlarged to the stride of the model, 32, as engine/trainer.py has it"),
    "nbs": _Least(1, "the gradients are not accumulated, and the weight decay turns negative or infinite", (8, 4, 93)),
    "seed": _Least(0, "numpy.random.seed takes no negative number", (8, 4, 93)),
    "mask_ratio": _Least(1, "masks cannot be made that much smaller", (8, 4, 93)),
    "max_det": _Least(1, "the validation keeps no box", (8, 4, 93)),
    "vid_stride": _Least(1, "no frame of a video is read", (8, 4, 93)),
    "warmup_epochs": _Least(0, "there is no such number of epochs"),
    "box": _Least(0, "the loss of the boxes is turned around"),
    "cls": _Least(0, "the loss of the classes is turned around"),
    "dfl": _Least(0, "the loss of the distances is turned around"),
    "pose": _Least(0, "the loss of the key points is turned around"),
    "kobj": _Least(0, "the loss of the key points is turned around"),
}


def check(config: TrainConfig, _: Surroundings) -> Iterator[Finding | Skipped]:
    release = config.release
    if not release.kinds:
        yield Skipped(f"{release.label} checks no ranges")
        return
    for key, entry in config.file.entries.items():
        value = entry.node.data
        if not isinstance(value, (int, float)) or key not in release.defaults:  # false is 0 to every release
            continue
        reason = _as_fraction(release, key, value) or _as_number(release, key, value)
        if reason:
            yield Finding(
                f"{key} is {entry.node.text}: {reason}", config.span(key), f"cfg/__init__.py of {release.label}"
            )


def _as_fraction(release: Release, key: str, value: Any) -> str:
    """Why a fraction is refused; empty if it is not, or the option is none."""
    if release.kinds.get(key) != "fraction" and not (key == "scale" and release.takes_scale_range):
        return ""
    if key == "fraction":
        if value == 0 and release.number >= NO_DATA_REFUSED_FROM:
            return f"{release.label} refuses to train on nothing"
        if isinstance(value, int) and value > 1 and release.number >= COUNTS_FROM:
            return ""
    return "" if 0 <= value <= 1 else f"{release.label} takes values from 0 to 1 and refuses others"


def _as_number(release: Release, key: str, value: Any) -> str:
    """Why a number is too small; empty if it is not."""
    least = LEAST.get(key)
    if least is None or value >= least.value:
        return ""
    if release.number >= least.checked_from:
        return f"{release.label} takes {least.value} at least and refuses less"
    return f"{least.value} is the least: {least.without}"


RULE = Rule(
    __name__,
    Severity.ERROR,
    (TRAIN,),
    check,
    (
        Example("lr0: 1.5\n", "lr0: 0.15\n"),
        Example("scale: 1.5\n", "scale: [0.5, 1.5]\n"),
        Example("epochs: 0\n", "epochs: 1\n"),
        Example("workers: -1\n", "workers: 0\n"),
        Example("imgsz: 16\n", "imgsz: [640, 480]\n"),
        Example("mixup: -0.1\n", "mixup: 0.1\n"),
    ),
)
