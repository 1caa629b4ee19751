"""What an applied patch needs beside its own bytes: the originals, and no bytecode that runs in its place."""

from patchkit.patching.bytecode import stale_copies
from patchkit.patching.ledger import read_blob
from patchkit.patching.state import PatchState


def refuse_lost_originals(state: PatchState) -> None:
    """A patch that cannot be taken back is not as it was left.

    Raises   StateCorrupt.
    """
    for stacked in state.files:
        read_blob(state.root, stacked.file.before_sha256)


def runs_other_code(state: PatchState) -> bool:
    """True if stale bytecode, which Python does not hold against the source, lies beside a patched file."""
    return any(stale_copies(state.root / stacked.file.path) for stacked in state.files)
