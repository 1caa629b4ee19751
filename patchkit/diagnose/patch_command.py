"""The command that applies the patch of a room where the training ran."""

import shlex
from collections.abc import Sequence

from patchkit.patching.packs import Room
from patchkit.subjects.train_log.log import Raised
from patchkit.subjects.train_log.traceback import Frame

INSTALLED = ("site-packages", "dist-packages")
CELL = ("<ipython", "Cell In", "Input In", "/ipykernel_", "<stdin>")


def apply_command(room: Room, raised: Raised | None) -> str:
    """`patchkit apply ID`, with the source tree that the frames lead to. An installed package needs no option."""
    tree = _tree(room, raised.traceback.frames if raised is not None else ())
    return f"patchkit apply {room.id}" + (f" --path {shlex.quote(tree)}" if tree is not None else "")


def _tree(room: Room, frames: Sequence[Frame]) -> str | None:
    sites = [site.file for target in room.manifest.targets for site in target.sites]
    for frame in reversed(frames):
        for site in sites:
            if frame.file.replace("\\", "/") == site:
                return "."
            if frame.file.replace("\\", "/").endswith(f"/{site}"):
                root = frame.file[: -len(site) - 1]
                return None if root.replace("\\", "/").rpartition("/")[2] in INSTALLED else root
    if not room.manifest.trees:
        return None
    own = [frame.file for frame in reversed(frames) if not frame.is_library]
    if any(mark in file for file in own[:1] for mark in CELL):
        return "NOTEBOOK.ipynb"
    names = {site.rpartition("/")[2] for site in sites}
    alike = (file for file in own if file.replace("\\", "/").rpartition("/")[2] in names)
    if room.manifest.distributions:
        return next(alike, None)
    return next(iter(own), "FILE-OR-FOLDER")
