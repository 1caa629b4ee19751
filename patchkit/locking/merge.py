"""One lock for several targets."""

from collections.abc import Sequence
from dataclasses import replace

from patchkit.errors import TargetRefused
from patchkit.locking.lockfile import Lock, LockedPatch
from patchkit.patching import results as r
from patchkit.patching.target import Target


def merged(locks: Sequence[Lock], targets: Sequence[Target]) -> Lock:
    """The lock that fits every target: a patch is absent only if it is absent everywhere.

    Raises   TargetRefused if two targets need different entries for a patch.
    """
    first = locks[0]
    return replace(first, patches=tuple(_merged(patch.id, locks, targets) for patch in first.patches))


def _merged(id: str, locks: Sequence[Lock], targets: Sequence[Target]) -> LockedPatch:
    entries = [(entry, target) for lock, target in zip(locks, targets, strict=True) if (entry := lock.patch(id))]
    chosen, place = next(((e, t) for e, t in entries if e.outcome != r.ABSENT), entries[0])
    for entry, target in entries:
        if entry.outcome != r.ABSENT and entry != chosen:
            raise TargetRefused(
                f"one lock cannot fit both: {id} is for {chosen.label} in {place.label}, "
                f"and for {_other(chosen, entry)} in {target.label}",
                "install the same release in both, or lock them by two lists, each named with --file",
            )
    return chosen


def _other(chosen: LockedPatch, entry: LockedPatch) -> str:
    return entry.label if entry.label != chosen.label else f"other bytes of {entry.label}"


def completed(new: Lock, old: Lock | None) -> Lock:
    """The new lock, with the old entries of optional patches whose package is absent here, but was not."""
    if old is None:
        return new
    entries = []
    for patch in new.patches:
        before = old.patch(patch.id)
        is_kept = before is not None and before.outcome != r.ABSENT and before.room_sha256 == patch.room_sha256
        keeps = patch.optional and patch.outcome == r.ABSENT and is_kept
        entries.append(replace(before, optional=True) if keeps and before is not None else patch)
    return replace(new, patches=tuple(entries))
