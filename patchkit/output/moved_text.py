"""What `check-data --fix` moved and `--undo` put back, as people read it."""

import os
import shlex
from collections.abc import Iterable

from patchkit.check_data.moved import Moved
from patchkit.findings import Finding
from patchkit.output.counted import counted
from patchkit.output.visible import visible


def render_moved(moved: Moved) -> str:
    """What is in the quarantine now, and how it comes back."""
    lines = [f"patchkit: moved {_amounts(moved)} to {visible(str(moved.folder))}"]
    if moved.emptied == 1:
        lines.append("patchkit: 1 file has no row left: its image is background now")
    elif moved.emptied:
        lines.append(f"patchkit: {moved.emptied} files have no row left: their images are background now")
    undo = f"patchkit check-data --undo {visible(shlex.quote(str(moved.folder)))}"
    return "\n".join([*lines, f"hint: to put all of it back: {undo}"]) + "\n"


def render_left(left: Iterable[Finding], moved: Iterable[Finding]) -> str:
    """How many rows stay because their fix is unsafe, and no other finding moves them; empty if none does."""
    rows = {row for finding in left for row in _rows(finding)} - {row for finding in moved for row in _rows(finding)}
    if not rows:
        return ""
    stay, them = ("1 row stays", "it") if len(rows) == 1 else (f"{len(rows)} rows stay", "them")
    return f"patchkit: {stay}: a trainer may still train on {them}; --unsafe-fixes moves {them} too\n"


def _rows(finding: Finding) -> list[tuple[str, tuple[int, int]]]:
    return [(os.path.realpath(finding.location.path), span) for span in (finding.fix.removals if finding.fix else ())]


def render_put_back(moved: Moved) -> str:
    """What is in its place again."""
    lines = [
        f"patchkit: left alone, because --fix was stopped before it came to it: {visible(path)}"
        for path in moved.untouched
    ]
    if moved.files or moved.caches:
        lines.append(f"patchkit: put back {_amounts(moved)}")
    else:
        lines.append("patchkit: everything is as it was before --fix already")
    return "\n".join(lines) + "\n"


def _amounts(moved: Moved) -> str:
    rows, files, caches = ((moved.rows, "row"), (moved.files, "file"), (moved.caches, "cache"))
    return f"{counted(*rows)} of {counted(*files)} and {counted(*caches)}"
