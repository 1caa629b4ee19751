"""One lock for several targets, and for those that were locked before."""

from collections.abc import Sequence
from dataclasses import replace

from patchkit.errors import TargetRefused
from patchkit.locking.lockfile import Lock, LockedPatch
from patchkit.patching import results as r
from patchkit.patching.target import Target


def merged(entries: Sequence[LockedPatch], targets: Sequence[Target]) -> LockedPatch:
    """The entry of one patch that fits every target: it is absent only if it is absent everywhere.

    Raises   TargetRefused if two targets need different entries.
    """
    there = [(entry, target) for entry, target in zip(entries, targets, strict=True) if entry.outcome != r.ABSENT]
    if not there:
        return entries[0]
    chosen, first = there[0]
    for entry, target in there:
        if entry != chosen:
            raise TargetRefused(
                f"one lock cannot fit both: {entry.id} is for {chosen.label} in {first.label}, "
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
