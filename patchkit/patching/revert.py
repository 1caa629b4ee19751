"""`revert`: the original bytes come back from the ledger's blobs, offline, with the rows of RECORD."""

from collections.abc import Sequence
from contextlib import ExitStack, suppress

from patchkit.errors import StateCorrupt, TargetRefused, UnknownPatch
from patchkit.patching import results as r
from patchkit.patching.distinfo import CORRUPT_HINT, Record
from patchkit.patching.draft import Draft, sha256_or_empty
from patchkit.patching.ledger import FileReceipt, Ledger, read_blob
from patchkit.patching.prepared import Prepared, hold, in_each
from patchkit.patching.relations import requiring
from patchkit.patching.results import FileReport, Result, SiteReport
from patchkit.patching.settle import settle
from patchkit.patching.state import APPLIED, DRIFTED, REVERTED, PatchState, StackedFile, patch_states
from patchkit.patching.state_folder import STATE
from patchkit.patching.target import Target
from patchkit.patching.unreceipted import refuse_unreceipted


def revert(target: Target, ids: Sequence[str] | None) -> list[Result]:
    """One result for each patch reverted; None reverts all of them. All or none.

    Raises   UnknownPatch if a patch is not applied; StateCorrupt if an original cannot be read.
    """
    return revert_each([target], ids)[0]


def revert_each(targets: Sequence[Target], ids: Sequence[str] | None) -> list[list[Result]]:
    """The results of `revert` for each target; nothing is written unless all of them can be reverted.

    A target without a patch is passed over, as long as the patch is applied in another one: a command that failed
    half way can be run again.
    """
    roots = [root for target in targets for root in target.roots]
    for root in roots:
        settle(root)
    applied = {state.receipt.patch for target in targets for state in patch_states(target)}
    label = targets[0].label if len(targets) == 1 else f"the {len(targets)} environments"
    if not applied or not applied.issuperset(ids or ()):
        refuse_unreceipted(roots)
    if not applied:
        raise UnknownPatch(f"no patch is applied in {label}", "'patchkit status' shows what is applied")
    for id in ids or ():
        if id not in applied:
            raise UnknownPatch(f"{id} is not applied in {label}", f"applied there: {', '.join(sorted(applied))}")
    return in_each(targets, lambda target, stack: _prepare(target, ids, stack), write=True)


def _prepare(target: Target, ids: Sequence[str] | None, stack: ExitStack | None) -> Prepared:
    chosen = [state for state in patch_states(target) if ids is None or state.receipt.patch in ids]
    roots = list(dict.fromkeys(state.root for state in chosen))
    if len(roots) > 1:
        raise TargetRefused(
            f"the patches are applied in different roots: {', '.join(map(str, roots))}",
            "a command writes to one root, all or nothing: name each with --site-packages",
        )
    if not roots:
        return Prepared(target, [])
    hold(stack, roots[0])
    draft = Draft(roots[0])
    here = [state for state in patch_states(target) if state.root == roots[0]]
    chosen = [state for state in here if ids is None or state.receipt.patch in ids]
    conflicts = [conflict for state in chosen if (conflict := _conflict(draft, state, chosen, target.arguments))]
    if conflicts:
        return Prepared(target, conflicts)
    ledger = restore_all(draft, chosen)
    results = [reverted(draft, state) for state in chosen]
    originals = {sha256: read_blob(draft.root, sha256) for sha256 in ledger.blobs()}
    return Prepared(target, results, draft, ledger, originals)


def restore_all(draft: Draft, states: Sequence[PatchState]) -> Ledger:
    """Put the originals of these patches back into the draft; the ledger without them.

    Raises   StateCorrupt if an original cannot be read.
    """
    ledger = draft.ledger
    files = [stacked.file for state in states for stacked in state.files]
    # On each file, the patch that was applied last comes off first.
    for file in sorted(files, key=lambda file: len(draft.ledger.stack(file))):
        restore(draft, file)
    for state in states:
        ledger = ledger.without_files(state.receipt.patch, {stacked.file.path for stacked in state.files})
    return ledger


