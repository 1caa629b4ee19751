"""The results of patches whose files stay as they are."""

from collections.abc import Sequence
from dataclasses import replace

from patchkit.patching import results as r
from patchkit.patching.results import FileReport, Result, SiteReport
from patchkit.patching.state import APPLIED, LOST, PatchState, StackedFile
from patchkit.patching.surroundings import out_of_date


def as_before(state: PatchState) -> Result:
    """The result of a patch that stays as it is."""
    receipt = state.receipt
    files = tuple(map(_as_before, state.files))
    return Result(receipt.patch, receipt.version, r.ALREADY_APPLIED, state.target, files)


def _as_before(stacked: StackedFile) -> FileReport:
    sites = tuple(SiteReport(site.symbol, site.line, APPLIED) for site in stacked.file.sites)
    sha256 = stacked.top.after_sha256
    return FileReport(stacked.file.path, sha256, sha256, sites, found=sites)


def as_kept(state: PatchState, states: Sequence[PatchState]) -> Result:
    """The result of a patch whose files stay as they are, while receipt, markers or bytecode may be written anew."""
    beside, gone = out_of_date(state, states), [file.file.path for file in state.files if file.state == LOST]
    notes = [f"its files hold; out of date beside them: {', '.join(beside)}"] if beside else []
    notes += [f"no longer there, and left out of the receipt: {', '.join(gone)}"] if gone else []
    result = as_before(state)
    return replace(result, outcome=r.APPLIED, message="\n".join(notes)) if notes else result
