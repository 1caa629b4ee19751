"""Bytes of installed files against the RECORD of their distribution."""

import csv
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from patchkit.errors import SourceUnreadable
from patchkit.patching.distinfo import Record, RecordRow
from patchkit.subjects.environment.package import Package, read

SOURCES = (".py", ".yaml", ".yml")  # what people edit in place


@dataclass(frozen=True)
class Edited:
    """A file whose bytes are not those that were installed."""

    path: str  # relative to the root
    how: str  # what differs


def edited_files(root: Path, record: bytes, hashed: Collection[str]) -> list[Edited]:
    """The sources that differ from their row: all by their size, those of `hashed` by their hash as well.

    Files that are gone are left out: images are made smaller by taking tests away.
    """
    found = []
    for path, digest, size in rows(record):
        if not path.endswith(SOURCES) or not digest or not size.isdigit():
            continue
        place = os.path.join(root, path)  # noqa: PTH118 - some hundred times
        try:
            length = os.stat(place).st_size  # noqa: PTH116
        except OSError:
            continue
        if length != int(size):
            found.append(Edited(path, f"{length} bytes where RECORD says {size}"))
        elif path in hashed and not _agrees(Path(place), path, digest):
            found.append(Edited(path, "another hash than in RECORD"))
    return found


def rows(record: bytes) -> Iterator[tuple[str, str, str]]:
    """Path, hash and size of every row that has three fields."""
    for row in csv.reader(record.decode("utf-8", errors="replace").splitlines()):
        if len(row) == 3:
            yield row[0], row[1], row[2]


def _agrees(place: Path, path: str, digest: str) -> bool:
    algorithm, _, text = digest.partition("=")
    row = RecordRow("", path, algorithm, text)
    return not row.has_hash or row.agrees_with(read(place) or b"")


def record_of(package: Package) -> bytes:
    """The bytes of its RECORD.

    Raises   SourceUnreadable if there is none, StateCorrupt if it is damaged.
    """
    data = read(package.record)
    if data is None:
        raise SourceUnreadable(
            f"{package.label} has no RECORD: nothing says what was installed", "reinstall it with pip"
        )
    Record(data, package.record)
    return data
