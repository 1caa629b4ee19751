"""A quarantine undone: the files of a data set as they were before --fix."""

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from patchkit.check_data.manifest import CACHE, MANIFEST, CacheFile, LabelFile, Manifest, place_of, read_manifest
from patchkit.check_data.moved import Moved
from patchkit.check_data.quarantine import digest
from patchkit.check_data.spans import with_rows
from patchkit.errors import PatchkitError, StateCorrupt, TargetRefused, WriteFailed
from patchkit.patching.files import read, remove_temporary, replace_file, replace_kept

MODE = 0o644  # where the manifest does not say it


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
    entry: LabelFile
    state: State
    before: bytes | None  # its bytes before --fix; None if nothing holds them, or the file has them
    is_held: bool  # the quarantine has something of it


@dataclass(frozen=True)
class Away:
    """A cache that is not in its place."""

    path: Path
    entry: CacheFile
    data: bytes


def undo(folder: Path) -> Moved:
    """Put back, byte for byte, what a quarantine holds. A file that is gone is made again.

    Raises   TargetRefused if a file was changed since; StateCorrupt if one cannot be had any more. Nothing is written
             then. WriteFailed.
    """
    manifest = read_manifest(folder)
    try:
        files, untouched = _begun([_known(folder, manifest, entry) for entry in manifest.files])
        away = [file for file in files if file.state is not State.BEFORE]
        caches = [cache for entry in manifest.caches if (cache := _away(folder, manifest, entry)) is not None]
        _require_all(folder, away, caches)
        places = {place_of(folder, manifest, cache.path) for cache in manifest.caches}
    except OSError as error:
        hint = f"nothing was written; see to it, and run it again: patchkit check-data --undo {folder}"
        raise WriteFailed(f"{error.filename or folder}: {error.strerror or error}", hint) from error
    done = 0
    try:
        for entry in manifest.files:
            remove_temporary(place_of(folder, manifest, entry.path))
        for _ in _put_back(away, caches, places):
            done += 1
    except OSError as error:
        fact = (
            f"{error.filename or folder}: {error.strerror or error}; {done} of {len(away) + len(caches)} files are back"
        )
        hint = f"see to it, and run it again for the others: patchkit check-data --undo {folder}"
        raise WriteFailed(fact, hint) from error
    return Moved(folder, sum(file.entry.count for file in away), len(away), 0, len(caches), tuple(map(str, untouched)))


def _known(folder: Path, manifest: Manifest, entry: LabelFile) -> Known:
    path = place_of(folder, manifest, entry.path)
    data = read(path)
    states = {entry.after_sha256: State.AFTER, entry.before_sha256: State.BEFORE}
    state = states.get(digest(data), State.CHANGED) if data is not None else State.GONE
    rows = read(folder / entry.rows)
    kept = read(folder / entry.kept) if entry.kept else None
    left = data if data is not None and state is State.AFTER else b""
    before = None if state is State.BEFORE else _before(entry, left, rows, kept)
    return Known(path, entry, state, before, rows is not None or kept is not None)


def _before(entry: LabelFile, left: bytes, rows: bytes | None, kept: bytes | None) -> bytes | None:
    """The bytes of a file as it was: what is left of it with its rows put back, or the copy of it."""
    whole = with_rows(left, entry.spans, rows or b"")
    candidates = (whole, kept) if kept is not None else (whole,)
    return next((data for data in candidates if digest(data) == entry.before_sha256), None)


def _begun(files: Sequence[Known]) -> tuple[list[Known], list[Path]]:
    """The files that --fix came to before it ended or was stopped, in its order; and those that changed without it."""
    last = max((index for index, file in enumerate(files) if file.is_held or file.state is State.AFTER), default=-1)
    others = [file.path for file in files[last + 1 :] if file.state is not State.BEFORE]
    return list(files[: last + 1]), others


def _away(folder: Path, manifest: Manifest, entry: CacheFile) -> Away | None:
    """A cache that is not in its place; None if it is there. Raises   TargetRefused if another one is."""
    path = place_of(folder, manifest, entry.path)
    now, kept = read(path), read(folder / entry.kept)
    if now is not None and (kept is None or digest(now) == entry.sha256):
        return None
    if now is not None:
        hint = "it was made after --fix, and belongs to the labels without the moved rows: take it away"
        raise TargetRefused(f"{path} is there already", hint)
    if kept is None or digest(kept) != entry.sha256:
        hint = f"take its entry out of {folder / MANIFEST}: the next training makes a cache anew"
        raise StateCorrupt(f"{folder / entry.kept} does not hold the cache that was moved", hint)
    return Away(path, entry, kept)


def _require_all(folder: Path, files: Sequence[Known], caches: Sequence[Away]) -> None:
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
    paths = [*(file.path for file in files), *(cache.path for cache in caches)]
    parents = list(dict.fromkeys(path.parent for path in paths))
    if folders := [str(parent) for parent in parents if not parent.is_dir()]:
        hint = "bring the data set back to its place; or make the folders again (mkdir -p), and run it again"
        raise _refused(TargetRefused, "the folders of files are gone", sorted(folders), hint)
    shut = [str(parent) for parent in parents if not os.access(parent, os.W_OK | os.X_OK)]
    shut += [str(file.path) for file in files if file.state is not State.GONE and not os.access(file.path, os.W_OK)]
    if shut:
        raise _refused(TargetRefused, "it is read-only", shut, "run as a user who may write it")


def _refused(kind: type[PatchkitError], fact: str, places: Sequence[str], hint: str) -> PatchkitError:
    return kind(f"{fact}; nothing was written:" + "".join(f"\n  {place}" for place in places), hint)


def _put_back(files: Sequence[Known], caches: Sequence[Away], places: Collection[Path]) -> Iterator[Path]:
    """Write every file, and name it then. Each has the time of its last change again, so that a cache is stale, or
    not, as it was; but a file whose cache was made after --fix is newer than that.
    """
    for file, data in ((file, file.before) for file in files if file.before is not None):
        changed = None if _is_cached_since(file.path, places) else file.entry.changed_ns
        if file.state is State.GONE:
            replace_file(file.path, data, _mode(file.entry), changed)
        else:
            replace_kept(file.path, data, changed)
        yield file.path
    for cache in caches:
        replace_file(cache.path, cache.data, _mode(cache.entry), cache.entry.changed_ns)
        yield cache.path


def _is_cached_since(path: Path, places: Collection[Path]) -> bool:
    """True if the labels of a folder have a cache that --fix did not know."""
    beside = (Path(f"{os.path.splitext(path.parent)[0]}{CACHE}"), Path(f"{path.parent.parent}{CACHE}"))
    return any(place not in places and place.exists() for place in beside)


def _mode(entry: LabelFile | CacheFile) -> int:
    return MODE if entry.mode is None else entry.mode
