"""Undo what a killed command left in a root, before another command looks at it."""

from pathlib import Path

from patchkit.errors import StateCorrupt
from patchkit.patching.state_folder import STATE


def settle(root: Path) -> bool:
    """Undo a command that was killed in this root; True if there was one.

    Raises   WriteFailed if the command is still at work, or its journal cannot be undone by this user.
    """
    if not (root / STATE).is_dir():
        return False
    from patchkit.patching.journal import is_unfinished
    from patchkit.patching.lock import locked
    from patchkit.patching.transaction import recover

    if not is_unfinished(root):
        return False
    with locked(root):
        return recover(root)


def refuse_unfinished(root: Path, arguments: str = "") -> None:
    """For commands that write nothing.

    Raises   StateCorrupt if a command is at work in this root, or was killed there.
    """
    if not (root / STATE).is_dir():
        return
    from patchkit.patching.journal import is_unfinished

    if is_unfinished(root):
        raise StateCorrupt(
            f"{root}: a command is at work there, or was killed", f"'patchkit status{arguments}' undoes it"
        )
