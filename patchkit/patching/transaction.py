"""The one module that writes to a target: all changes of a command, or none.

Order: lock the root; keep every file as it is now in a journal; write the new files beside the old ones; check that
nothing changed meanwhile; rename; drop the journal. Removing `journal.json` is the commit. A journal that is found by
a later command belongs to one that was killed, and is rolled back.
"""

import contextlib
import errno
import fcntl
import json
import os
import shutil
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from patchkit.errors import StateCorrupt, WriteFailed
from patchkit.patching.ledger import BLOBS, JOURNAL, LEDGER, STATE, sha256_of

JOURNAL_FILE = "journal.json"
LOCK_TIMEOUT_S = 30.0
TEMPORARY = ".patchkit-tmp"


@dataclass(frozen=True)
class Change:
    """One file as it must be found and as it will be; None: absent."""

    path: str  # relative to the root, with forward slashes
    before: bytes | None
    after: bytes | None


@contextlib.contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold the lock of a root. It is a lock on the folder itself, so it leaves no file behind.

    Units    PATCHKIT_LOCK_TIMEOUT in seconds (30).
    Raises   WriteFailed if another process keeps it.
    """
    try:
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise WriteFailed(f"{root} cannot be opened: {error.strerror}", "run as a user who may read it") from error
    try:
        _acquire(descriptor, root)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, root: Path) -> None:
    timeout = _lock_timeout()
    deadline = time.monotonic() + timeout
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise WriteFailed(
                    f"{root} is locked by another patchkit process; waited {timeout:g} s",
                    "wait for it to end, or set PATCHKIT_LOCK_TIMEOUT to more seconds",
                ) from error
            time.sleep(0.05)


def _lock_timeout() -> float:
    text = os.environ.get("PATCHKIT_LOCK_TIMEOUT", "")
    try:
        return float(text) if text else LOCK_TIMEOUT_S
    except ValueError as error:
        raise WriteFailed(f"PATCHKIT_LOCK_TIMEOUT={text!r} is not a number of seconds", "unset it") from error


def timestamp() -> int:
    """Modification time of what a command writes, in whole seconds: SOURCE_DATE_EPOCH, or now.

    Never the time of the old file: Python would take old bytecode of the same size for current.
    """
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return int(time.time())
    try:
        return int(text)
    except ValueError as error:
        raise WriteFailed(f"SOURCE_DATE_EPOCH={text!r} is not a number of seconds", "set or unset it") from error


def commit(root: Path, changes: Sequence[Change], mtime: int) -> None:
    """Write all changes, or none. The caller holds the lock.

    Units    mtime in whole seconds, given to every file written.
    Raises   WriteFailed, with the target as it was before.
    """
    made = _make_folders(root, changes)
    try:
        _preflight(root, changes)
        _write_journal(root, changes)
        _replace_all(root, changes, mtime)
    except OSError as error:
        _undo(root, made)
        raise _explained(error, root) from error
    except BaseException:
        _undo(root, made)
        raise
    _end_journal(root)
    _settle_folders(root, changes, mtime)


def recover(root: Path) -> bool:
    """Undo what a killed command left; True if there was something. The caller holds the lock.

    Raises   StateCorrupt if the journal cannot be read, WriteFailed if it cannot be undone now.
    """
    if not is_unfinished(root):
        return False
    folder = root / JOURNAL
    try:
        if (folder / JOURNAL_FILE).exists():
            _roll_back(root)
        if folder.is_dir():
            _end_journal(root)
        _remove_if_empty(root / BLOBS)
        _remove_if_empty(root / STATE)
    except OSError as error:
        raise _explained(error, root) from error
    return True


def is_unfinished(root: Path) -> bool:
    """True if a command is at work in this root, or was killed there."""
    return (root / JOURNAL).is_dir() or ((root / STATE).is_dir() and not (root / LEDGER).exists())


# --- before


def _make_folders(root: Path, changes: Sequence[Change]) -> list[Path]:
    made: list[Path] = []
    wanted = {(root / change.path).parent for change in changes if change.after is not None} | {root / JOURNAL}
    try:
        for folder in sorted(wanted):
            missing = [f for f in [*reversed(folder.parents), folder] if f.is_relative_to(root) and not f.exists()]
            for path in missing:
                path.mkdir(mode=0o755)
                made.append(path)
                path.chmod(0o755)
                _give_to_owner_of(root, path)
    except OSError as error:
        _remove_folders(made)
        raise _explained(error, root) from error
    return made


def _preflight(root: Path, changes: Sequence[Change]) -> None:
    mounts = _mount_points()
    for change in changes:
        path = root / change.path
        _check_unchanged(path, change.before)
        if str(path) in mounts:
            raise WriteFailed(
                f"{path} is a mount point of its own and cannot be replaced",
                "apply the patch where the file comes from, or mount its folder instead of the file",
            )
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise _explained(OSError(_access_errno(path.parent), "not writable", str(path.parent)), root)


def _access_errno(folder: Path) -> int:
    return errno.EROFS if os.statvfs(folder).f_flag & os.ST_RDONLY else errno.EACCES


def _mount_points() -> set[str]:
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    return {line.split()[4].encode().decode("unicode_escape") for line in lines}


def _check_unchanged(path: Path, expected: bytes | None) -> None:
    if _read(path) != expected:
        raise WriteFailed(f"{path} was changed by another program while patchkit was at work", "run the command again")


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


# --- the journal


def _write_journal(root: Path, changes: Sequence[Change]) -> None:
    """Keep each file as it is, with what a copy of it must have, then name them all in one rename."""
    folder = root / JOURNAL
    entries = []
    for number, change in enumerate(changes):
        path = root / change.path
        after = None if change.after is None else sha256_of(change.after)
        entry: dict[str, object] = {"path": change.path, "before": None, "after": after}
        if change.before is not None:
            status = path.stat(follow_symlinks=False)
            link = str(path.readlink()) if stat.S_ISLNK(status.st_mode) else None
            _write_synced(folder / str(number), change.before)
            shutil.copystat(path, folder / str(number))
            entry["before"] = {
                "sha256": sha256_of(change.before),
                "link": link,
                "uid": status.st_uid,
                "gid": status.st_gid,
            }
        entries.append(entry)
    _write_synced(folder / "journal.tmp", json.dumps(entries).encode())
    (folder / "journal.tmp").replace(folder / JOURNAL_FILE)
    _sync_folder(folder)


def _read_journal(folder: Path) -> list[dict[str, object]]:
    path = folder / JOURNAL_FILE
    try:
        entries: list[dict[str, object]] = json.loads(path.read_bytes())
        for entry in entries:
            parts = str(entry["path"]).split("/")
            if ".." in parts or parts[0] == "":
                raise ValueError(f"the path {entry['path']!r} leaves the root")  # noqa: TRY301
    except (ValueError, KeyError, TypeError) as error:
        raise StateCorrupt(
            f"{path} is damaged: {error}", f"reinstall the package, then delete {folder.parent} and apply again"
        ) from error
    return entries


def _roll_back(root: Path) -> None:
    """Put every file back that the journal names, unless somebody else has written it since."""
    folder = root / JOURNAL
    entries = _read_journal(folder)
    for number, entry in reversed(list(enumerate(entries))):
        path, kept = root / str(entry["path"]), folder / str(number)
        _temporary(path).unlink(missing_ok=True)
        now = _read(path)
        before = entry["before"]
        if (now is None) != (entry["after"] is None) or (now is not None and sha256_of(now) != entry["after"]):
            continue  # not written yet, or not ours any more
        if before is None:
            path.unlink(missing_ok=True)
            continue
        assert isinstance(before, dict)
        copy = _temporary(path)
        if before["link"] is not None:
            copy.symlink_to(before["link"])
        else:
            shutil.copy2(kept, copy)
            _chown(copy, before["uid"], before["gid"])
            shutil.copystat(kept, copy)
        copy.replace(path)
    for path in {(root / str(entry["path"])).parent for entry in entries}:
        if path.is_dir():
            _sync_folder(path)


def _end_journal(root: Path) -> None:
    folder = root / JOURNAL
    (folder / JOURNAL_FILE).unlink(missing_ok=True)
    _sync_folder(folder)
    shutil.rmtree(folder)


def _undo(root: Path, made: list[Path]) -> None:
    """Bring the root back after a failure of this command itself."""
    if (root / JOURNAL / JOURNAL_FILE).exists():
        _roll_back(root)
    if (root / JOURNAL).exists():
        _end_journal(root)
    _remove_folders(made)


# --- the files


def _replace_all(root: Path, changes: Sequence[Change], mtime: int) -> None:
    for change in changes:
        if change.after is not None:
            _write_temporary(root, change, mtime)
    for change in changes:
        _check_unchanged(root / change.path, change.before)
    for change in changes:
        path = root / change.path
        if change.after is None:
            path.unlink(missing_ok=True)
        else:
            _temporary(path).replace(path)
    for folder in {(root / change.path).parent for change in changes}:
        if folder.is_dir():
            _sync_folder(folder)


def _write_temporary(root: Path, change: Change, mtime: int) -> None:
    """Write the new file beside the old one, with its mode, owner and attributes."""
    assert change.after is not None
    path = root / change.path
    temporary = _temporary(path)
    temporary.unlink(missing_ok=True)
    _write_synced(temporary, change.after)
    if path.exists():
        status = path.stat()
        _chown(temporary, status.st_uid, status.st_gid)
        shutil.copystat(path, temporary)
    else:
        temporary.chmod(0o644)
        _give_to_owner_of(root, temporary)
    os.utime(temporary, (mtime, mtime))


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}{TEMPORARY}")


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _chown(path: Path, uid: int, gid: int) -> None:
    now = path.stat()
    if (now.st_uid, now.st_gid) != (uid, gid):
        os.chown(path, uid, gid)


def _give_to_owner_of(root: Path, path: Path) -> None:
    """State belongs to whoever owns the root, so that its owner can revert what root applied."""
    status = root.stat()
    with contextlib.suppress(PermissionError):
        _chown(path, status.st_uid, status.st_gid)


def _settle_folders(root: Path, changes: Sequence[Change], mtime: int) -> None:
    """Drop folders that became empty; with SOURCE_DATE_EPOCH, give the touched ones that time."""
    for name in sorted({change.path.rpartition("/")[0] for change in changes if change.after is None}, reverse=True):
        if name.startswith(STATE):
            _remove_if_empty(root / name)
    _remove_if_empty(root / STATE)
    if os.environ.get("SOURCE_DATE_EPOCH"):
        for folder in {(root / change.path).parent for change in changes} | {root / STATE, root}:
            if folder.is_dir():
                os.utime(folder, (mtime, mtime))


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


def _remove_folders(made: list[Path]) -> None:
    for folder in reversed(made):
        _remove_if_empty(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _explained(error: OSError, root: Path) -> WriteFailed:
    place = error.filename or root
    if error.errno == errno.EROFS:
        return WriteFailed(
            f"{place} is on a read-only file system", "apply the patch before the file system is made read-only"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return WriteFailed(
            f"{place}: not permitted for uid {os.geteuid()}: {error.strerror}",
            "run as the owner of the files, in an image build before the USER line",
        )
    if error.errno == errno.EBUSY:
        return WriteFailed(f"{place} is in use as a mount point", "mount its folder instead of the single file")
    if error.errno == errno.ENOSPC:
        return WriteFailed(f"{place}: no space left on the device", "free some space and run the command again")
    return WriteFailed(f"{place}: {error.strerror or error}", "see to it and run the command again")
