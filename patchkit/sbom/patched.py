"""The patches of a target with the lines that they changed, out of the ledger and the originals that it keeps."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from patchkit.edits import changed_lines
from patchkit.errors import StateCorrupt
from patchkit.patching.ledger import FileReceipt, Receipt, read_blob, sha256_of
from patchkit.patching.state import PatchState
from patchkit.patching.target import Target
from patchkit.patching.verify import EFFECT, verify


@dataclass(frozen=True)
class AppliedPatch:
    """One applied patch, with its change of every file."""

    root: Path
    receipt: Receipt
    diff: bytes


def applied_patches(target: Target, states: Sequence[PatchState]) -> list[AppliedPatch]:
    """Every applied patch, in the order of the ledgers.

    Raises   StateCorrupt if one does not hold: a document would say of it what is not so.
    """
    if not states:
        return []
    failed = next((check for check in verify(target, (), fast=True) if not check.ok and check.check != EFFECT), None)
    if failed is not None:
        raise StateCorrupt(
            f"{failed.patch} does not hold in {target.label}: {failed.path}: {failed.message}",
            "; ".join(filter(None, (failed.hint, f"'patchkit verify{target.arguments}' tells all that is wrong"))),
        )
    return [AppliedPatch(state.root, state.receipt, _diff(state)) for state in states]


def _diff(state: PatchState) -> bytes:
    changes = []
    for stacked in state.files:
        file = stacked.file
        before = read_blob(state.root, file.before_sha256)
        changes.append(changed_lines(file.path, before, _after(state.root, file, stacked.top)))
    return b"".join(changes)


def _after(root: Path, file: FileReceipt, top: FileReceipt) -> bytes:
    """The bytes that a patch left: on disk, or kept as the original of the patch on top of it."""
    if file.after_sha256 != top.after_sha256:
        return read_blob(root, file.after_sha256)
    data = (root / file.path).read_bytes()
    if sha256_of(data) != file.after_sha256:
        raise StateCorrupt(f"{root / file.path} was changed by another program meanwhile", "run the command again")
    return data
