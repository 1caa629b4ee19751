"""Bytes of installed files against the RECORD of their distribution."""

import csv
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from patchkit.errors import SourceUnreadable, StateCorrupt
from patchkit.patching.distinfo import RecordRow
from patchkit.subjects.environment.package import Package, read, unreadable

SOURCES = (".py", ".yaml", ".yml")  # what people edit in place
LIBRARIES = (".so", ".pyd")  # of these only whether they are there
_SPARED = frozenset(("test", "tests", "docs", "examples"))  # folders that are taken away to make images smaller
Row = tuple[str, str, str]  # path, hash, size


@dataclass(frozen=True)
class Edited:
    """A file whose bytes are not those that were installed."""

    path: str  # relative to the root
    how: str  # what differs
    is_gone: bool = False


def edited_files(root: Path, rows: list[Row], hashed: Collection[str]) -> list[Edited]:
    """The sources that differ from their row: all by their size, those of `hashed` by their hash as well.

    One that is gone differs, but for tests and what was compiled in its place. Those outside of the root are left out:
    installers write the scripts in `bin` to suit the Python, and several distributions may share them.

    Raises   SourceUnreadable if a file may not be looked at: then nobody knows.
    """
    found = []
    for path, digest, size in rows:
        if not path.endswith((*SOURCES, *LIBRARIES)) or not digest or not size.isdigit():
            continue
        if path[0] == "/" or "../" in path:
            continue
        place = f"{root}/{path}"
        try:
            length = os.stat(place).st_size  # noqa: PTH116 - some hundred times
        except (FileNotFoundError, NotADirectoryError):
            if _SPARED.isdisjoint(path.split("/")[:-1]) and not _is_compiled(place):
                found.append(Edited(path, "it is not there", is_gone=True))
            continue
        except PermissionError as error:
            raise unreadable(place, error) from error
        except (OSError, ValueError):  # no name of a file
            continue
        if path.endswith(LIBRARIES):
            continue
        if length != int(size):
            found.append(Edited(path, f"{length} bytes where RECORD says {size}"))
        elif path in hashed and not _agrees(Path(place), path, digest):
            found.append(Edited(path, "another hash than in RECORD"))
    return found


def _is_compiled(place: str) -> bool:
    """True for a source that `compileall -b` was run on before it was taken away."""
    return place.endswith(".py") and os.path.isfile(f"{place}c")  # noqa: PTH113 - no permission is a no


def _agrees(place: Path, path: str, digest: str) -> bool:
    algorithm, _, text = digest.partition("=")
    row = RecordRow("", path, algorithm, text)
    return not row.has_hash or row.agrees_with(read(place) or b"")


def rows_of(package: Package) -> list[Row]:
    """The rows of its RECORD.

    Raises   SourceUnreadable if there is none, StateCorrupt if it is damaged.
    """
    data = read(package.record)
    if data is None:
        raise SourceUnreadable(f"{package.label}: no RECORD says what was installed", "install it anew with pip")
    try:
        rows = [row for row in csv.reader(data.decode("utf-8").splitlines(), strict=True) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise StateCorrupt(f"{package.record} is damaged: {error}", f"reinstall {package.name}") from error
    odd = next((row for row in rows if len(row) != 3), None)
    if odd is not None or not rows:
        reason = "it is empty" if odd is None else f"{len(odd)} fields instead of 3 in {','.join(odd)!r}"
        raise StateCorrupt(f"{package.record} is damaged: {reason}", f"reinstall {package.name}")
    return [(path, digest, size) for path, digest, size in rows]
