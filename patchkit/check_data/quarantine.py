"""Bad rows moved out of the files of a data set.

A quarantine is a folder: `manifest.json` says which bytes were taken out of which file, with the hashes of the file
before and after, `rows/` holds these bytes, and `files/` the file as it was. All three are on the disk before it
changes.
"""

import json
import os
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from patchkit.errors import TargetRefused, WriteFailed
from patchkit.findings import Finding
from patchkit.patching.files import make_folder, remove, replace_kept, sync_folder, write_synced
from patchkit.subjects.dataset.dataset import Cache
from patchkit.subjects.dataset.labels import COCO

SCHEMA = 1
MANIFEST = "manifest.json"
_COMMA_AFTER = re.compile(rb"\s*,\s*")
_COMMA_BEFORE = re.compile(rb",\s*\Z")
Span = tuple[int, int]


@dataclass(frozen=True)
class Removal:
    """Bytes that are taken out of a file."""

    path: str
    spans: tuple[Span, ...]
    rules: tuple[str, ...]
    before: str  # sha256
    after: str
    is_emptied: bool  # no row is left
    rows: int


@dataclass(frozen=True)
class Moved:
    """What a quarantine has taken in, or given back."""

    folder: Path
    rows: int
    files: int
    emptied: int  # files that have no row any more
    caches: int


def quarantine(
    folder: Path, findings: Sequence[Finding], caches: Sequence[Cache], format: str, started_ns: int
) -> Moved:
    """Take the rows of findings, and caches that they make stale, out of a data set.

    Raises   TargetRefused if a file changed since the check began, or cannot be written; WriteFailed.
    """
    try:
        removals = [_removal(path, spans, rules, format, started_ns) for path, spans, rules in _by_file(findings)]
        make_folder(folder)
    except OSError as error:
        hint = "nothing was written; see to it, and run the command again"
        raise WriteFailed(f"{error.filename or folder}: {error.strerror or error}", hint) from error
    try:
        kept = [cache.path for cache in caches] if removals else [cache.path for cache in caches if cache.newer]
        _write_down(folder, removals, kept)
        for index, removal in enumerate(removals):
            _take_out(folder, index, removal)
        for index, path in enumerate(kept):
            _move_cache(folder, index, Path(path))
    except OSError as error:
        hint = f"what was moved already comes back: patchkit check-data --undo {folder}"
        raise WriteFailed(f"{error.filename or folder}: {error.strerror or error}", hint) from error
    rows = sum(removal.rows for removal in removals)
    return Moved(folder, rows, len(removals), sum(removal.is_emptied for removal in removals), len(kept))


def _by_file(findings: Iterable[Finding]) -> list[tuple[str, list[Span], list[str]]]:
    files: dict[str, tuple[list[Span], list[str]]] = {}
    for finding in findings:
        if finding.fix is not None and finding.fix.removals:
            spans, rules = files.setdefault(finding.location.path, ([], []))
            spans += finding.fix.removals
            rules.append(finding.rule)
    return [(path, spans, rules) for path, (spans, rules) in sorted(files.items())]


def _removal(path: str, spans: list[Span], rules: list[str], format: str, started_ns: int) -> Removal:
    place = Path(os.path.realpath(path))
    changed = place.stat().st_mtime_ns
    if started_ns < changed <= time.time_ns():
        raise TargetRefused(f"{path} was changed while it was checked", "run the command again")
    if not os.access(place, os.W_OK) or not os.access(place.parent, os.W_OK):
        raise TargetRefused(f"{path}: it is read-only", "run as a user who may write it")
    data = place.read_bytes()
    merged = merge(spans)
    if merged[-1][1] > len(data):
        raise TargetRefused(f"{path} was changed while it was checked", "run the command again")
    rows = len(merged)
    if format == COCO:
        merged = with_commas(data, merged)
    after = without(data, merged)
    return Removal(
        path, tuple(merged), tuple(dict.fromkeys(rules)), digest(data), digest(after), not after.strip(), rows
    )


def merge(spans: Iterable[Span]) -> list[Span]:
    """The spans in order, each byte in one of them at most."""
    merged: list[Span] = []
    for start, end in sorted(set(spans)):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def with_commas(data: bytes, spans: Sequence[Span]) -> list[Span]:
    """Elements of arrays, neighbours together, each with the comma that must go with it."""
    runs: list[Span] = []
    for start, end in spans:
        if runs and re.fullmatch(rb"\s*,\s*", data[runs[-1][1] : start]):
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    widened = []
    for start, end in runs:
        if comma := _COMMA_AFTER.match(data, end):
            widened.append((start, comma.end()))
        elif before := _COMMA_BEFORE.search(data, max(start - 4096, 0), start):
            widened.append((before.start(), end))
        else:
            widened.append((start, end))
    return widened


def without(data: bytes, spans: Sequence[Span]) -> bytes:
    """The bytes outside of the spans."""
    pieces, position = [], 0
    for start, end in spans:
        pieces.append(data[position:start])
        position = end
    return b"".join([*pieces, data[position:]])


def with_rows(data: bytes, spans: Sequence[Span], rows: bytes) -> bytes:
    """What `without` was given: `rows` are the bytes of the spans, one after another."""
    pieces, position, taken, passed = [], 0, 0, 0
    for start, end in spans:
        kept = start - passed
        pieces += [data[position:kept], rows[taken : taken + end - start]]
        position, taken, passed = kept, taken + end - start, passed + end - start
    return b"".join([*pieces, data[position:]])


def _write_down(folder: Path, removals: Sequence[Removal], caches: Sequence[str]) -> None:
    make_folder(folder / "rows")
    make_folder(folder / "files")
    manifest = {
        "schema": SCHEMA,
        "files": [
            {
                "path": os.path.relpath(os.path.realpath(removal.path), os.path.realpath(folder)),
                "before_sha256": removal.before,
                "after_sha256": removal.after,
                "spans": removal.spans,
                "rules": removal.rules,
                "rows": f"rows/{index:06d}.rows",
                "kept": f"files/{index:06d}{Path(removal.path).suffix}",
                "count": removal.rows,
            }
            for index, removal in enumerate(removals)
        ],
        "caches": [
            {
                "path": os.path.relpath(os.path.realpath(path), os.path.realpath(folder)),
                "sha256": digest(Path(path).read_bytes()),
                "kept": f"rows/{index:06d}.cache",
            }
            for index, path in enumerate(caches)
        ],
    }
    write_synced(folder / MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode("ascii"))
    sync_folder(folder)


def _take_out(folder: Path, index: int, removal: Removal) -> None:
    place = Path(removal.path)
    data = place.read_bytes()
    if digest(data) != removal.before:
        hint = f"what was moved already comes back: patchkit check-data --undo {folder}"
        raise WriteFailed(f"{removal.path} was changed by another program meanwhile", hint)
    rows = b"".join(data[start:end] for start, end in removal.spans)
    write_synced(folder / f"rows/{index:06d}.rows", rows)
    write_synced(folder / f"files/{index:06d}{place.suffix}", data)
    replace_kept(place, without(data, removal.spans))


def _move_cache(folder: Path, index: int, path: Path) -> None:
    write_synced(folder / f"rows/{index:06d}.cache", path.read_bytes())
    remove(path)


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()
