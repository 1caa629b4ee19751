"""`lock`: record what the listed patches make of a target, without touching it."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from patchkit.errors import StateCorrupt, WriteFailed
from patchkit.locking.differences import differences
from patchkit.locking.lockfile import Lock, dumped, load_lock, refuse_foreign
from patchkit.locking.merge import completed, merged
from patchkit.locking.report import REFUSED, STALE, UNCHANGED, WRITTEN, Changes, LockReport
from patchkit.locking.resolve import Resolved, resolve
from patchkit.locking.wanted import Wanted
from patchkit.patching import results as r
from patchkit.patching.allowed import Allowed
from patchkit.patching.files import put, read, remove
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
    new = common_lock(wanted, resolved, targets)
    if new is None:
        results = [[one for one in each.prepared.results if one.outcome in r.REFUSED] for each in resolved]
        return Locked(LockReport(wanted.lock, REFUSED, []), None, results)
    new = completed(new, _known(wanted.lock))
    data = dumped(new)
    if wanted.lock.is_file() and wanted.lock.read_bytes() == data:
        return Locked(LockReport(wanted.lock, UNCHANGED, []), new, [])
    changes = _changes(wanted.lock, new)
    if not check:
        write_lock(wanted.lock, data)
    return Locked(LockReport(wanted.lock, STALE if check else WRITTEN, changes), new, [])


def common_lock(wanted: Wanted, resolved: Sequence[Resolved], targets: Sequence[Target]) -> Lock | None:
    """The lock that fits all targets; None if a patch was refused.

    Raises   TargetRefused if there is none that fits.
    """
    of_patches = [
        [entry for entry in entries if entry] for entries in zip(*(each.entries for each in resolved), strict=True)
    ]
    if any(result.outcome in r.REFUSED for each in resolved for result in each.prepared.results):
        return None
    return Lock(wanted.sha256, tuple(merged(entries, targets) for entries in of_patches))


@contextlib.contextmanager
def written(path: Path, data: bytes) -> Iterator[None]:
    """The lock as it will be, while the target is written; the old one comes back if that fails.

    The lock is first, so that a target is never written by a lock that could not be. Killed in between, the next
    command finds the lock and makes the target so.
    """
    old = read(path)
    write_lock(path, data)
    try:
        yield
    except BaseException:
        if old is not None:
            write_lock(path, old)
        else:
            remove(path)
        raise


def write_lock(path: Path, data: bytes) -> None:
    """Write the lock file.

    Raises   WriteFailed.
    """
    try:
        put(path, data)
    except OSError as error:
        raise WriteFailed(
            f"{path} cannot be written: {error.strerror}",
            "lock where its folder can be written, keep the file with the project, and 'patchkit sync --locked' here",
        ) from error


def _known(path: Path) -> Lock | None:
    """The lock that is there; None if there is none that can be used."""
    try:
        return load_lock(path)
    except StateCorrupt:
        return None


def _changes(path: Path, new: Lock) -> Changes:
    try:
        old = load_lock(path)
    except StateCorrupt as error:
        return [("", error.message)]
    if old is None:
        return [("", "there was no lock")]
    return differences(old, new) or [("", "it was not as 'patchkit lock' writes it")]
