"""The manifest of a quarantine: which bytes were taken out of which file, and where these files are."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import msgspec

from patchkit.errors import StateCorrupt, TargetRefused
from patchkit.patching.files import read, sync_folder, write_synced

SCHEMA = 2
FIRST = 1  # its paths begin at the quarantine; it has no root, no modes and no times
MANIFEST = "manifest.json"
LABELS = (".txt", ".json", ".xml")
CACHE = ".cache"
Count = Annotated[int, msgspec.Meta(ge=0)]
Mode = Annotated[int, msgspec.Meta(ge=0, le=0o777)]
Time = Annotated[int, msgspec.Meta(ge=-(1 << 62), le=1 << 62)]  # nanoseconds since 1970


class LabelFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file that rows were taken out of."""

    path: str  # from the root
    before_sha256: str
    after_sha256: str
    spans: list[tuple[Count, Count]]
    rules: list[str] = []
    count: Count  # rows
    rows: str  # file of the quarantine: the bytes of the spans
    kept: str = ""  # file of the quarantine: the whole as it was; early quarantines have none
    mode: Mode | None = None
    changed_ns: Time | None = None


class CacheFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A cache that was moved away."""

    path: str  # from the root
    sha256: str
    kept: str  # file of the quarantine
    mode: Mode | None = None
    changed_ns: Time | None = None


class Manifest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that a quarantine holds."""

    schema: int
    root: str = "."  # from the quarantine: the folder that all files are below
    files: list[LabelFile]
    caches: list[CacheFile]


def root_of(paths: Iterable[Path]) -> Path:
    """The folder that files with real paths have in common."""
    return Path(os.path.commonpath([path.parent for path in paths]))


def write_manifest(folder: Path, manifest: Manifest) -> None:
    data = json.dumps(msgspec.to_builtins(manifest), indent=1) + "\n"
    write_synced(folder / MANIFEST, data.encode("ascii"))
    sync_folder(folder)


def read_manifest(folder: Path) -> Manifest:
    """What a quarantine says of itself. Its paths stay below its root, and below itself.

    Raises   TargetRefused if the folder is no quarantine; StateCorrupt if the manifest cannot be what --fix wrote.
    """
    place = folder / MANIFEST
    try:
        data = read(place)
    except NotADirectoryError:
        data = None
    except OSError as error:
        raise TargetRefused(f"{place}: {error.strerror or error}", "run as the user who ran --fix") from error
    if data is None:
        raise TargetRefused(f"{folder} is no quarantine: it has no {MANIFEST}", "name the folder of --quarantine")
    try:
        found = json.loads(data)
        _require_known(place, found)
        manifest = msgspec.convert(found, Manifest)
        _require_confined(folder, manifest)
    except (ValueError, RecursionError) as error:
        raise StateCorrupt(f"{place} is damaged: {error}", "restore the file; nothing was written") from error
    return manifest


def place_of(folder: Path, manifest: Manifest, path: str) -> Path:
    """Where a file of the manifest is.

    Raises   TargetRefused if a link there leads out of the root, or nowhere.
    """
    root = os.path.realpath(folder / manifest.root if manifest.schema > FIRST else folder)
    place = Path(os.path.normpath(f"{root}/{path}"))
    if place.is_symlink() and not place.exists():
        hint = "make what it leads to, or take the link away: the file itself is put in its place then"
        raise TargetRefused(f"{place} is a link that leads nowhere; nothing was written", hint)
    if manifest.schema > FIRST and not Path(os.path.realpath(place)).is_relative_to(root):
        hint = "there was no link when --fix wrote the file: put the file itself there, and run it again"
        raise TargetRefused(f"{place}: a link leads out of {root}; nothing was written", hint)
    return place


def _require_known(place: Path, found: Any) -> None:
    schema = found.get("schema") if isinstance(found, dict) else None
    if isinstance(schema, int) and not FIRST <= schema <= SCHEMA:
        raise TargetRefused(f"{place}: schema {schema} is not known", "update patchkit-cv")


def _require_confined(folder: Path, manifest: Manifest) -> None:
    """Raises   ValueError for a path that --fix does not write: it may be meant to overwrite what is no label."""
    _require_relative(manifest.root, may_climb=True)
    may_climb = manifest.schema == FIRST
    for path, suffixes in [
        *((file.path, LABELS) for file in manifest.files),
        *((cache.path, (CACHE,)) for cache in manifest.caches),
    ]:
        _require_relative(path, may_climb=may_climb)
        if not path.lower().endswith(suffixes):
            raise ValueError(f"{path!r} does not end in {' or '.join(suffixes)}")
    for path in [
        *(path for file in manifest.files for path in (file.rows, file.kept or file.rows)),
        *(cache.kept for cache in manifest.caches),
    ]:
        _require_relative(path, may_climb=False)
        if not Path(os.path.realpath(folder / path)).is_relative_to(os.path.realpath(folder)):
            raise ValueError(f"{path!r} is a link that leads out of the quarantine")


def _require_relative(path: str, *, may_climb: bool) -> None:
    os.fsencode(path)  # ValueError for characters that no name has
    if not path or "\0" in path or path.startswith("/"):
        raise ValueError(f"{path!r} is no relative path")
    if not may_climb and ".." in path.split("/"):
        raise ValueError(f"{path!r} leads out of its folder")
