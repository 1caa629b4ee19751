"""What an applied patch needs beside its own bytes: the originals, the markers, and no bytecode that runs instead."""

from collections.abc import Sequence

from patchkit.patching.bytecode import stale_copies
from patchkit.patching.ledger import read_blob
from patchkit.patching.state import APPLIED, PatchState, markers


def refuse_lost_originals(state: PatchState) -> None:
    """A patch that cannot be taken back is not as it was left.

    Raises   StateCorrupt.
    """
    for stacked in state.files:
        read_blob(state.root, stacked.file.before_sha256)


def out_of_date(state: PatchState, states: Sequence[PatchState]) -> list[str]:
    """Paths, relative to the root, that `apply` writes anew though the patched files hold.

    They are markers, and stale bytecode, which Python does not hold against the source. `states` are those of all
    patches of the target.
    """
    sources = [state.root / stacked.file.path for stacked in state.files if stacked.state == APPLIED]
    stale = [copy.path for source in sources for copy in stale_copies(source)]
    wrong = [marker.path for marker in markers(state, states) if marker.fault and marker.can_be_mended]
    return wrong + [path.relative_to(state.root).as_posix() for path in stale]
