"""A quarantine undone: the files of a data set as they were before --fix."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from patchkit.check_data.quarantine import MANIFEST, SCHEMA, Moved, digest, with_rows
from patchkit.errors import PatchkitError, StateCorrupt, TargetRefused, WriteFailed
from patchkit.patching.files import read, replace_file, replace_kept, write_synced


class State(Enum):
    """What a file is now."""

    BEFORE = "as it was before --fix"
    AFTER = "as --fix has left it"
    CHANGED = "something else"
    GONE = "not there"


@dataclass(frozen=True)
class Known:
    """A file of the manifest."""

    path: Path
    state: State
    rows: int
    before: bytes | None  # its bytes before --fix; None if nothing holds them, or the file has them


def undo(folder: Path) -> Moved:
    """Put back, byte for byte, what a quarantine holds. A file that is gone is made again.

    Raises   TargetRefused if a file was changed since; StateCorrupt if one cannot be had any more. Nothing is written
             then. WriteFailed.
    """
    manifest = _manifest(folder)
    try:
        files = [_known(folder, entry) for entry in manifest["files"]]
        _require_all(folder, [file for file in files if file.state is not State.BEFORE])
        caches = [entry for entry in manifest["caches"] if _is_away(folder, entry)]
        restored = [(file, file.before) for file in files if file.before is not None]
        for file, data in restored:
            (replace_file if file.state is State.GONE else replace_kept)(file.path, data)
        for entry in caches:
            write_synced(folder / entry["path"], (folder / entry["kept"]).read_bytes())
    except OSError as error:
        hint = f"see to it, and run it again: patchkit check-data --undo {folder}"
        raise WriteFailed(f"{error.filename or folder}: {error.strerror or error}", hint) from error
    return Moved(folder, sum(file.rows for file, _ in restored), len(restored), 0, len(caches))


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        data = read(folder / MANIFEST)
    except OSError:
        data = None
    if data is None:
        raise TargetRefused(f"{folder} is no quarantine: it has no {MANIFEST}", "name the folder of --quarantine")
    try:
        manifest: dict[str, Any] = json.loads(data)
        if manifest["schema"] != SCHEMA:
            raise TargetRefused(f"{folder / MANIFEST}: schema {manifest['schema']} is not known", "update patchkit-cv")
        for entry in manifest["files"]:
            entry["spans"] = [(int(start), int(end)) for start, end in entry["spans"]]
            _ = entry["path"], entry["before_sha256"], entry["after_sha256"], entry["rows"], entry["count"]
        _ = [(entry["path"], entry["sha256"], entry["kept"]) for entry in manifest["caches"]]
    except (ValueError, KeyError, TypeError) as error:
        raise StateCorrupt(f"{folder / MANIFEST} is damaged: {error}", "restore the file") from error
    return manifest


def _known(folder: Path, entry: dict[str, Any]) -> Known:
    path = Path(os.path.normpath(folder / entry["path"]))
    data = read(path)
    states = {entry["after_sha256"]: State.AFTER, entry["before_sha256"]: State.BEFORE}
    state = states.get(digest(data), State.CHANGED) if data is not None else State.GONE
    if state is State.BEFORE:
        return Known(path, state, entry["count"], None)
    left = data if data is not None and state is State.AFTER else b""
    return Known(path, state, entry["count"], _before(folder, entry, left))


def _before(folder: Path, entry: dict[str, Any], left: bytes) -> bytes | None:
    """The bytes of a file as it was: what is left of it with its rows put back, or the copy of it."""
    whole = with_rows(left, entry["spans"], read(folder / entry["rows"]) or b"")
    if digest(whole) == entry["before_sha256"]:
        return whole
    kept = read(folder / entry["kept"]) if "kept" in entry else None
    return kept if kept is not None and digest(kept) == entry["before_sha256"] else None


def _require_all(folder: Path, files: Sequence[Known]) -> None:
    """Refuse unless every file can be written, and nothing is lost by that.

    Raises   TargetRefused; StateCorrupt.
    """
    if lost := [str(file.path) for file in files if file.before is None]:
        what = f"{folder} does not hold any more what these files were"
        manifest = folder / MANIFEST
        hint = f"bring {folder} back from a backup; or take their entries out of {manifest}: the others are put back"
        raise _refused(StateCorrupt, what, lost, hint)
    if changed := [str(file.path) for file in files if file.state is State.CHANGED]:
        hint = "move what is there elsewhere, and run it again: each comes back as it was before --fix"
        raise _refused(TargetRefused, "these files were changed since --fix", changed, hint)
    folders = {str(file.path.parent) for file in files if not file.path.parent.is_dir()}
    if folders:
        hint = "bring the data set back to its place; or make the folders again (mkdir -p), and run it again"
        raise _refused(TargetRefused, "the folders of files are gone", sorted(folders), hint)
    places = [file.path.parent if file.state is State.GONE else file.path for file in files]
    if shut := [str(place) for place in dict.fromkeys(places) if not os.access(place, os.W_OK)]:
        raise _refused(TargetRefused, "it is read-only", shut, "run as a user who may write it")


def _refused(kind: type[PatchkitError], fact: str, places: Sequence[str], hint: str) -> PatchkitError:
    return kind(f"{fact}; nothing was written:" + "".join(f"\n  {place}" for place in places), hint)


def _is_away(folder: Path, entry: dict[str, Any]) -> bool:
    """True if a cache is not in its place. Raises   TargetRefused if another one is."""
    path = folder / entry["path"]
    now, kept = read(path), read(folder / entry["kept"])
    if now is not None:
        if digest(now) != entry["sha256"]:
            hint = "it was made after --fix, and belongs to the labels without the moved rows: take it away"
            raise TargetRefused(f"{os.path.normpath(path)} is there already", hint)
        return False
    if kept is None or digest(kept) != entry["sha256"]:
        hint = f"take its entry out of {folder / MANIFEST}: the next training makes a cache anew"
        raise StateCorrupt(f"{folder / entry['kept']} does not hold the cache that was moved", hint)
    return True
