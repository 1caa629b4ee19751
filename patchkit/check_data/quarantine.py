"""Bad rows moved out of the files of a data set, and put back again.

A quarantine is a folder: `manifest.json` says which bytes were taken out of which file, with the hashes of the file
before and after, and `rows/` holds these bytes. The file as it was is the file as it is with these bytes put back. The
manifest and the rows of a file are on the disk before it changes.
"""

import json
import os
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from patchkit.errors import StateCorrupt, TargetRefused, WriteFailed
from patchkit.findings import Finding
from patchkit.patching.files import make_folder, read, remove, replace_kept, sync_folder, write_synced
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
    return Removal(path, tuple(merged), tuple(dict.fromkeys(rules)), _hash(data), _hash(after), not after.strip(), rows)


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
                "count": removal.rows,
            }
            for index, removal in enumerate(removals)
        ],
        "caches": [
            {
                "path": os.path.relpath(os.path.realpath(path), os.path.realpath(folder)),
                "sha256": _hash(Path(path).read_bytes()),
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
    if _hash(data) != removal.before:
        hint = f"what was moved already comes back: patchkit check-data --undo {folder}"
        raise WriteFailed(f"{removal.path} was changed by another program meanwhile", hint)
    rows = b"".join(data[start:end] for start, end in removal.spans)
    write_synced(folder / f"rows/{index:06d}.rows", rows)
    replace_kept(place, without(data, removal.spans))


def _move_cache(folder: Path, index: int, path: Path) -> None:
    write_synced(folder / f"rows/{index:06d}.cache", path.read_bytes())
    remove(path)


def undo(folder: Path) -> Moved:
    """Put back, byte for byte, what a quarantine holds.

    Raises   TargetRefused if a file was changed since, and then nothing is written; StateCorrupt; WriteFailed.
    """
    manifest = _manifest(folder)
    try:
        restored = [_restored(folder, entry) for entry in manifest["files"]]
        caches = [entry for entry in manifest["caches"] if _is_away(folder, entry)]
        rows = sum(entry["count"] for entry, data in zip(manifest["files"], restored, strict=True) if data)
        for entry, data in zip(manifest["files"], restored, strict=True):
            if data is not None:
                replace_kept(folder / entry["path"], data)
        for entry in caches:
            write_synced(folder / entry["path"], (folder / entry["kept"]).read_bytes())
    except OSError as error:
        hint = f"see to it, and run it again: patchkit check-data --undo {folder}"
        raise WriteFailed(f"{error.filename or folder}: {error.strerror or error}", hint) from error
    return Moved(folder, rows, sum(data is not None for data in restored), 0, len(caches))


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
            spans = [(int(start), int(end)) for start, end in entry["spans"]]
            entry["spans"] = spans
            _ = entry["path"], entry["before_sha256"], entry["after_sha256"], entry["rows"], entry["count"]
        _ = [(entry["path"], entry["sha256"], entry["kept"]) for entry in manifest["caches"]]
    except (ValueError, KeyError, TypeError) as error:
        raise StateCorrupt(f"{folder / MANIFEST} is damaged: {error}", "restore the file") from error
    return manifest


def _restored(folder: Path, entry: dict[str, Any]) -> bytes | None:
    """The bytes of a file as it was; None if it is so already."""
    path = folder / entry["path"]
    data = read(path)
    if data is None:
        raise TargetRefused(f"{os.path.normpath(path)} is gone", "restore it as it was after --fix")
    if _hash(data) == entry["before_sha256"]:
        return None
    if _hash(data) != entry["after_sha256"]:
        hint = "nothing was written; keep your change elsewhere, and bring the file to what --fix had left"
        raise TargetRefused(f"{os.path.normpath(path)} was changed since --fix", hint)
    if not os.access(path, os.W_OK):
        raise TargetRefused(f"{os.path.normpath(path)}: it is read-only", "run as a user who may write it")
    restored = with_rows(data, entry["spans"], read(folder / entry["rows"]) or b"")
    if _hash(restored) != entry["before_sha256"]:
        raise StateCorrupt(f"{folder / entry['rows']} does not hold what was taken out", "restore the file")
    return restored


def _is_away(folder: Path, entry: dict[str, Any]) -> bool:
    """True if a cache is not in its place. Raises   TargetRefused if another one is."""
    path = folder / entry["path"]
    now, kept = read(path), read(folder / entry["kept"])
    if now is not None:
        if _hash(now) != entry["sha256"]:
            hint = "it was made after --fix, and belongs to the labels without the moved rows: take it away"
            raise TargetRefused(f"{os.path.normpath(path)} is there already", hint)
        return False
    if kept is None or _hash(kept) != entry["sha256"]:
        raise StateCorrupt(f"{folder / entry['kept']} does not hold what was moved", "restore the file")
    return True


def _hash(data: bytes) -> str:
    return sha256(data).hexdigest()
