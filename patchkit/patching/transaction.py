"""Writes to targets, with `journal` and `files` and nothing else: all changes of a command, or none.

Order: keep every file as it is in the journal; write the new files beside the old ones; check that nothing changed
meanwhile; rename; end the journal. Of several roots, each step is taken in all of them before the next one.
"""

import contextlib
import errno
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from patchkit.errors import PatchkitError, WriteFailed
from patchkit.patching import journal
from patchkit.patching.files import (
    chown,
    give_to_owner_of,
    read,
    refuse_links,
    remove_if_empty,
    sync_folder,
    temporary,
    write_synced,
)
from patchkit.patching.journal import Change
from patchkit.patching.state_folder import BLOBS, JOURNAL, STATE

Part = tuple[Path, Sequence[Change]]  # a root, and the changes of files below it
LATEST = 253_402_300_799  # the last second of the year 9999


def timestamp() -> int:
    """Modification time of what a command writes, in whole seconds: SOURCE_DATE_EPOCH, or now.

    Never the time of the old file: Python would take old bytecode of the same size for current.
    """
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return int(time.time())
    if not text.isascii() or not text.isdigit() or int(text) > LATEST:
        raise WriteFailed(f"SOURCE_DATE_EPOCH={text!r} is not a number of seconds since 1970", "set or unset it")
    return int(text)


def commit(parts: Sequence[Part], mtime: int) -> None:
    """Write all changes of all roots, or none. The caller holds the lock of each root.

    Killed in between, each root is put back by the next command that works on it. Only a kill in the instant in which
    the journals of all roots are unlinked, one after another, leaves some roots written.

    Units    mtime in whole seconds, given to every file written.
    Raises   WriteFailed, with all roots as they were before.
    """
    begun: list[Path] = []
    is_committed = False
    try:
        for root, changes in parts:
            with _explaining(root):
                _preflight(root, changes)
        for root, changes in parts:
            with _explaining(root):
                begun.append(root)
                _make_folders(root, changes)
                journal.begin(root, changes)
                _write_all(root, changes, mtime)
        for root, changes in parts:
            with _explaining(root):
                _replace_all(root, changes)
        for root, _ in parts:
            with _explaining(root):
                journal.forget(root)
            is_committed = True  # what stands in one root stands in all
    except BaseException:
        if not is_committed:
            _undo_all(begun)
        else:
            _end_all(begun)
        raise
    _end_all(begun)
    for root, changes in parts:
        with contextlib.suppress(OSError):  # the command is done, whatever becomes of times and empty folders
            _settle_folders(root, changes, mtime)


def _end_all(roots: Sequence[Path]) -> None:
    for root in roots:
        with _explaining(root):
            journal.end(root)


def _undo_all(roots: Sequence[Path]) -> None:
    """Undo in every root, also after one where it fails.

    Raises   PatchkitError of the first root that stays as it is.
    """
    failures: list[PatchkitError] = []
    for root in roots:
        try:
            with _explaining(root):
                journal.undo(root)
        except PatchkitError as error:
            failures.append(error)
    if failures:
        raise failures[0]


def recover(root: Path) -> bool:
    """Undo what a killed command left; True if there was something. The caller holds the lock.

    Raises   StateCorrupt if the journal cannot be read, WriteFailed if it cannot be undone now.
    """
    if not journal.is_unfinished(root):
        return False
    with _explaining(root):
        journal.undo(root)
    return True


def _preflight(root: Path, changes: Sequence[Change]) -> None:
    """Find what would fail before the first byte is written."""
    mounts = _mount_points()
    refuse_links(root, [STATE, BLOBS, JOURNAL, *(change.path.rpartition("/")[0] for change in changes)])
    for change in changes:
        path = root / change.path
        _check_unchanged(path, change.before)
        if str(path) in mounts:
            raise OSError(errno.EBUSY, "mount point", str(path))
        folder = next(folder for folder in path.parents if folder.is_dir())
        if not os.access(folder, os.W_OK | os.X_OK):
            is_read_only = os.statvfs(folder).f_flag & os.ST_RDONLY
            raise OSError(errno.EROFS if is_read_only else errno.EACCES, "not writable", str(folder))


def _mount_points() -> set[str]:
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    return {line.split()[4].encode().decode("unicode_escape") for line in lines}


def _check_unchanged(path: Path, expected: bytes | None) -> None:
    if read(path) != expected:
        raise WriteFailed(f"{path} was changed by another program while patchkit was at work", "run the command again")


def _make_folders(root: Path, changes: Sequence[Change]) -> None:
    """Make the state folders. Every other folder is there: patches change files, they add none."""
    for name in (STATE, JOURNAL, BLOBS):
        folder = root / name
        if not folder.is_dir():
            folder.mkdir()
            folder.chmod(0o755)
            give_to_owner_of(root, folder)


def _write_all(root: Path, changes: Sequence[Change], mtime: int) -> None:
    """Write each new file beside the old one, with its mode, owner and attributes."""
    for change in changes:
        if change.after is None:
            continue
        path = root / change.path
        new = temporary(path)
        new.unlink(missing_ok=True)
        if change.link is not None:
            new.symlink_to(change.link)
            continue
        write_synced(new, change.after)
        if path.exists():
            status = path.stat()
            try:
                chown(new, status.st_uid, status.st_gid)
            except OSError as error:
                error.filename = str(path)  # the file whose owner cannot be kept, not our temporary one
                raise
            shutil.copystat(path, new)
        else:
            new.chmod(0o644)
            give_to_owner_of(root, new)
        os.utime(new, (mtime, mtime))


def _replace_all(root: Path, changes: Sequence[Change]) -> None:
    for change in changes:
        _check_unchanged(root / change.path, change.before)
    for change in changes:
        path = root / change.path
        if change.after is None:
            path.unlink(missing_ok=True)
        else:
            temporary(path).replace(path)
    for folder in {(root / change.path).parent for change in changes}:
        sync_folder(folder)


def _settle_folders(root: Path, changes: Sequence[Change], mtime: int) -> None:
    """Drop state folders that became empty; with SOURCE_DATE_EPOCH, give the touched folders that time."""
    remove_if_empty(root / BLOBS)
    remove_if_empty(root / STATE)
    if os.environ.get("SOURCE_DATE_EPOCH"):
        for folder in {(root / change.path).parent for change in changes} | {root / STATE, root}:
            if folder.is_dir():
                os.utime(folder, (mtime, mtime))


@contextlib.contextmanager
def _explaining(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _explained(error, root) from error


def _explained(error: OSError, root: Path) -> WriteFailed:
    place = error.filename or root
    if error.errno == errno.EROFS:
        return WriteFailed(
            f"{place} is on a read-only file system", "run the command before the file system is made read-only"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return WriteFailed(
            f"{place}: not permitted for uid {os.geteuid()}: {error.strerror}",
            "run as the owner of the files, in an image build before the USER line",
        )
    if error.errno == errno.EBUSY:
        return WriteFailed(
            f"{place} is a mount point of its own and cannot be replaced",
            "apply the patch where the file comes from, or mount its folder instead of the single file",
        )
    if error.errno == errno.ENOSPC:
        return WriteFailed(f"{place}: no space left on the device", "free some space and run the command again")
    return WriteFailed(f"{place}: {error.strerror or error}", "see to it and run the command again")
