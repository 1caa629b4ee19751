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
    entries = []
    for patch in new.patches:
        before = old.patch(patch.id) if old and patch.optional and patch.outcome == r.ABSENT else None
        if before and before.outcome != r.ABSENT and before.room_sha256 == patch.room_sha256:
            entries.append(replace(before, optional=True))
        else:
            entries.append(patch)
    return replace(new, patches=tuple(entries))
