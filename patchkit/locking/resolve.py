"""What the listed patches make of a target, planned on its original bytes: what is applied now makes no difference."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from patchkit.locking.absent import absent
from patchkit.locking.listed import ListedPatch, find_listed
from patchkit.locking.lockfile import LockedFile, LockedPatch
from patchkit.locking.wanted import Wanted
from patchkit.patching import results as r
from patchkit.patching.allowed import Allowed
from patchkit.patching.apply import plan_place, refuse_shadowed, the_root
from patchkit.patching.draft import Draft
from patchkit.patching.kept import as_kept
from patchkit.patching.ledger import Ledger, Receipt, read_blob
from patchkit.patching.packs import Room, digest
from patchkit.patching.prepared import Prepared, hold
from patchkit.patching.relations import refuse_unrelated
from patchkit.patching.results import Result
from patchkit.patching.revert import edited, restore_all, reverted
from patchkit.patching.settle import refuse_unfinished, settle
from patchkit.patching.state import APPLIED, DRIFTED, PatchState, patch_states
from patchkit.patching.target import Target


@dataclass(frozen=True)
class Resolved:
    """The listed patches on one target."""

    prepared: Prepared  # results: the listed patches in their order, then those that are not listed
    entries: tuple[LockedPatch | None, ...]  # of the listed patches, as a lock has them; None: refused


@dataclass
class _Steps:
    """The listed patches as they are planned, one after the other."""

    ledger: Ledger
    results: list[Result] = field(default_factory=list)
    originals: dict[str, bytes] = field(default_factory=dict)


def resolve(wanted: Wanted, target: Target, allowed: Allowed, stack: ExitStack | None) -> Resolved:
    """Plan all listed patches, and take back every other one. Without a stack nothing will be written.

    Raises   SourceUnreadable if the list does not fit the rooms; TargetRefused for several roots.
    """
    for root in target.roots:
        if stack is not None:
            settle(root)
        else:
            refuse_unfinished(root, target.arguments)
    listed = [find_listed(wanted, patch, target, allowed) for patch in wanted.patches]
    roots = [patch.located.root for patch in listed if patch.located and patch.located.refusal is None]
    roots += [state.root for state in patch_states(target)]
    goal = the_root(roots, "name one with --site-packages, and list its patches in a file of its own, with --file")
    if goal is None:
        results = [_unplanned(target, patch) for patch in listed]
        return Resolved(Prepared(target, results), tuple(map(_entry, listed, results)))
    hold(stack, goal)
    return _planned(wanted, target, listed, Draft(goal), allowed)


def _planned(wanted: Wanted, target: Target, listed: Sequence[ListedPatch], draft: Draft, allowed: Allowed) -> Resolved:
    states = [state for state in patch_states(target) if state.root == draft.root]
    blocked = _blocked(draft, states)
    on_disk = draft.ledger
    draft.ledger = restore_all(draft, [state for state in states if state.receipt.patch not in blocked])
    ids = {patch.room.id for patch in listed}
    leaving = [
        blocked.get(state.receipt.patch) or reverted(draft, state) for state in states if state.receipt.patch not in ids
    ]
    steps = _plan_in_order(target, listed, draft, allowed, blocked)
    checked = _refuse_unrelated(wanted, target, listed, steps)
    checked = refuse_shadowed(target, draft, checked, allowed)
    results = [*(_settled(result, steps.ledger, states) for result in checked), *leaving]
    draft.ledger = on_disk
    kept = {sha256: read_blob(draft.root, sha256) for sha256 in steps.ledger.blobs() - set(steps.originals)}
    is_tree = any(receipt.kind != "distribution" for receipt in steps.ledger.receipts)
    prepared = Prepared(target, results, draft, steps.ledger, steps.originals | kept, ignore_in_git=is_tree)
    return Resolved(prepared, tuple(map(_entry, listed, checked)))


def _blocked(draft: Draft, states: Sequence[PatchState]) -> dict[str, Result]:
    """Conflicts by patch: a patch with an edited file cannot be taken back, nor one that shares a file with it."""
    blocked: dict[str, Result] = {}
    for state in states:
        hit = next((stacked for stacked in state.files if stacked.state == DRIFTED), None)
        if hit is not None:
            blocked[state.receipt.patch] = edited(draft, state, hit)
    pending = [state for state in states if state.receipt.patch in blocked]
    for state in pending:  # it grows
        for other in states:
            if other.receipt.patch not in blocked and other.receipt.paths & state.receipt.paths:
                conflict = blocked[state.receipt.patch]
                receipt = other.receipt
                blocked[receipt.patch] = replace(conflict, patch=receipt.patch, version=receipt.version)
                pending.append(other)
    return blocked


def _plan_in_order(
    target: Target, listed: Sequence[ListedPatch], draft: Draft, allowed: Allowed, blocked: Mapping[str, Result]
) -> _Steps:
    steps = _Steps(draft.ledger)
    taken = {path: blocked[one.patch] for one in draft.ledger.receipts if one.patch in blocked for path in one.paths}
    for patch in listed:
        if patch.room.id in blocked:
            steps.results.append(blocked[patch.room.id])
            continue
        if patch.located is None or patch.located.refusal is not None:
            steps.results.append(_unplanned(target, patch))
            continue
        step = plan_place(target, patch.located, draft, allowed)
        result = step.result
        hit = next((taken[file.path] for file in result.files if file.path in taken), None)
        if hit is not None:
            result = replace(hit, patch=result.patch, version=result.version)
        elif _is_elsewhere(steps.ledger, patch.room, step.receipt):
            message = f"{result.patch} was applied in another version to other files of {draft.root}"
            hint = f"patchkit sync --path {draft.root}"
            result = replace(result, outcome=r.CONFLICT, message=message, hint=hint)
        elif step.receipt:
            steps.ledger = steps.ledger.with_files(step.receipt)
        is_not_there = result.outcome == r.NOT_APPLICABLE and not result.files
        if target.kind != "environment" and patch.wanted.optional and is_not_there:
            result = absent(result.patch, patch.room.manifest.version, target)
        steps.originals |= step.originals
        steps.results.append(result)
    return steps


def _is_elsewhere(ledger: Ledger, room: Room, new: Receipt | None) -> bool:
    """True if another form of a patch stays on files that the target does not mean."""
    kept = ledger.receipt(room.id)
    return kept is not None and new is not None and kept.room_sha256 != new.room_sha256


def _refuse_unrelated(wanted: Wanted, target: Target, listed: Sequence[ListedPatch], steps: _Steps) -> list[Result]:
    """The results, with a conflict where the list itself leaves out or combines what it must not."""
    checked = refuse_unrelated(steps.results, [patch.room for patch in listed], steps.ledger, target.arguments)
    return [
        new if new is result or result.outcome == r.ABSENT else replace(new, hint=f"see to the list in {wanted.path}")
        for new, result in zip(checked, steps.results, strict=True)
    ]


def _settled(result: Result, ledger: Ledger, states: Sequence[PatchState]) -> Result:
    """The result, as that of a patch that stays where it does not change what is there."""
    state = next((state for state in states if state.receipt.patch == result.patch), None)
    receipt = ledger.receipt(result.patch)
    if result.outcome != r.APPLIED or state is None or receipt is None or state.state != APPLIED:
        return result
    hashes = [{(f.path, f.before_sha256, f.after_sha256) for f in one.files} for one in (state.receipt, receipt)]
    return as_kept(state, states) if hashes[0] == hashes[1] else result


def _unplanned(target: Target, patch: ListedPatch) -> Result:
    if patch.located is not None and patch.located.refusal is not None:
        return patch.located.refusal
    return absent(patch.room.id, patch.room.manifest.version, target)


def _entry(patch: ListedPatch, result: Result) -> LockedPatch | None:
    if result.outcome in r.REFUSED:
        return None
    return LockedPatch(
        id=patch.room.id,
        version=patch.room.manifest.version,
        pack=patch.room.pack,
        room_sha256=digest(patch.room.folder),
        outcome=result.outcome,
        optional=patch.wanted.optional,
        kind=result.target.kind,
        distribution=result.target.distribution or "",
        distribution_version=result.target.version or "",
        files=tuple(LockedFile(file.path, file.before_sha256, file.after_sha256) for file in result.files),
    )
