"""The write-ahead journal of a root: every file of a command as it was, until the command has ended.

Its folder holds a copy of each file and, last, `journal.json`, which makes it valid. Removing that file is what
commits the command. A journal that a later command finds belongs to one that was killed, and is rolled back.
"""

import contextlib
import json
import re
import shutil
import stat
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from patchkit.errors import StateCorrupt
from patchkit.patching.files import (
    chown,
    read,
    refuse_links,
    remove_if_empty,
    sync_folder,
    temporary,
    write_synced,
)
from patchkit.patching.ledger import hint_for, inside, sha256_of
from patchkit.patching.state_folder import BLOBS, JOURNAL, MARKER, STATE

JOURNAL_FILE = "journal.json"
# patchkit removes nothing but its own state, bytecode and markers, so there is nothing else to bring back.
_REMOVABLE = re.compile(rf"{re.escape(STATE)}/.*|.*\.pyc|[^/]+\.dist-info/{re.escape(MARKER)}", re.DOTALL)


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
    before: str | None  # sha256 of the copy; None: the file was absent
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
        entry = Entry(change.path, after, None)
        if change.before is not None:
            status = path.lstat()
            link = str(path.readlink()) if stat.S_ISLNK(status.st_mode) else None
            write_synced(folder / str(number), change.before)
            shutil.copystat(path, folder / str(number))
            before = sha256_of(change.before)
            entry = Entry(change.path, after, before, link, status.st_uid, status.st_gid)
        entries.append(entry)
    draft = folder / "journal.tmp"
    write_synced(draft, json.dumps([asdict(entry) for entry in entries]).encode())
    draft.replace(folder / JOURNAL_FILE)
    for place in (folder, folder.parent, root):
        sync_folder(place)


def forget(root: Path) -> None:
    """Commit: once the name is gone, the new files stand."""
    (root / JOURNAL / JOURNAL_FILE).unlink(missing_ok=True)


def end(root: Path) -> None:
    """Commit, and remove the journal. What is left to tidy up must not fail the command."""
    forget(root)
    folder = root / JOURNAL
    with contextlib.suppress(OSError):
        sync_folder(folder)
        shutil.rmtree(folder)


def is_unfinished(root: Path) -> bool:
    """True if a command is at work in this root, or was killed there."""
    if (root / JOURNAL).is_dir():
        return True
    # Killed between making the state folder and the journal, or between the last revert and removing the folder.
    return (root / STATE).is_dir() and all(
        entry.is_dir() and not any(entry.iterdir()) for entry in (root / STATE).iterdir()
    )


def undo(root: Path) -> None:
    """Put every file back that the journal names, and remove the journal and empty state folders.

    Raises   StateCorrupt if the journal cannot be read or was not written by patchkit; TargetRefused if a folder is a
             link that leaves the root.
    """
    refuse_links(root, [STATE, JOURNAL])
    if (root / JOURNAL).is_symlink():
        raise StateCorrupt(f"{root / JOURNAL} is a link, which patchkit never makes", hint_for(root / STATE))
    if (root / JOURNAL / JOURNAL_FILE).exists():
        entries = _entries(root / JOURNAL / JOURNAL_FILE)
        refuse_links(root, [entry.path.rpartition("/")[0] for entry in entries])
        for number, entry in enumerate(entries):
            _check_copy(root / JOURNAL / str(number), entry)
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
    if entry.before is None:
        path.unlink(missing_ok=True)
        return
    if entry.link is not None:
        new.symlink_to(entry.link)
    else:
        shutil.copy2(kept, new)
        chown(new, entry.uid, entry.gid)
        shutil.copystat(kept, new)
    new.replace(path)


def _check_copy(kept: Path, entry: Entry) -> None:
    """What will be put back must be what was kept: a journal may come with somebody else's checkout."""
    if entry.before is None:
        return
    data = None if kept.is_symlink() else read(kept)
    if data is None or sha256_of(data) != entry.before:
        raise StateCorrupt(f"{kept} is damaged: it is not the file that was kept", hint_for(kept.parents[1]))


def _entries(path: Path) -> list[Entry]:
    try:
        items: list[dict[str, Any]] = json.loads(path.read_bytes())
        return [_entry(item) for item in items]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StateCorrupt(f"{path} is damaged: {error}", hint_for(path.parents[1])) from error


def _entry(item: dict[str, Any]) -> Entry:
    entry = replace(Entry(**item), path=inside(item["path"]))
    texts = [text for text in (entry.after, entry.before, entry.link) if text is not None]
    is_typed = all(isinstance(number, int) and 0 <= number < 1 << 32 for number in (entry.uid, entry.gid)) and all(
        isinstance(text, str) and "\0" not in text for text in texts
    )
    is_gone = entry.after is None and entry.before is not None
    if not is_typed or (is_gone and not _REMOVABLE.fullmatch(entry.path)):
        raise ValueError(f"{item!r} is no entry of patchkit")
    return entry
