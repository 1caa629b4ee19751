"""Whether what a receipt says still holds: applied, reverted, drifted or lost."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from patchkit.errors import TargetRefused
from patchkit.patching.ledger import FileReceipt, Ledger, Receipt, load_ledger, sha256_of
from patchkit.patching.results import TargetReport
from patchkit.patching.target import Target

if TYPE_CHECKING:
    from patchkit.patching.marker import Marker

APPLIED, REVERTED, DRIFTED, LOST = "applied", "reverted", "drifted", "lost"
_WORST_FIRST = (DRIFTED, LOST, REVERTED, APPLIED)


@dataclass(frozen=True)
class StackedFile:
    """One file of a receipt, with its state."""

    file: FileReceipt
    state: str
    top: FileReceipt  # of the last patch applied to the file: its hash and rows are on disk


@dataclass(frozen=True)
class PatchState:
    """One receipt held against its root."""

    root: Path
    receipt: Receipt
    files: tuple[StackedFile, ...]  # those of the target

    @property
    def target(self) -> TargetReport:
        receipt = self.receipt
        return TargetReport(receipt.kind, receipt.distribution, receipt.distribution_version, str(self.root))

    @property
    def state(self) -> str:
        states = {file.state for file in self.files}
        return next(state for state in _WORST_FIRST if state in states)


def patch_states(target: Target) -> list[PatchState]:
    """The state of every applied patch of a target, root by root, oldest first; of the files it means."""
    states = []
    for root in target.roots:
        ledger = load_ledger(root)
        for receipt in ledger.receipts:
            if any(map(target.holds, receipt.paths)):
                states.append(receipt_state(root, ledger, receipt, target))
    return states


def receipt_state(root: Path, ledger: Ledger, receipt: Receipt, target: Target | None = None) -> PatchState:
    """The state of a receipt, or of those of its files that a target means."""
    chosen = [file for file in receipt.files if target is None or target.holds(file.path)]
    files = tuple(StackedFile(file, *_state(root, ledger.stack(file), ledger.originals(file))) for file in chosen)
    return PatchState(root, receipt, files)


def _state(root: Path, stack: Sequence[FileReceipt], originals: Sequence[str]) -> tuple[str, FileReceipt]:
    """State of the lowest file receipt of a stack, and the one whose bytes are there.

    applied: our bytes; reverted: undone behind our back; lost: installed anew or gone; drifted: edited since.
    """
    file = stack[0]
    try:
        data = (root / file.path).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return LOST, file
    except OSError as error:
        raise TargetRefused(
            f"{root / file.path} cannot be read: {error.strerror}", "run as a user who may read it"
        ) from error
    sha256 = sha256_of(data)
    for stacked in stack:
        if sha256 == stacked.after_sha256:
            return APPLIED, stacked
    ours = [_holds_row(root / change.record, change.after) for stacked in stack for change in stacked.records]
    if sha256 in originals:
        return LOST if ours and not any(ours) else REVERTED, file
    return LOST if _record_agrees(root, file, data) else DRIFTED, file


def _holds_row(record: Path, row: str) -> bool:
    """True if the RECORD still has the row that patchkit wrote."""
    try:
        return row.encode("utf-8") in record.read_bytes().splitlines(keepends=True)
    except OSError:
        return False


def holds_rows(state: PatchState) -> bool:
    """True if every RECORD has the row of each patched file."""
    changes = [change for stacked in state.files for change in stacked.top.records]
    return all(_holds_row(state.root / change.record, change.after) for change in changes)


def _record_agrees(root: Path, file: FileReceipt, data: bytes) -> bool:
    """True if a distribution says that these bytes are what it installed: another release, say."""
    from patchkit.patching.distinfo import Record, owners

    for owner in owners(root, file.path) if file.records else ():
        row = Record(owner.record.read_bytes(), owner.record).row(file.path)
        if row and row.agrees_with(data):
            return True
    return False


def markers(state: PatchState, states: Sequence[PatchState]) -> "list[Marker]":
    """The markers that name a patch, or should; `states` are those of all patches of the target."""
    from patchkit.patching.marker import marker_beside, records

    holding = [other.receipt for other in states if other.root == state.root and other.state == APPLIED]
    found = [marker_beside(state.root, holding, record) for record in records([state.receipt])]
    return [marker for marker in found if marker is not None]


def shadowing(target: Target, state: PatchState) -> Path | None:
    """A folder before the root of a patch on the import path that has a package or module of that name.

    Looks at names alone, so it costs nothing; `verify` asks Python itself.
    """
    if target.kind != "environment" or state.receipt.kind != "distribution" or target.is_folder:
        return None
    names = {stacked.file.path.partition("/")[0] for stacked in state.files}
    earlier = list(itertools.takewhile(lambda root: root != state.root, target.roots))
    for folder in (*target.start_folders, *earlier):
        forms = [form for name in names for form in (f"{name}/__init__.py", f"{name}.py")]
        if folder != state.root and any((folder / form).exists() for form in forms):
            return folder
    return None
