"""`apply`: locate, plan, write and receipt, for one or several patches, all of them or none."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from patchkit.errors import TargetRefused, UnknownPatch
from patchkit.patching import results as r
from patchkit.patching.allowed import Allowed
from patchkit.patching.kept import as_before, as_kept
from patchkit.patching.ledger import Ledger
from patchkit.patching.packs import digest, room_digest
from patchkit.patching.prepared import Prepared, hold, in_each
from patchkit.patching.results import Result
from patchkit.patching.settle import refuse_unfinished, settle
from patchkit.patching.state import APPLIED, DRIFTED, LOST, PatchState, patch_states, receipt_state, shadowing
from patchkit.patching.state_folder import STATE
from patchkit.patching.surroundings import out_of_date, refuse_lost_originals
from patchkit.patching.target import Target

if TYPE_CHECKING:
    from patchkit.patching.draft import Draft
    from patchkit.patching.locate import Located
    from patchkit.patching.plan import Planned


def apply(target: Target, ids: Sequence[str], allowed: Allowed, *, write: bool) -> list[Result]:
    """One result for each patch, in the order asked for; nothing is written unless all of them can be.

    Raises   PatchkitError for what concerns the command as a whole.
    """
    return apply_each([target], ids, allowed, write=write)[0]


def apply_each(targets: Sequence[Target], ids: Sequence[str], allowed: Allowed, *, write: bool) -> list[list[Result]]:
    """The results of `apply` for each target; nothing is written unless every patch can be applied to all of them."""
    ids = list(dict.fromkeys(ids))
    if not ids:
        raise UnknownPatch("no patch was named", "'patchkit list' shows every patch")
    return in_each(targets, lambda target, stack: _prepare(target, ids, allowed, stack), write=write)


def _prepare(target: Target, ids: Sequence[str], allowed: Allowed, stack: ExitStack | None) -> Prepared:
    for root in target.roots:
        if stack is not None:
            settle(root)
        else:
            refuse_unfinished(root, target.arguments)
    if target.kind == "environment":  # a tree may have got new files since
        done = {id: result for id in ids if (result := _already_applied(target, id))}
        if len(done) == len(ids):
            return Prepared(target, [done[id] for id in ids])
    from patchkit.patching.locate import locate
    from patchkit.patching.packs import find_room

    located = [locate(find_room(id), target, allowed) for id in ids]
    goal = the_root([place.root for place in located if place.refusal is None], "apply them one by one")
    if goal is None:
        return Prepared(target, [place.refusal for place in located if place.refusal is not None])
    hold(stack, goal)
    return _plan(target, goal, located, allowed)


def the_root(roots: Sequence[Path], hint: str) -> Path | None:
    """The root that all patches go to; None if there is none.

    Raises   TargetRefused if there are several.
    """
    roots = list(dict.fromkeys(roots))
    if len(roots) > 1:
        raise TargetRefused(
            f"the patches go to different roots: {', '.join(sorted(map(str, roots)))}",
            f"a command writes to one root, all or nothing: {hint}",
        )
    return roots[0] if roots else None


def _already_applied(target: Target, id: str) -> Result | None:
    """The result of a patch whose receipt, bytes and room all agree: no manifest is read and nothing is parsed."""
    states = patch_states(target)
    state = next((state for state in states if state.receipt.patch == id), None)
    if state is None or state.state != APPLIED or shadowing(target, state) is not None:
        return None
    refuse_lost_originals(state)
    if out_of_date(state, states):
        return None
    return as_before(state) if room_digest(state.receipt.pack, id) == state.receipt.room_sha256 else None


def _plan(target: Target, root: Path, located: "list[Located]", allowed: Allowed) -> Prepared:
    from patchkit.patching.draft import Draft
    from patchkit.patching.relations import refuse_unrelated

    draft = Draft(root)
    ledger = draft.ledger
    originals: dict[str, bytes] = {}
    planned: list[Result] = []
    for place in located:
        if place.refusal is not None:
            planned.append(place.refusal)
            continue
        step, ledger = _plan_one(target, place, draft, ledger, allowed)
        originals |= step.originals
        planned.append(step.result)
    planned = refuse_unrelated(planned, [place.room for place in located], ledger, target.arguments)
    planned = refuse_shadowed(target, draft, planned, allowed)
    is_tree = any(place.spec is None for place in located)
    return Prepared(target, planned, draft, ledger, originals, ignore_in_git=is_tree)


def _plan_one(
    target: Target, place: "Located", draft: "Draft", ledger: Ledger, allowed: Allowed
) -> "tuple[Planned, Ledger]":
    """The planned patch, and the ledger with its receipt."""
    from patchkit.patching.plan import Planned, described
    from patchkit.patching.revert import restore

    receipt = ledger.receipt(place.room.id)
    state = receipt and receipt_state(draft.root, draft.ledger, receipt)
    if state:
        conflict = _refused_anew(target, place, draft, state)
        if conflict is not None:
            return Planned(conflict), ledger
        if place.spec is not None and state.state == APPLIED and digest(place.room.folder) == state.receipt.room_sha256:
            kept = as_kept(state, patch_states(target))
            return Planned(kept), ledger.with_files(described(state.receipt, place.room))
        if place.spec is not None or digest(place.room.folder) != state.receipt.room_sha256:
            for file in state.receipt.files:
                restore(draft, file)
            ledger = ledger.without(state.receipt.patch)
        else:
            meant = receipt_state(draft.root, draft.ledger, state.receipt, target)
            gone = {stacked.file.path for stacked in meant.files if stacked.state == LOST}
            ledger = ledger.without_files(state.receipt.patch, gone)
    undone = _undone(place.room.id, draft, ledger)
    planned = plan_place(target, place, draft, allowed)
    paths = {file.path for file in planned.result.files}
    concerned = {path for path in paths if draft.is_changed(path)}
    if state and planned.result.outcome == r.CONFLICT:
        concerned = state.receipt.paths
    lower = next((undone[path] for path in sorted(concerned & set(undone))), None)
    if lower is not None:
        leaving = f"{lower} {place.room.id}" if receipt else lower
        return Planned(_without_lower(planned.result, lower, leaving, target.arguments)), ledger
    unchanged = not any(draft.is_changed(path) for path in paths)
    if state and unchanged and planned.result.outcome in r.DONE and paths & state.receipt.paths:
        # The bytes are those of our receipt; at most the receipt itself is renewed.
        kept = as_kept(receipt_state(draft.root, draft.ledger, state.receipt, target), patch_states(target))
        planned.result = replace(planned.result, outcome=kept.outcome, message=kept.message)
    return planned, ledger.with_files(planned.receipt) if planned.receipt else ledger


def _undone(id: str, draft: "Draft", ledger: Ledger) -> dict[str, str]:
    """Files by path that are as they were before another patch, whose receipt is still there; with that patch."""
    from patchkit.patching.draft import sha256_or_empty

    others = [receipt for receipt in ledger.receipts if receipt.patch != id]
    return {
        file.path: receipt.patch
        for receipt in others
        for file in receipt.files
        if sha256_or_empty(draft.read(file.path)) == file.before_sha256
    }


def _without_lower(result: Result, lower: str, leaving: str, arguments: str) -> Result:
    """A conflict: once this patch lies on the file, nothing could tell the other one from an edit."""
    message = f"{lower} was applied to the same file, and is gone there: by a reinstall, or by hand"
    hint = f"patchkit apply {lower} {result.patch}{arguments}; to do without it: patchkit revert {leaving}{arguments}"
    hint += ", then this command again"
    return replace(result, outcome=r.CONFLICT, files=(), message=message, hint=hint)


def plan_place(target: Target, place: "Located", draft: "Draft", allowed: Allowed) -> "Planned":
    """Plan one patch where it goes: an installed distribution, a tree or a file."""
    from patchkit.patching.plan import plan_distribution, plan_tree

    if place.spec is not None and place.distribution is not None:
        return plan_distribution(place.room, place.spec, place.distribution, draft, allowed, target.arguments)
    kind = "file" if target.kind == "file" else "tree"
    planned = plan_tree(place.room, kind, target.within, draft, allowed, target.arguments)
    if target.kind == "environment" and planned.receipt is not None:
        message = f"the state of this tree is kept beside it: patchkit status --path {draft.root}"
        planned.result = replace(planned.result, message="\n".join(filter(None, (planned.result.message, message))))
    return planned


def _refused_anew(target: Target, place: "Located", draft: "Draft", state: PatchState) -> Result | None:
    """A conflict if a patched file was edited since, or the new form of a patch cannot replace the old one."""
    receipt = state.receipt
    is_renewed = digest(place.room.folder) != receipt.room_sha256
    for stacked in state.files:
        if stacked.state == DRIFTED and target.holds(stacked.file.path):
            message = f"{state.target.label}: {stacked.file.path} was edited after patchkit had applied {receipt.patch}"
            hint = f"undo the edit; or forget what is applied and its originals: delete {draft.root}/{STATE}"
            hint = place.distribution.reinstall_hint if place.distribution else hint
        elif is_renewed and stacked.state != LOST and draft.ledger.on_top(stacked.file):
            message = f"{receipt.patch} {receipt.version} is to be replaced, but another patch was applied on top of it"
            hint = f"patchkit revert --all{target.arguments}, then apply them again"
        elif is_renewed and not all(target.holds(path) for path in receipt.paths):
            message = f"{receipt.patch} {receipt.version} is to be replaced, and it was applied to other files too"
            hint = f"patchkit apply {receipt.patch} --path {draft.root}"
        else:
            continue
        return Result(receipt.patch, receipt.version, r.CONFLICT, state.target, (), message, hint)
    return None


def refuse_shadowed(target: Target, draft: "Draft", planned: list[Result], allowed: Allowed) -> list[Result]:
    """Conflicts in place of results whose patched file is not the one that the target's Python would load."""
    from patchkit.patching.effect import loaded_elsewhere

    pending = [
        file.path
        for result in planned
        if result.outcome in (r.APPLIED, r.ALREADY_APPLIED) and result.target.kind == "distribution"
        for file in result.files
    ]
    if not pending or allowed.shadowed or target.interpreter is None or not target.is_on_path:
        return planned
    elsewhere = loaded_elsewhere(target.interpreter, draft.root, pending)
    checked = []
    for result in planned:
        hit = next((elsewhere[file.path] for file in result.files if file.path in elsewhere), None)
        if result.outcome in (r.APPLIED, r.ALREADY_APPLIED) and hit is not None:
            hint = f"{hit.hint}, or accept this with --allow-shadowed"
            result = replace(result, outcome=r.CONFLICT, message=hit.message, hint=hint)  # noqa: PLW2901
        checked.append(result)
    return checked
