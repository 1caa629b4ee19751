"""Whether a target is as the lock says already: by receipts and hashes alone, so nothing is parsed.

Whatever is not certain here is left to planning.
"""

from pathlib import Path

from patchkit.locking.absent import absent
from patchkit.locking.lockfile import Lock, LockedFile, LockedPatch
from patchkit.patching import results as r
from patchkit.patching.installed import find_installed, possible_names
from patchkit.patching.kept import as_before
from patchkit.patching.ledger import sha256_of
from patchkit.patching.packs import digest, find_place
from patchkit.patching.results import FileReport, Result, TargetReport
from patchkit.patching.state import APPLIED, PatchState, holds_rows, patch_states, shadowing
from patchkit.patching.surroundings import out_of_date, refuse_lost_originals
from patchkit.patching.target import Target
from patchkit.patching.unreceipted import unreceipted


def as_locked(lock: Lock, target: Target) -> list[Result] | None:
    """The results of the listed patches if the target is as the lock says; None if it is not, or not for certain."""
    if target.kind != "environment":  # a tree may have got new files since
        return None
    states = patch_states(target)
    if len({state.root for state in states}) > 1:
        return None
    there = {state.receipt.patch: state for state in states}
    results = []
    for patch in lock.patches:
        state = there.get(patch.id)
        result = _not_applied(patch, target) if state is None else _applied(patch, state, target)
        if result is None or (state is not None and out_of_date(state, states)):
            return None
        results.append(result)
    applied = [patch.id for patch in lock.patches if patch.id in there]
    return results if [state.receipt.patch for state in states] == applied else None


def _applied(patch: LockedPatch, state: PatchState, target: Target) -> Result | None:
    receipt = state.receipt
    same = (
        patch.outcome == r.APPLIED
        and (patch.pack, patch.version, patch.room_sha256) == (receipt.pack, receipt.version, receipt.room_sha256)
        and (patch.kind, patch.distribution) == (receipt.kind, receipt.distribution)
        and patch.distribution_version == receipt.distribution_version
        and {file for file in patch.files if file.before_sha256 != file.after_sha256}
        == {LockedFile(file.path, file.before_sha256, file.after_sha256) for file in receipt.files}
    )
    if not same or state.state != APPLIED or not holds_rows(state) or shadowing(target, state) is not None:
        return None
    refuse_lost_originals(state)
    return as_before(state) if _is_as_now(patch, target, state.root) and _is_room(patch) else None


def _not_applied(patch: LockedPatch, target: Target) -> Result | None:
    place = find_place(patch.pack, patch.id)
    if place is None or not _is_room(patch):
        return None
    if patch.optional and not place.names_one(possible_names(target)):
        return absent(patch.id, patch.version, target)
    installed = find_installed(target, (patch.distribution,))
    if patch.outcome != r.UPSTREAMED or not installed or not _is_as_now(patch, target, installed[0].root):
        return None
    if unreceipted(installed[0].distribution) is not None:
        return None
    files = tuple(FileReport(file.path, file.before_sha256, file.after_sha256) for file in patch.files)
    report = TargetReport(patch.kind, patch.distribution, patch.distribution_version, str(installed[0].root))
    return Result(patch.id, patch.version, r.UPSTREAMED, report, files, f"{patch.label} holds the fix already")


def _is_room(patch: LockedPatch) -> bool:
    place = find_place(patch.pack, patch.id)
    return place is not None and digest(place.folder) == patch.room_sha256


def _is_as_now(patch: LockedPatch, target: Target, root: Path) -> bool:
    """True if the root has the locked version, and the files that the patch leaves alone have their bytes."""
    installed = find_installed(target, (patch.distribution,))
    places = [(place.root, place.distribution.version) for place in installed]
    if places != [(root, patch.distribution_version)]:
        return False
    unchanged = [file for file in patch.files if file.before_sha256 == file.after_sha256]
    try:
        return all(sha256_of((root / file.path).read_bytes()) == file.after_sha256 for file in unchanged)
    except OSError:
        return False
