"""Single steps on the file system that the transaction and its journal share."""

import contextlib
import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from patchkit.errors import TargetRefused

TEMPORARY = ".patchkit-tmp"
NAME_MAX = 255  # bytes of a file name


def refuse_links(root: Path, folders: Iterable[str]) -> None:
    """Refuse folders, relative to the root, that lead out of it.

    Raises   TargetRefused.
    """
    for folder in {root / name for name in folders}:
        if not folder.resolve().is_relative_to(root.resolve()):
            raise TargetRefused(
                f"{folder} is a link to {folder.resolve()}: nothing is written outside {root}",
                "replace the link by a folder, or name the place it leads to",
            )


def temporary(path: Path) -> Path:
    """Where the new bytes of a file are written before they replace it: in the same folder."""
    name = f".{path.name}{TEMPORARY}"
    if len(os.fsencode(name)) > NAME_MAX:
        name = f".{sha256(os.fsencode(path.name)).hexdigest()}{TEMPORARY}"
    return path.with_name(name)


def read(path: Path) -> bytes | None:
    """The bytes of a file; None if it is absent."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def write_synced(path: Path, data: bytes, mode: int | None = None) -> None:
    """Create a file that must not exist, and bring it to the disk. It is never more open than its mode."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        if mode is not None:
            os.fchmod(descriptor, mode)
        os.fsync(descriptor)


def replace_file(path: Path, data: bytes, mode: int = 0o644, changed_ns: int | None = None) -> None:
    """Put new bytes in place of a file, whose mode stays, or make it, in one step."""
    new = temporary(path)
    new.unlink(missing_ok=True)
    write_synced(new, data, path.stat().st_mode & 0o7777 if path.exists() else mode)
    if changed_ns is not None:
        os.utime(new, ns=(changed_ns, changed_ns))
    new.replace(path)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def chown(path: Path, uid: int, gid: int) -> None:
    """Change the owner, unless it is right already: that needs no privilege."""
    now = path.stat()
    if (now.st_uid, now.st_gid) != (uid, gid):
        os.chown(path, uid, gid)


def give_to_owner_of(root: Path, path: Path) -> None:
    """State belongs to whoever owns the root, so that its owner can revert what root applied."""
    status = root.stat()
    with contextlib.suppress(PermissionError):
        chown(path, status.st_uid, status.st_gid)


def remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


def make_folder(path: Path) -> None:
    """Make a folder that only its owner may enter, and those above it; it may be there if it is empty.

    Raises   TargetRefused if there is something in it, or it is a file.
    """
    try:
        path.mkdir(0o700, parents=True, exist_ok=True)
        is_empty = not any(path.iterdir())
    except NotADirectoryError as error:
        raise TargetRefused(f"{path}: what is above it is a file", "name a folder that does not exist") from error
    except FileExistsError:
        is_empty = False
    if not is_empty:
        raise TargetRefused(f"{path} is there already, and not an empty folder", "name a folder that does not exist")


def replace_kept(path: Path, data: bytes, changed_ns: int | None = None) -> None:
    """Replace the bytes of a file in one step. Its owner stays, and so does a link: what it leads to is replaced."""
    real = Path(os.path.realpath(path))
    before = real.stat()
    replace_file(real, data, changed_ns=changed_ns)
    with contextlib.suppress(PermissionError):
        chown(real, before.st_uid, before.st_gid)


def remove(path: Path) -> None:
    """Take a file away whose bytes are kept elsewhere."""
    path.unlink()


def remove_temporary(path: Path) -> None:
    """Take away what a command that was killed had written to replace a file with, or what a link leads to."""
    left = temporary(Path(os.path.realpath(path)))
    if left.exists():  # a file system that is read-only refuses to remove what is not there
        left.unlink()


def put(path: Path, data: bytes) -> None:
    """Write a file that belongs to a project, in one step: anew, or in place of the old one. A link stays a link."""
    real = Path(os.path.realpath(path))
    try:
        if real.exists():
            replace_kept(real, data)
        else:
            replace_file(real, data)
            give_to_owner_of(real.parent, real)
    except OSError:
        with contextlib.suppress(OSError):
            remove_temporary(real)
        raise
    sync_folder(real.parent)
