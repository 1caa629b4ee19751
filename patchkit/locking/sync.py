"""`sync`: make a target hold exactly the listed patches, by the lock."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from patchkit.errors import StateCorrupt
from patchkit.locking.as_locked import as_locked
from patchkit.locking.lockfile import Lock, load_lock, refuse_foreign
from patchkit.locking.report import UNCHANGED, WRITTEN, LockReport
from patchkit.locking.wanted import Wanted
from patchkit.patching import results as r
from patchkit.patching.allowed import Allowed
from patchkit.patching.results import Result
from patchkit.patching.settle import settle
from patchkit.patching.target import Target

if TYPE_CHECKING:
    from patchkit.locking.resolve import Resolved


@dataclass(frozen=True)
class Synced:
    """The results of each target, and how the lock changed."""

    results: list[list[Result]]
    report: LockReport


def sync(wanted: Wanted, targets: Sequence[Target], allowed: Allowed, *, locked: bool) -> Synced:
    """Apply what is listed and revert what is not, in all targets or none; the lock is written where it is out of date.

    With `locked` the lock is never written, and a target that would differ from it is refused.

    Raises   StateCorrupt for a lock, or a state of a target, that cannot be used; SourceUnreadable if the list does
             not fit the rooms; TargetRefused for a target that cannot be written, or if no lock fits all of them;
             WriteFailed.
    """
    lock = load_lock(wanted.lock)
    if locked:
        _refuse_lock(wanted, lock)
    for root in (root for target in targets for root in target.roots):
        settle(root)
    if lock is not None and lock.is_of(wanted):
        results = [as_locked(lock, target) for target in targets]
        if all(found is not None for found in results):
            return Synced([found for found in results if found is not None], LockReport(wanted.lock, UNCHANGED))
    from patchkit.locking.resolve import resolve
    from patchkit.patching.prepared import of_each

    with ExitStack() as stack:
        resolved = of_each(targets, lambda target, stack: resolve(wanted, target, allowed, stack), stack)
        if locked and lock is not None:
            return Synced(_write_locked(lock, resolved), LockReport(wanted.lock, UNCHANGED))
        return _write(wanted, lock, resolved, targets)


def _refuse_lock(wanted: Wanted, lock: Lock | None) -> None:
    if lock is None:
        raise StateCorrupt(f"{wanted.lock} is missing", "run 'patchkit lock', and keep the file with the project")
    if lock.is_of(wanted):
        return
    listed, known = [patch.id for patch in wanted.patches], [patch.id for patch in lock.patches]
    reasons = [f"{id} is not in the lock" for id in listed if id not in known]
    reasons += [f"{id} is no longer listed" for id in known if id not in listed]
    fact = f"{wanted.path} was changed since {wanted.lock} was written"
    if lock.wanted_sha256 == wanted.sha256:
        fact = f"{wanted.lock} was changed since 'patchkit lock' wrote it"
    raise StateCorrupt(
        f"{fact}: " + ("; ".join(reasons) or "the entries are the same patches, with other keys or in another order"),
        "run 'patchkit lock', look at what changed in it, and keep it with the project",
    )


def _write_locked(lock: Lock, resolved: "Sequence[Resolved]") -> list[list[Result]]:
    from patchkit.patching.prepared import results_of

    for each in resolved:
        each.prepared.results = _held_against(lock, each)
    return results_of([each.prepared for each in resolved], write=True)


def _held_against(lock: Lock, resolved: "Resolved") -> list[Result]:
    """The results, with a conflict for each patch that would differ from the lock."""
    from patchkit.locking.differences import entry_differences

    reasons = {new.id: entry_differences(lock.patch(new.id), new) for new in resolved.entries if new is not None}
    results = []
    for result in resolved.prepared.results:
        found = reasons.get(result.patch, [])
        if result.outcome == r.REVERTED:
            found = [f"it is applied in {result.target.root}, and the lock does not list it"]
        results.append(_refused(result, found, resolved.prepared.target.arguments) if found else result)
    return results


def _refused(result: Result, reasons: list[str], arguments: str) -> Result:
    hint = "make the target as it was locked; or, if this is meant, run 'patchkit lock'"
    if result.outcome == r.REVERTED:
        hint = f"patchkit revert {result.patch}{arguments}, or 'patchkit sync' without --locked"
    return replace(result, outcome=r.CONFLICT, files=(), message="\n".join(reasons), hint=hint)


def _write(wanted: Wanted, lock: Lock | None, resolved: "Sequence[Resolved]", targets: Sequence[Target]) -> Synced:
    from patchkit.locking.differences import differences
    from patchkit.locking.lock import common_lock, written
    from patchkit.locking.lockfile import dumped
    from patchkit.locking.merge import completed
    from patchkit.patching.prepared import results_of

    prepared = [each.prepared for each in resolved]
    new = common_lock(wanted, resolved, targets)
    changes = differences(lock, new) if lock and new else [("", "there was no lock")]
    if new is None or not changes:
        return Synced(results_of(prepared, write=True), LockReport(wanted.lock, UNCHANGED))
    refuse_foreign(wanted.lock)
    with written(wanted.lock, dumped(completed(new, lock))):
        results = results_of(prepared, write=True)
    return Synced(results, LockReport(wanted.lock, WRITTEN, changes))
