"""`apply`: locate, plan, write and receipt, for one or several patches, all of them or none."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from patchkit.errors import TargetRefused, UnknownPatch
from patchkit.patching import results as r
from patchkit.patching.allowed import Allowed
from patchkit.patching.ledger import Ledger, read_blob
from patchkit.patching.packs import room_digest
from patchkit.patching.results import FileReport, Result, SiteReport, TargetReport
from patchkit.patching.settle import refuse_unfinished, settle
from patchkit.patching.state import APPLIED, DRIFTED, PatchState, patch_states
from patchkit.patching.target import Target

if TYPE_CHECKING:
    from patchkit.patching.draft import Draft
    from patchkit.patching.locate import Located
    from patchkit.patching.packs import Room
    from patchkit.patching.plan import Planned


def apply(target: Target, ids: Sequence[str], allowed: Allowed, *, write: bool) -> list[Result]:
    """One result for each patch, in the order asked for; nothing is written unless all of them can be.

    Raises   PatchkitError for what concerns the command as a whole.
    """
    ids = list(dict.fromkeys(ids))
    if not ids:
        raise UnknownPatch("no patch was named", "'patchkit list' shows every patch")
    for root in target.roots:
        if write:
            settle(root)
        else:
            refuse_unfinished(root)
    done = {id: result for id in ids if (result := _already_applied(target, id))}
    if len(done) == len(ids):
        return [done[id] for id in ids]
    from patchkit.patching.locate import locate
    from patchkit.patching.packs import find_room

    located = [locate(find_room(id), target, allowed) for id in ids]
    roots = {place.root for place in located if place.refusal is None}
    if len(roots) > 1:
        raise TargetRefused(
            f"the patches go to different roots: {', '.join(sorted(map(str, roots)))}",
            "a command writes to one root, all or nothing: apply them one by one",
        )
    with ExitStack() as stack:
        if write and roots:
            _enter(stack, next(iter(roots)))
        return _plan_and_write(target, located, allowed, write=write)


def _already_applied(target: Target, id: str) -> Result | None:
    """The result of a patch whose receipt, bytes and room all agree: no manifest is read and nothing is parsed."""
    state = next((state for state in patch_states(target) if state.receipt.patch == id), None)
    if state is None or state.state != APPLIED or room_digest(state.receipt.pack, id) != state.receipt.room_sha256:
        return None
    receipt = state.receipt
    files = tuple(
        FileReport(
            stacked.file.path,
            stacked.top.after_sha256,
            stacked.top.after_sha256,
            tuple(SiteReport(site.symbol, site.line, APPLIED) for site in stacked.file.sites),
        )
        for stacked in state.files
    )
    report = TargetReport(receipt.kind, receipt.distribution, receipt.distribution_version, str(state.root))
    return Result(id, receipt.version, r.ALREADY_APPLIED, report, files)


def _enter(stack: ExitStack, root: Path) -> None:
    from patchkit.patching.lock import locked
    from patchkit.patching.transaction import recover

    stack.enter_context(locked(root))
    recover(root)


def _plan_and_write(target: Target, located: "list[Located]", allowed: Allowed, *, write: bool) -> list[Result]:
    from patchkit.patching.draft import Draft

    drafts: dict[Path, Draft] = {}
    ledgers: dict[Path, Ledger] = {}
    originals: dict[str, bytes] = {}
    planned: list[Result] = []
    for place in located:
        if place.refusal is not None:
            planned.append(place.refusal)
            continue
        draft = drafts.setdefault(place.root, Draft(place.root))
        ledger = ledgers.setdefault(place.root, draft.ledger)
        step, ledger = _plan_one(target, place, draft, ledger, allowed)
        if step.receipt is not None:
            ledger = ledger.with_receipt(step.receipt)
        ledgers[place.root] = ledger
        originals |= step.originals
        planned.append(step.result)
    planned = [
        _with_relations(result, place.room, ledgers.get(place.root), planned)
        for result, place in zip(planned, located, strict=True)
    ]
    for root, draft in drafts.items():
        planned = _refuse_shadowed(target, draft, planned, allowed)
        if write and not any(result.outcome in r.REFUSED for result in planned):
            is_tree = any(place.spec is None for place in located)
            _write(target, draft, ledgers[root], originals, is_tree=is_tree)
            return planned
    refused = any(result.outcome in r.REFUSED for result in planned)
    return [_not_written(result, refused=refused) for result in planned]


def _plan_one(
    target: Target, place: "Located", draft: "Draft", ledger: Ledger, allowed: Allowed
) -> "tuple[Planned, Ledger]":
    """The planned patch, and the ledger without a receipt that it replaces."""
    from patchkit.patching.plan import Planned, plan_distribution, plan_tree
    from patchkit.patching.revert import restore

    state = next((state for state in patch_states(target) if state.receipt.patch == place.room.id), None)
    if state is not None:
        result = _already_applied(target, place.room.id) or _refused_anew(place, draft, state)
        if result is not None:
            return Planned(result), ledger
        restore(draft, state.receipt, lambda sha256: read_blob(draft.root, sha256))
        ledger = ledger.without(state.receipt.patch)
    if place.spec is not None and place.distribution is not None:
        planned = plan_distribution(place.room, place.spec, place.distribution, draft, allowed)
    else:
        file = target.file.relative_to(draft.root).as_posix() if target.file else None
        planned = plan_tree(place.room, "file" if file else "tree", file, draft, allowed)
    is_on_disk = not any(draft.is_changed(file.path) for file in planned.result.files)
    if state is not None and is_on_disk and planned.result.outcome == r.APPLIED:
        # The room changed, its result did not: only the receipt is renewed.
        planned.result = replace(planned.result, outcome=r.ALREADY_APPLIED)
    return planned, ledger


def _refused_anew(place: "Located", draft: "Draft", state: PatchState) -> Result | None:
    """A conflict if a patched file was edited since, or the patch to be renewed lies under another one."""
    receipt = state.receipt
    target = TargetReport(receipt.kind, receipt.distribution, receipt.distribution_version, str(draft.root))
    for stacked in state.files:
        if stacked.state == DRIFTED:
            message = f"{target.label}: {stacked.file.path} was edited after patchkit had applied {receipt.patch}"
            hint = place.distribution.reinstall_hint if place.distribution else "undo the edit, then apply again"
        elif stacked.top != stacked.file:
            message = f"{receipt.patch} {receipt.version} is to be replaced, but another patch was applied on top of it"
            hint = "patchkit revert --all, then apply them again"
        else:
            continue
        return Result(receipt.patch, receipt.version, r.CONFLICT, target, (), message, hint)
    return None


def _with_relations(result: Result, room: "Room", ledger: Ledger | None, planned: list[Result]) -> Result:
    """The result, or a conflict if a patch it requires is missing or one it excludes is there."""
    if result.outcome in r.REFUSED:
        return result
    applied = {receipt.patch for receipt in ledger.receipts} if ledger else set()
    applied |= {other.patch for other in planned if other.outcome in r.DONE}
    missing = [id for id in room.manifest.requires if id not in applied]
    excluded = [id for id in room.manifest.conflicts if id in applied]
    if missing:
        message, hint = f"{room.id} requires {missing[0]}", f"patchkit apply {missing[0]} {room.id}"
    elif excluded:
        message, hint = f"{room.id} and {excluded[0]} exclude each other", f"patchkit revert {excluded[0]}"
    else:
        return result
    return replace(result, outcome=r.CONFLICT, message=message, hint=hint)


def _refuse_shadowed(target: Target, draft: "Draft", planned: list[Result], allowed: Allowed) -> list[Result]:
    """Conflicts in place of results whose patched file is not the one that the target's Python would load."""
    from patchkit.patching.effect import loaded_elsewhere

    pending = [file.path for result in planned if result.outcome == r.APPLIED for file in result.files]
    if not pending or allowed.shadowed or target.interpreter is None or not target.is_on_path:
        return planned
    elsewhere = loaded_elsewhere(target.interpreter, draft.root, pending)
    checked = []
    for result in planned:
        hit = next((elsewhere[file.path] for file in result.files if file.path in elsewhere), None)
        if result.outcome == r.APPLIED and hit is not None:
            result = replace(result, outcome=r.CONFLICT, message=hit.message, hint=hit.hint)  # noqa: PLW2901
        checked.append(result)
    return checked


def _write(target: Target, draft: "Draft", ledger: Ledger, originals: dict[str, bytes], *, is_tree: bool) -> None:
    from patchkit.patching.renew import renew_bytecode
    from patchkit.patching.transaction import commit, timestamp

    if not draft.changed() and ledger == draft.ledger:
        return
    mtime = timestamp()
    renew_bytecode(draft, target.interpreter, mtime)
    draft.record(ledger, originals, ignore_in_git=is_tree)
    commit(draft.root, draft.changes(), mtime)


def _not_written(result: Result, *, refused: bool) -> Result:
    """What a patch that was not written reports: its sites as they were found."""
    if result.outcome != r.APPLIED:
        return result
    message = "not applied, because another patch of this command was refused" if refused else result.message
    files = tuple(replace(file, sites=file.found) for file in result.files)
    return replace(result, outcome=r.WOULD_APPLY, files=files, message=message)
