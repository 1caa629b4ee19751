"""The write-ahead journal of a root: every file of a command as it was, until the command has ended.

Its folder holds a copy of each file and, last, `journal.json`, which makes it valid. Removing that file is what
commits the command. A journal that a later command finds belongs to one that was killed, and is rolled back.
"""

import json
import shutil
import stat
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from patchkit.errors import StateCorrupt
from patchkit.patching.files import chown, read, remove_if_empty, sync_folder, temporary, write_synced
from patchkit.patching.ledger import BLOBS, JOURNAL, LEDGER, STATE, sha256_of

JOURNAL_FILE = "journal.json"


@dataclass(frozen=True)
class Change:
    """One file as it must be found and as it will be; None: absent."""

    path: str  # relative to the root, with forward slashes
    before: bytes | None
    after: bytes | None
    link: str | None = None  # where the file points again, if it was a link before it was patched


@dataclass(frozen=True)
class Entry:
    """One file in the journal; its copy is named by its number."""

    path: str
    after: str | None  # sha256 of the new bytes; None: the file goes
    existed: bool
    link: str | None = None  # where it pointed, if it was a link
    uid: int = 0
    gid: int = 0


def begin(root: Path, changes: Sequence[Change]) -> None:
    """Keep every file as it is. The journal counts from the moment its name is there."""
    folder = root / JOURNAL
    entries = []
    for number, change in enumerate(changes):
        path = root / change.path
        after = None if change.after is None else sha256_of(change.after)
        entry = Entry(change.path, after, existed=False)
        if change.before is not None:
            status = path.lstat()
            link = str(path.readlink()) if stat.S_ISLNK(status.st_mode) else None
            write_synced(folder / str(number), change.before)
            shutil.copystat(path, folder / str(number))
            entry = Entry(change.path, after, True, link, status.st_uid, status.st_gid)
        entries.append(entry)
    draft = folder / "journal.tmp"
    write_synced(draft, json.dumps([asdict(entry) for entry in entries]).encode())
    draft.replace(folder / JOURNAL_FILE)
    sync_folder(folder)


def end(root: Path) -> None:
    """Commit: from here on the new files stand."""
    folder = root / JOURNAL
    (folder / JOURNAL_FILE).unlink(missing_ok=True)
    sync_folder(folder)
    shutil.rmtree(folder)


def is_unfinished(root: Path) -> bool:
    """True if a command is at work in this root, or was killed there."""
    return (root / JOURNAL).is_dir() or ((root / STATE).is_dir() and not (root / LEDGER).exists())


def undo(root: Path) -> None:
    """Put every file back that the journal names, and remove the journal and empty state folders.

    Raises   StateCorrupt if the journal cannot be read.
    """
    if (root / JOURNAL / JOURNAL_FILE).exists():
        entries = _entries(root / JOURNAL / JOURNAL_FILE)
        for number, entry in reversed(list(enumerate(entries))):
            _restore(root / entry.path, entry, root / JOURNAL / str(number))
        for folder in {(root / entry.path).parent for entry in entries}:
            if folder.is_dir():
                sync_folder(folder)
    if (root / JOURNAL).is_dir():
        end(root)
    remove_if_empty(root / BLOBS)
    remove_if_empty(root / STATE)


def _restore(path: Path, entry: Entry, kept: Path) -> None:
    """Bring one file back, unless it was not written yet, or somebody else has written it since."""
    new = temporary(path)
    new.unlink(missing_ok=True)
    now = read(path)
    if (None if now is None else sha256_of(now)) != entry.after:
        return
    if not entry.existed:
        path.unlink(missing_ok=True)
        return
    if entry.link is not None:
        new.symlink_to(entry.link)
    else:
        shutil.copy2(kept, new)
        chown(new, entry.uid, entry.gid)
        shutil.copystat(kept, new)
    new.replace(path)


def _entries(path: Path) -> list[Entry]:
    try:
        items: list[dict[str, Any]] = json.loads(path.read_bytes())
        return [_entry(item) for item in items]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        state = path.parents[1]
        raise StateCorrupt(
            f"{path} is damaged: {error}",
            f"reinstall the package (or check out the tree anew), then delete {state} and apply again",
        ) from error


def _entry(item: dict[str, Any]) -> Entry:
    entry = Entry(**item)
    if not entry.path or entry.path.startswith("/") or ".." in entry.path.split("/") or "\0" in entry.path:
        raise ValueError(f"the path {entry.path!r} leaves the root")
    return entry
