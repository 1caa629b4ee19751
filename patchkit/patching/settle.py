"""Undo what a killed command left in a root, before another command looks at it."""

from pathlib import Path

from patchkit.patching.ledger import STATE


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
