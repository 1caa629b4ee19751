"""The release does not know an option of the file.

What         A key of the file is no option of the release.
Why          An unknown option is refused: the training ends before it starts. Options that were renamed or removed are
             translated or dropped with a warning by the releases after that, so that they do not do what they say.
Example      `lr_0: 0.01`; `label_smoothing: 0.1`, which 8.3.38 and later drop.
Fix safety   unsafe: renames an option that is one slip away from a single known one; that it was meant is a guess.
References   ultralytics 8.2.50, cfg/__init__.py:387; 8.3.200, cfg/__init__.py:442; 8.4.190, cfg/__init__.py:596.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from patchkit.findings import Finding, Fix, Severity
from patchkit.recipes.surroundings import Surroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.config import TRAIN, TrainConfig
from patchkit.subjects.release import Release, Version, releases_with
from patchkit.subjects.yaml_file import Entry, line_of

OWN_RULE = "sync_bn"
PASSED_ON: Mapping[str, Version] = {
    "augmentations": (8, 3, 226),
    "save_dir": (8, 4, 2),
}  # no options, taken all the same
RUN_FOLDER_DROPPED_FROM = (8, 0, 161)  # by Python only: the command line refuses save_dir up to 8.4.1
DROPPED: Mapping[str, Version] = {
    "label_smoothing": (8, 3, 38),
    "save_hybrid": (8, 3, 105),
    "crop_fraction": (8, 3, 108),
    "keras": (8, 4, 164),
}
TRANSLATED: Mapping[str, tuple[Version, str]] = {
    "hide_labels": ((8, 0, 62), "show_labels, its opposite"),
    "hide_conf": ((8, 0, 62), "show_conf, its opposite"),
    "line_thickness": ((8, 0, 93), "line_width"),
    "boxes": ((8, 0, 218), "show_boxes"),
    "half": ((8, 4, 80), "quantize: 16"),
    "int8": ((8, 4, 80), "quantize: 8"),
    "end2end": ((8, 4, 142), "nms, its opposite"),
}
SLIP = 0.8  # how alike two names must be to be taken for the same


def check(config: TrainConfig, _: Surroundings) -> Iterator[Finding]:
    release = config.release
    for key, entry in config.file.entries.items():
        if key in release.defaults or key == OWN_RULE or _since(release, PASSED_ON.get(key)):
            continue
        accepted = _accepted(release, key)
        if accepted:
            evidence = f"cfg/__init__.py of {release.label}"
            yield Finding(f"{key}: {accepted}", entry.span, evidence, severity=Severity.WARNING)
            continue
        message = f"{release.label} does not know the option {key} and refuses it{_known_to(key)}{_alike(release, key)}"
        fix = _renamed(config, key, entry)
        yield Finding(message, entry.span, f"{release.source}: it has no {key}", fix)


def _since(release: Release, first: Version | None) -> bool:
    return first is not None and release.number >= first


def _accepted(release: Release, key: str) -> str:
    """What the release does with a key that is no option of it; empty if it refuses the key."""
    if _since(release, DROPPED.get(key)):
        return f"{release.label} drops this option with a warning: it has no effect (known to {releases_with(key)})"
    first, successor = TRANSLATED.get(key, (None, ""))
    if _since(release, first):
        return f"{release.label} translates this option with a warning: write {successor}"
    if key == "save_dir" and _since(release, RUN_FOLDER_DROPPED_FROM):
        return (
            f"`yolo train cfg=` of {release.label} refuses it, Python drops it; the folder of a run is project and name"
        )
    return ""


def _known_to(key: str) -> str:
    if key == "val_period":
        return "; known to the YOLOv10 fork (THU-MIG/yolov10) only"
    releases = releases_with(key)
    return f"; known to releases {releases}" if releases else ""


def _alike(release: Release, key: str) -> str:
    near = get_close_matches(key.lower().replace("-", "_"), release.defaults, n=3)
    return f"; did you mean {' or '.join(near)}?" if near and not releases_with(key) else ""


def _renamed(config: TrainConfig, key: str, entry: Entry) -> Fix | None:
    """The fix of a plain slip of the pen."""
    near = get_close_matches(key.lower().replace("-", "_"), config.release.defaults, n=2, cutoff=SLIP)
    line = line_of(config.file, entry, with_comment=False) if entry.is_own else None
    if len(near) != 1 or near[0] in config.file.entries or releases_with(key) or line is None:
        return None
    return Fix(f"{key} becomes {near[0]}", {near[0]: entry.node.data}, (line,), safe=False)


RULE = Rule(
    __name__,
    Severity.ERROR,
    (TRAIN,),
    check,
    (
        Example("warmup_epoch: 5\nepochs: 500\n", "epochs: 500\nwarmup_epochs: 5\n"),
        Example("epochs: 500\nlr_0: 0.02\n", "epochs: 500\nlr0: 0.02\n"),
        Example("epochs: 500\nlabel_smoothing: 0.1\n", "epochs: 500\n"),
        Example("epochs: 500\nval_period: 10  # of the fork\n", "epochs: 500\n"),
    ),
)
