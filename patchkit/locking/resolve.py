"""What the listed patches make of a target, planned on its original bytes: what is applied now makes no difference."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from patchkit.errors import SourceUnreadable, UnknownPatch
from patchkit.locking.lockfile import Lock, LockedFile, LockedPatch
from patchkit.locking.wanted import Wanted, WantedPatch
from patchkit.patching import results as r
from patchkit.patching.allowed import Allowed
from patchkit.patching.apply import plan_place, refuse_shadowed, the_root
from patchkit.patching.distinfo import normalised
from patchkit.patching.draft import Draft
from patchkit.patching.installed import find_installed
from patchkit.patching.ledger import Ledger, Receipt, read_blob
from patchkit.patching.locate import Located, locate
from patchkit.patching.packs import Room, digest, find_room
from patchkit.patching.prepared import Prepared, hold
from patchkit.patching.relations import refuse_unrelated
from patchkit.patching.results import Result, TargetReport
from patchkit.patching.revert import edited, restore_all, reverted
from patchkit.patching.settle import refuse_unfinished, settle
from patchkit.patching.state import APPLIED, DRIFTED, PatchState, patch_states
from patchkit.patching.target import Target

if TYPE_CHECKING:
    from packaging.requirements import Requirement


@dataclass(frozen=True)
class Resolved:
    """The listed patches on one target."""

    prepared: Prepared  # results: the listed patches in their order, then those that are not listed
    lock: Lock | None  # None: a patch was refused


@dataclass(frozen=True)
class Place:
    """A listed patch with the place it goes to; None: it is optional, and its package is absent."""

    wanted: WantedPatch
    room: Room
    located: Located | None


def resolve(wanted: Wanted, target: Target, allowed: Allowed, stack: ExitStack | None) -> Resolved:
    """Plan all listed patches, and take back every other one. Without a stack nothing will be written.

    Raises   SourceUnreadable if the list does not fit the rooms; TargetRefused for several roots.
    """
    for root in target.roots:
        if stack is not None:
            settle(root)
        else:
            refuse_unfinished(root, target.arguments)
    places = [_place(wanted, patch, target, allowed) for patch in wanted.patches]
    roots = [place.located.root for place in places if place.located and place.located.refusal is None]
    roots += [state.root for state in patch_states(target)]
    goal = the_root(roots, "name one with --site-packages, and list its patches in a file of its own, with --file")
    if goal is None:
        results = [_unplanned(target, place) for place in places]
        return Resolved(Prepared(target, results), _lock(wanted, places, results))
    hold(stack, goal)
    draft = Draft(goal)
    states = [state for state in patch_states(target) if state.root == goal]
    drifted = [edited(draft, state, stacked) for state in states for stacked in state.files if stacked.state == DRIFTED]
    if drifted:
        return Resolved(Prepared(target, drifted), None)
    return _planned(wanted, target, draft, states, places, allowed)


def _planned(
    wanted: Wanted,
    target: Target,
    draft: Draft,
    states: Sequence[PatchState],
    places: Sequence[Place],
    allowed: Allowed,
) -> Resolved:
    old = draft.ledger
    ledger = draft.ledger = restore_all(draft, states)
    ids = {place.room.id for place in places}
    leaving = [reverted(draft, state) for state in states if state.receipt.patch not in ids]
    planned: list[Result] = []
    originals: dict[str, bytes] = {}
    for place in places:
        if place.located is None or place.located.refusal is not None:
            planned.append(_unplanned(target, place))
            continue
        step = plan_place(target, place.located, draft, allowed)
        result = step.result
        if _is_elsewhere(ledger, place.room, step.receipt):
            message = f"{result.patch} was applied in another version to other files of {draft.root}"
            hint = f"patchkit sync --path {draft.root}"
            result = replace(result, outcome=r.CONFLICT, message=message, hint=hint)
        elif step.receipt:
            ledger = ledger.with_files(step.receipt)
        is_not_there = result.outcome == r.NOT_APPLICABLE and not result.files
        if target.kind != "environment" and place.wanted.optional and is_not_there:
            result = _absent(place, result.target)
        originals |= step.originals
        planned.append(result)
    related = refuse_unrelated(planned, [place.room for place in places], ledger, target.arguments)
    hint = f"see to the list in {wanted.path}"
    related = [
        old if new is old or old.outcome == r.ABSENT else replace(new, hint=hint)
        for new, old in zip(related, planned, strict=True)
    ]
    checked = refuse_shadowed(target, draft, related, allowed)
    before = {state.receipt.patch: state for state in states}
    results = [*(_settled(result, ledger, before.get(result.patch)) for result in checked), *leaving]
    lock = _lock(wanted, places, checked)
    draft.ledger = old  # as it is on disk
    originals |= {sha256: read_blob(draft.root, sha256) for sha256 in ledger.blobs() - set(originals)}
    is_tree = any(receipt.kind != "distribution" for receipt in ledger.receipts)
    return Resolved(Prepared(target, results, draft, ledger, originals, ignore_in_git=is_tree), lock)


def _is_elsewhere(ledger: Ledger, room: Room, new: Receipt | None) -> bool:
    """True if another form of a patch stays on files that the target does not mean."""
    kept = ledger.receipt(room.id)
    return kept is not None and new is not None and kept.room_sha256 != new.room_sha256


def _settled(result: Result, ledger: Ledger, state: PatchState | None) -> Result:
    """The result, as already-applied where the patch does not change what is there."""
    receipt = ledger.receipt(result.patch)
    if result.outcome != r.APPLIED or state is None or receipt is None or state.state != APPLIED:
        return result
    hashes = [{(f.path, f.before_sha256, f.after_sha256) for f in one.files} for one in (state.receipt, receipt)]
    if hashes[0] != hashes[1]:
        return result
    files = tuple(replace(file, before_sha256=file.after_sha256, before=file.after) for file in result.files)
    return replace(result, outcome=r.ALREADY_APPLIED, files=files, message="")


def _place(wanted: Wanted, patch: WantedPatch, target: Target, allowed: Allowed) -> Place:
    place = wanted.place(patch.id)
    try:
        room = find_room(patch.id)
    except UnknownPatch as error:
        raise UnknownPatch(f"{wanted.path}: {error.message}", error.hint) from error
    _refuse_version(place, patch, room)
    requirement = _requirement(place, patch, room)
    names = (requirement.name,) if requirement else room.manifest.distributions
    if patch.optional and target.kind == "environment" and names and not find_installed(target, names):
        return Place(patch, room, None)
    located = locate(room, target, allowed)
    if requirement and located.refusal is None:
        located = replace(located, refusal=_refusal(place, requirement, located, target))
    return Place(patch, room, located)


def _refuse_version(place: str, patch: WantedPatch, room: Room) -> None:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    if not patch.version:
        return
    text = f"=={patch.version}" if patch.version[0].isalnum() else patch.version
    try:
        fits = SpecifierSet(text).contains(room.manifest.version, prereleases=True)
    except InvalidSpecifier as error:
        raise SourceUnreadable(
            f"{place}: version = '{patch.version}' is no version and no range of versions", 'write "1.0.0" or ">=1,<2"'
        ) from error
    if not fits:
        raise SourceUnreadable(
            f"{place}: version = '{patch.version}', and this patchkit has {room.manifest.version}",
            f"install a patchkit that has it, or change the version in {place.partition(':')[0]}",
        )


def _requirement(place: str, patch: WantedPatch, room: Room) -> "Requirement | None":
    from packaging.requirements import InvalidRequirement, Requirement

    if not patch.target:
        return None
    try:
        requirement = Requirement(patch.target)
    except InvalidRequirement as error:
        reason = str(error).splitlines()[0]
        raise SourceUnreadable(
            f"{place}: target = '{patch.target}' is no requirement: {reason}", 'write "ultralytics>=8.2,<8.3"'
        ) from error
    if requirement.extras or requirement.marker or requirement.url:
        raise SourceUnreadable(
            f"{place}: target = '{patch.target}' is more than a name and versions", 'write "ultralytics>=8.2,<8.3"'
        )
    known = room.manifest.distributions
    if normalised(requirement.name) not in map(normalised, known):
        raise SourceUnreadable(
            f"{place}: target = '{patch.target}', and the patch is not for {requirement.name}",
            f"it is for {', '.join(known)}" if known else "it is for source trees: drop the key",
        )
    return requirement


def _refusal(place: str, requirement: "Requirement", located: Located, target: Target) -> Result | None:
    """The refusal of a distribution that is not the wanted one."""
    distribution, room = located.distribution, located.room
    if distribution is None:
        report = TargetReport(target.kind, None, None, str(located.root))
        message = f"{place}: target = '{requirement}' cannot be checked in a source tree: it has no version"
        hint = "drop the key; the code of the patched functions is checked all the same"
    elif normalised(distribution.name) == normalised(requirement.name) and requirement.specifier.contains(
        distribution.version, prereleases=True
    ):
        return None
    else:
        report = TargetReport("distribution", distribution.name, distribution.version, str(located.root))
        message = f"{place}: target = '{requirement}', and {distribution.label} is installed"
        hint = f"pip install '{requirement}', or change the key"
    return Result(room.id, room.manifest.version, r.NOT_APPLICABLE, report, (), message, hint)


def _unplanned(target: Target, place: Place) -> Result:
    if place.located is not None and place.located.refusal is not None:
        return place.located.refusal
    return _absent(place, TargetReport("distribution", None, None, target.label))


def _absent(place: Place, report: TargetReport) -> Result:
    names = place.wanted.target or " or ".join(place.room.manifest.distributions) or "its code"
    message = f"optional, and {names} is not in {report.root}"
    return Result(place.room.id, place.room.manifest.version, r.ABSENT, report, (), message)


def _lock(wanted: Wanted, places: Sequence[Place], results: Sequence[Result]) -> Lock | None:
    if any(result.outcome in r.REFUSED for result in results):
        return None
    return Lock(wanted.sha256, tuple(map(_locked, places, results)))


def _locked(place: Place, result: Result) -> LockedPatch:
    return LockedPatch(
        id=place.room.id,
        version=place.room.manifest.version,
        pack=place.room.pack,
        room_sha256=digest(place.room.folder),
        outcome=result.outcome,
        optional=place.wanted.optional,
        kind=result.target.kind,
        distribution=result.target.distribution or "",
        distribution_version=result.target.version or "",
        files=tuple(LockedFile(file.path, file.before_sha256, file.after_sha256) for file in result.files),
    )