def _conflict(draft: Draft, state: PatchState, chosen: list[PatchState], arguments: str) -> Result | None:
    """The refusal of a patch whose file was edited, or carries another patch that is to stay."""
    receipt = state.receipt
    leaving = {other.receipt.patch for other in chosen}
    needed_by = requiring(receipt.patch, [other.patch for other in draft.ledger.receipts if other.patch not in leaving])
    if needed_by is not None:
        message = f"{needed_by} requires {receipt.patch}, and is still applied"
        hint = f"revert both: patchkit revert {needed_by} {receipt.patch}{arguments}"
        return Result(receipt.patch, receipt.version, r.CONFLICT, state.target, (), message, hint)
    for stacked in state.files:
        staying = [patch for patch in draft.ledger.on_top(stacked.file) if patch not in leaving]
        if stacked.state == DRIFTED:
            return edited(draft, state, stacked)
        if stacked.state in (APPLIED, REVERTED) and staying:
            message = f"{stacked.file.path}: {staying[-1]} was applied on top of {receipt.patch}"
            both, again = " ".join([*reversed(staying), receipt.patch]), " ".join(staying)
            hint = f"patchkit revert {both}{arguments}, then: patchkit apply {again}{arguments}"
            return Result(receipt.patch, receipt.version, r.CONFLICT, state.target, (), message, hint)
    return None


def edited(draft: Draft, state: PatchState, stacked: StackedFile) -> Result:
    """The conflict of a patch whose file was edited since."""
    receipt = state.receipt
    message = f"{state.target.label}: {stacked.file.path} was edited after patchkit had applied {receipt.patch}"
    hint = (
        CORRUPT_HINT.format(name=receipt.distribution, version=receipt.distribution_version)
        if receipt.distribution
        else f"undo the edit; or forget what is applied and its originals: delete {draft.root}/{STATE}"
    )
    return Result(receipt.patch, receipt.version, r.CONFLICT, state.target, (), message, hint)


def reverted(draft: Draft, state: PatchState) -> Result:
    """The result of a patch whose originals are back in the draft."""
    receipt = state.receipt
    reports = []
    for stacked in state.files:
        file = stacked.file
        before, after = draft.original(file.path), draft.read(file.path)
        there = file.sites if stacked.state == APPLIED else ()
        sites = tuple(SiteReport(site.symbol, site.original_line or site.line, "pristine") for site in there)
        hashes = sha256_or_empty(before), sha256_or_empty(after)
        reports.append(FileReport(file.path, *hashes, sites, before=before or b"", after=after or b""))
    message = "" if state.state == APPLIED else f"it was {state.state}: only its receipt was left to remove"
    return Result(receipt.patch, receipt.version, r.REVERTED, state.target, tuple(reports), message)


def restore(draft: Draft, file: FileReceipt) -> None:
    """Put the original of a file back into the draft, with its rows of RECORD.

    A file that is no longer ours, because it was installed anew, keeps its bytes.

    Raises   StateCorrupt if the original cannot be read.
    """
    now, undone = sha256_or_empty(draft.read(file.path)), False
    if now == file.after_sha256:
        draft.write(file.path, read_blob(draft.root, file.before_sha256), link=file.link)
    elif now in draft.ledger.originals(file):
        undone = True  # behind our back, with every patch on top
    else:
        return
    stack = draft.ledger.stack(file) if undone else [file]
    for change in (change for stacked in reversed(stack) for change in stacked.records):
        data = draft.read(change.record)
        if data is None or change.after.encode("utf-8") not in data:
            continue
        with suppress(StateCorrupt):
            record = Record(data, draft.root / change.record)
            draft.write(change.record, record.replaced(change.after, change.before))
