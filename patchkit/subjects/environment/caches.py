"""Package caches whose files are the files of environments: what was edited in place in one is edited in all."""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from patchkit.errors import PatchkitError
from patchkit.subjects.environment.machine import Machine
from patchkit.subjects.environment.package import Package, packages_in, unreadable
from patchkit.subjects.environment.records import Edited, edited_files, rows_of

POINTER_BYTES = 8192  # a .http holds the headers of its download
_NO_ENTRIES = ("archive-v", "simple-v", "interpreter-v", "git-v", "builds-v")  # what no wheel is installed from


@dataclass(frozen=True)
class Entry:
    """One unpacked package of a cache, with the files that are not what the package holds."""

    tool: str  # uv or conda
    place: Path  # of the package in the cache
    root: Path  # that the paths of its RECORD start from
    package: Package
    edited: tuple[Edited, ...]


def poisoned(
    machine: Machine, prefix: Path, names: Collection[str], tops: Collection[str], hashed: Collection[str]
) -> Iterator[Entry | PatchkitError]:
    """The entries for distributions of these names that hold edited files; an error for one that cannot be read.

    `tops` are the folders that these distributions install; one look for each tells an entry of another package.

    Raises   SourceUnreadable if a cache may not be listed.
    """
    for tool, place, root in _entries(machine, prefix, tops):
        for package in packages_in(root):
            if package.name not in names:
                continue
            found: Entry | PatchkitError | None
            try:
                edited = [one for one in edited_files(root, rows_of(package), hashed) if not one.is_gone]
                found = Entry(tool, place, root, package, tuple(edited)) if edited else None
            except PatchkitError as error:
                found = error
            if found is not None and (tool != "uv" or _is_pointed_to(place)):
                yield found


def _entries(machine: Machine, prefix: Path, tops: Collection[str]) -> Iterator[tuple[str, Path, Path]]:
    if machine.uv_cache is not None:
        for place in _archives(machine.uv_cache):
            if _holds(place, tops):
                yield "uv", place, place
    for cache in machine.conda_caches(prefix):
        for place in _folders(cache):
            for root in [place / "site-packages", *place.glob("lib/python*/site-packages")]:
                if _holds(root, tops):
                    yield "conda", place, root


def _archives(cache: Path) -> list[Path]:
    """The unpacked wheels of uv: archive-v0/ID, and whatever a later layout of the cache is called."""
    return [place for bucket in _folders(cache) if bucket.name.startswith("archive-v") for place in _folders(bucket)]


def _is_pointed_to(archive: Path) -> bool:
    """True if uv would install from it: a link, or a small file as .rev and .http, of an entry names it.

    A reinstall unpacks a wheel anew and leaves the old archive where it was. Nothing is installed from that again, and
    `uv cache clean NAME` does not find it: only `uv cache prune` takes it away.
    """
    cache = archive.parent.parent
    try:
        for folder, folders, files in os.walk(cache, onerror=_raise):
            if folder == str(cache):
                folders[:] = [name for name in folders if not name.startswith(_NO_ENTRIES)]
            if any(_names(f"{folder}/{name}", archive.name) for name in (*folders, *files)):
                return True
    except OSError:  # nobody knows, so it may be
        return True
    return False


def _names(place: str, id: str) -> bool:
    if os.path.islink(place):  # noqa: PTH114 - some thousand times
        return os.path.basename(os.readlink(place)) == id  # noqa: PTH115, PTH119
    is_small = os.path.isfile(place) and os.path.getsize(place) < POINTER_BYTES  # noqa: PTH113, PTH202
    return is_small and id.encode() in Path(place).read_bytes()


def _raise(error: OSError) -> None:
    raise error


def _folders(place: Path) -> list[Path]:
    try:
        with os.scandir(place) as entries:
            return sorted(place / entry.name for entry in entries if entry.is_dir())
    except PermissionError as error:
        raise unreadable(place, error) from error
    except OSError:
        return []


def _holds(root: Path, tops: Collection[str]) -> bool:
    return any(os.path.isdir(f"{root}/{top}") for top in tops)  # noqa: PTH112 - some thousand times
