"""Whether what a receipt says still holds: applied, reverted, drifted or lost."""

from dataclasses import dataclass
from pathlib import Path

from patchkit.errors import TargetRefused
from patchkit.patching.ledger import FileReceipt, Receipt, load_ledger, sha256_of
from patchkit.patching.target import Target

APPLIED, REVERTED, DRIFTED, LOST = "applied", "reverted", "drifted", "lost"
_WORST_FIRST = (DRIFTED, LOST, REVERTED, APPLIED)


@dataclass(frozen=True)
class PatchState:
    """One receipt held against its root."""

    root: Path
    receipt: Receipt
    files: tuple[tuple[FileReceipt, str], ...]

    @property
    def state(self) -> str:
        states = {state for _, state in self.files}
        return next(state for state in _WORST_FIRST if state in states)


def patch_states(target: Target) -> list[PatchState]:
    """The state of every applied patch of a target, root by root, oldest first.

    A file target takes the receipts that concern its file.
    """
    states = []
    for root in target.roots:
        for receipt in load_ledger(root).receipts:
            if target.file is None or target.file.relative_to(root).as_posix() in receipt.paths:
                files = tuple((file, file_state(root, file)) for file in receipt.files)
                states.append(PatchState(root, receipt, files))
    return states


def file_state(root: Path, file: FileReceipt) -> str:
    """applied: our bytes; reverted: undone behind our back; lost: installed anew or gone; drifted: edited since."""
    try:
        data = (root / file.path).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return LOST
    except OSError as error:
        raise TargetRefused(
            f"{root / file.path} cannot be read: {error.strerror}", "run as a user who may read it"
        ) from error
    sha256 = sha256_of(data)
    if sha256 == file.after_sha256:
        return APPLIED
    ours = [_holds_row(root / change.record, change.after) for change in file.records]
    if sha256 == file.before_sha256:
        return LOST if ours and not any(ours) else REVERTED
    return LOST if _record_agrees(root, file, data) else DRIFTED


def _holds_row(record: Path, row: str) -> bool:
    """True if the RECORD still has the row that patchkit wrote."""
    try:
        return row.encode("utf-8") in record.read_bytes().splitlines(keepends=True)
    except OSError:
        return False


def _record_agrees(root: Path, file: FileReceipt, data: bytes) -> bool:
    """True if a distribution says that these bytes are what it installed: another release, say."""
    from patchkit.patching.distinfo import Record, owners

    for owner in owners(root, file.path) if file.records else ():
        row = Record(owner.record.read_bytes(), owner.record).row(file.path)
        if row and row.agrees_with(data):
            return True
    return False
