"""`lock`: record what the listed patches make of a target, without touching it."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from patchkit.errors import StateCorrupt, WriteFailed
from patchkit.locking.differences import differences
from patchkit.locking.lockfile import Lock, dumped, load_lock, refuse_foreign
from patchkit.locking.merge import merged
from patchkit.locking.report import REFUSED, STALE, UNCHANGED, WRITTEN, Changes, LockReport
from patchkit.locking.resolve import Resolved, resolve
from patchkit.locking.wanted import Wanted
from patchkit.patching import results as r
from patchkit.patching.allowed import Allowed
from patchkit.patching.files import staged
from patchkit.patching.prepared import of_each
from patchkit.patching.results import Result
from patchkit.patching.target import Target


@dataclass(frozen=True)
class Locked:
    """What `lock` found: the lock, or for each target the patches that are refused."""

    report: LockReport
    lock: Lock | None
    refusals: list[list[Result]]


def lock(wanted: Wanted, targets: Sequence[Target], allowed: Allowed, *, check: bool) -> Locked:
    """Write the lock that fits all targets, unless it is there already; nothing is written to a target.

    Raises   TargetRefused if one lock cannot fit all targets; StateCorrupt if the file is not a lock of patchkit.
    """
    refuse_foreign(wanted.lock)
    resolved = of_each(targets, lambda target, stack: resolve(wanted, target, allowed, stack), None)
    new = common_lock(resolved, targets)
    if new is None:
        results = [[one for one in each.prepared.results if one.outcome in r.REFUSED] for each in resolved]
        return Locked(LockReport(wanted.lock, REFUSED, []), None, results)
    data = dumped(new)
    if wanted.lock.is_file() and wanted.lock.read_bytes() == data:
        return Locked(LockReport(wanted.lock, UNCHANGED, []), new, [])
    changes = _changes(wanted.lock, new)
    if not check:
        with staged_lock(wanted.lock, data) as put:
            put()
    return Locked(LockReport(wanted.lock, STALE if check else WRITTEN, changes), new, [])


def common_lock(resolved: Sequence[Resolved], targets: Sequence[Target]) -> Lock | None:
    """The lock that fits all targets; None if a patch was refused.

    Raises   TargetRefused if there is none that fits.
    """
    locks = [each.lock for each in resolved if each.lock is not None]
    return merged(locks, targets) if len(locks) == len(resolved) else None


@contextlib.contextmanager
def staged_lock(path: Path, data: bytes) -> Iterator[Callable[[], None]]:
    """The new lock, written beside the old one, and the step that puts it in its place.

    Raises   WriteFailed.
    """
    with contextlib.ExitStack() as stack:
        try:
            put = stack.enter_context(staged(path, data))
        except OSError as error:
            raise WriteFailed(
                f"{path} cannot be written: {error.strerror}",
                "lock where the folder can be written, and run 'patchkit sync --locked' here",
            ) from error
        yield put


def _changes(path: Path, new: Lock) -> Changes:
    try:
        old = load_lock(path)
    except StateCorrupt as error:
        return [("", error.message)]
    if old is None:
        return [("", "there was no lock")]
    return differences(old, new) or [("", "it was not as 'patchkit lock' writes it")]
