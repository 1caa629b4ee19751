"""What `check-data --fix` moved and `--undo` put back, as people read it."""

from patchkit.check_data.moved import Moved
from patchkit.output.counted import counted


def render_moved(moved: Moved) -> str:
    """What is in the quarantine now, and how it comes back."""
    lines = [f"patchkit: moved {_amounts(moved)} to {moved.folder}"]
    if moved.emptied == 1:
        lines.append("patchkit: 1 file has no row left: its image is background now")
    elif moved.emptied:
        lines.append(f"patchkit: {moved.emptied} files have no row left: their images are background now")
    return "\n".join([*lines, f"hint: to put all of it back: patchkit check-data --undo {moved.folder}"]) + "\n"


def render_put_back(moved: Moved) -> str:
    """What is in its place again."""
    lines = [
        f"patchkit: left alone, because --fix was stopped before it came to it: {path}" for path in moved.untouched
    ]
    if moved.files or moved.caches:
        lines.append(f"patchkit: put back {_amounts(moved)}")
    else:
        lines.append("patchkit: everything is as it was before --fix already")
    return "\n".join(lines) + "\n"


def _amounts(moved: Moved) -> str:
    rows, files, caches = ((moved.rows, "row"), (moved.files, "file"), (moved.caches, "cache"))
    return f"{counted(*rows)} of {counted(*files)} and {counted(*caches)}"
