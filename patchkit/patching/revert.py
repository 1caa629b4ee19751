"""`revert`: the original bytes come back from the ledger's blobs, offline, with the rows of RECORD."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from patchkit.errors import StateCorrupt, UnknownPatch
from patchkit.patching import results as r
from patchkit.patching.distinfo import CORRUPT_HINT, Record
from patchkit.patching.draft import Draft, sha256_or_empty
from patchkit.patching.ledger import Receipt, read_blob
from patchkit.patching.lock import locked
from patchkit.patching.renew import renew_bytecode
from patchkit.patching.results import FileReport, Result, SiteReport, TargetReport
from patchkit.patching.settle import settle
from patchkit.patching.state import APPLIED, DRIFTED, PatchState, StackedFile, patch_states
from patchkit.patching.target import Target
from patchkit.patching.transaction import commit, recover, timestamp


def revert(target: Target, ids: Sequence[str] | None) -> list[Result]:
    """One result for each patch reverted; None reverts all of them. All or none.

    Raises   UnknownPatch if a patch is not applied; StateCorrupt if an original cannot be read.
    """
    roots = _roots(target, ids)
    if len(roots) > 1 and ids is not None:
        raise UnknownPatch(
            f"the patches are applied in different roots: {', '.join(map(str, roots))}", "revert them one by one"
        )
    return [result for root in roots for result in _revert_root(target, root, ids)]


def _roots(target: Target, ids: Sequence[str] | None) -> list[Path]:
    for root in target.roots:
        settle(root)
    states = patch_states(target)
    applied = {state.receipt.patch for state in states}
    if not applied:
        raise UnknownPatch(f"no patch is applied in {target.label}", "'patchkit status' shows what is applied")
    for id in ids or ():
        if id not in applied:
            raise UnknownPatch(f"{id} is not applied in {target.label}", f"applied there: {', '.join(sorted(applied))}")
    return list(dict.fromkeys(state.root for state in states if ids is None or state.receipt.patch in ids))


def _revert_root(target: Target, root: Path, ids: Sequence[str] | None) -> list[Result]:
    with locked(root):
        recover(root)
        draft = Draft(root)
        ledger = draft.ledger
        chosen = [
            state
            for state in patch_states(target)
            if state.root == root and (ids is None or state.receipt.patch in ids)
        ]
        results = []
        for state in reversed(chosen):
            results.append(_revert_one(draft, state))
            ledger = ledger.without(state.receipt.patch)
        if any(result.outcome == r.CONFLICT for result in results):
            return [result for result in results if result.outcome == r.CONFLICT]
        mtime = timestamp()
        renew_bytecode(draft, target.interpreter, mtime)
        originals = {sha256: read_blob(root, sha256) for sha256 in ledger.blobs()}
        draft.record(ledger, originals, ignore_in_git=False)
        commit(root, draft.changes(), mtime)
        return results


def _revert_one(draft: Draft, state: PatchState) -> Result:
    receipt = state.receipt
    target = TargetReport(receipt.kind, receipt.distribution, receipt.distribution_version, str(draft.root))
    blocked = [stacked.file.path for stacked in state.files if _is_blocked(draft, stacked)]
    if blocked:
        return _refusal(draft, receipt, target, blocked[0])
    before = {file.path: draft.read(file.path) for file in receipt.files}
    restore(draft, receipt, lambda sha256: read_blob(draft.root, sha256))
    reports = tuple(
        FileReport(
            file.path,
            sha256_or_empty(before[file.path]),
            sha256_or_empty(draft.read(file.path)),
            tuple(SiteReport(site.symbol, site.line, "pristine") for site in file.sites),
            tuple(SiteReport(site.symbol, site.line, "applied") for site in file.sites),
            before[file.path] or b"",
            draft.read(file.path) or b"",
        )
        for file in receipt.files
    )
    message = "" if state.state == APPLIED else f"it was {state.state}: only its receipt was left to remove"
    return Result(receipt.patch, receipt.version, r.REVERTED, target, reports, message)


def _is_blocked(draft: Draft, stacked: StackedFile) -> bool:
    """True if the file was edited, or carries a later patch that this command has not reverted before."""
    if sha256_or_empty(draft.read(stacked.file.path)) == stacked.file.after_sha256:
        return False
    return stacked.state in (DRIFTED, APPLIED)


def _refusal(draft: Draft, receipt: Receipt, target: TargetReport, path: str) -> Result:
    later = [
        other.patch
        for other in draft.ledger.receipts[draft.ledger.receipts.index(receipt) + 1 :]
        if path in other.paths
    ]
    if later:
        message = f"{path}: {later[-1]} was applied on top of {receipt.patch}"
        hint = f"revert both: patchkit revert {later[-1]} {receipt.patch}"
    else:
        message = f"{target.label}: {path} was edited after patchkit had applied {receipt.patch}"
        hint = (
            CORRUPT_HINT.format(name=receipt.distribution, version=receipt.distribution_version)
            if receipt.distribution
            else "undo the edit, then revert"
        )
    return Result(receipt.patch, receipt.version, r.CONFLICT, target, (), message, hint)


def restore(draft: Draft, receipt: Receipt, blob: Callable[[str], bytes]) -> None:
    """Put the originals of a receipt back into the draft, with their rows of RECORD.

    A file that is no longer ours, because it was installed anew, keeps its bytes.
    """
    for file in receipt.files:
        if sha256_or_empty(draft.read(file.path)) == file.after_sha256:
            draft.write(file.path, blob(file.before_sha256))
        elif sha256_or_empty(draft.read(file.path)) != file.before_sha256:
            continue
        for change in file.records:
            data = draft.read(change.record)
            if data is None or change.after.encode("utf-8") not in data:
                continue
            with suppress(StateCorrupt):
                draft.write(
                    change.record, Record(data, draft.root / change.record).replaced(change.after, change.before)
                )
