"""Bad rows moved out of the files of a data set.

A quarantine is a folder: `manifest.json` says which bytes were taken out of which file, with the hashes of the file
before and after, `rows/` holds these bytes, and `files/` the file as it was. All three are on the disk before it
changes. None has the name of a label or an image: a quarantine may lie among them.
"""

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from patchkit.check_data.manifest import (
    LABELS,
    SCHEMA,
    CacheFile,
    LabelFile,
    Manifest,
    root_of,
    write_manifest,
)
from patchkit.check_data.moved import Moved
from patchkit.check_data.spans import Span, merge, with_commas, without
from patchkit.errors import TargetRefused, WriteFailed
from patchkit.findings import Finding
from patchkit.patching.files import make_folder, remove, replace_kept, write_synced
from patchkit.subjects.dataset.dataset import Cache
from patchkit.subjects.dataset.labels import COCO


@dataclass(frozen=True)
class Removal:
    """Bytes that are taken out of a file."""

    shown: str  # its path as the data set spells it
    path: Path  # the file itself, where that is a link
    spans: tuple[Span, ...]
    rules: tuple[str, ...]
    before: str  # sha256
    after: str
    is_emptied: bool  # no row is left
    rows: int
    mode: int
    changed_ns: int


def quarantine(
    folder: Path, findings: Sequence[Finding], caches: Sequence[Cache], format: str, started_ns: int
) -> Moved:
    """Take the rows of findings, and caches that they make stale, out of a data set. A link stays: its file changes.

    Raises   TargetRefused if a file changed since the check began, or cannot be written; WriteFailed.
    """
    try:
        removals = [_removal(*found, format, started_ns) for found in _by_file(findings)]
        stale = [cache.path for cache in caches if removals or cache.newer]
        kept = list(dict.fromkeys(Path(os.path.realpath(path)) for path in stale))
        for path in kept:
            _require_writable(path.parent, path)
        make_folder(folder)
        manifest = _written_down(folder, removals, kept)
    except OSError as error:
        hint = f"the data set is as it was; see to it, remove {folder} if it is there, and run the command again"
        raise WriteFailed(f"{error.filename or folder}: {error.strerror or error}", hint) from error
    try:
        for removal, entry in zip(removals, manifest.files, strict=True):
            _take_out(folder, removal, entry)
        for path, cache in zip(kept, manifest.caches, strict=True):
            write_synced(folder / cache.kept, path.read_bytes(), cache.mode)
            remove(path)
    except OSError as error:
        hint = f"what was moved already comes back: patchkit check-data --undo {folder}"
        raise WriteFailed(f"{error.filename or folder}: {error.strerror or error}", hint) from error
    rows = sum(removal.rows for removal in removals)
    return Moved(folder, rows, len(removals), sum(removal.is_emptied for removal in removals), len(kept))


def _by_file(findings: Iterable[Finding]) -> list[tuple[str, Path, list[Span], list[str]]]:
    """Spans and rules of each file, once however many paths lead to it."""
    files: dict[str, tuple[str, list[Span], list[str]]] = {}
    for finding in findings:
        if finding.fix is not None and finding.fix.removals:
            path = finding.location.path
            _, spans, rules = files.setdefault(os.path.realpath(path), (path, [], []))
            spans += finding.fix.removals
            rules.append(finding.rule)
    return [(shown, Path(real), spans, rules) for real, (shown, spans, rules) in sorted(files.items())]


def _removal(shown: str, path: Path, spans: list[Span], rules: list[str], format: str, started_ns: int) -> Removal:
    status = path.stat()
    if started_ns < status.st_mtime_ns <= time.time_ns():
        raise TargetRefused(f"{shown} was changed while it was checked", "run the command again")
    if not path.name.lower().endswith(LABELS):
        hint = f"put the file itself there, or give it a name that ends in {', '.join(LABELS)}"
        place = f"{shown} leads to {path}, which" if path.suffix != Path(shown).suffix else shown
        raise TargetRefused(f"{place} is not named like a label file: it may be part of a store", hint)
    _require_writable(path, shown)
    _require_writable(path.parent, shown)
    data = path.read_bytes()
    merged = merge(spans)
    if merged[-1][1] > len(data):
        raise TargetRefused(f"{shown} was changed while it was checked", "run the command again")
    rows = len(merged)
    if format == COCO:
        merged = with_commas(data, merged)
    after = without(data, merged)
    named = tuple(dict.fromkeys(rules))
    hashes = digest(data), digest(after)
    mode = status.st_mode & 0o777
    return Removal(shown, path, tuple(merged), named, *hashes, not after.strip(), rows, mode, status.st_mtime_ns)


def _require_writable(place: Path, shown: str | Path) -> None:
    if not os.access(place, os.W_OK):
        what = f"its folder {place} is read-only" if place.is_dir() else "it is read-only"
        raise TargetRefused(f"{shown}: {what}", "run as a user who may write it")


def _written_down(folder: Path, removals: Sequence[Removal], caches: Sequence[Path]) -> Manifest:
    make_folder(folder / "rows")
    make_folder(folder / "files")
    root = root_of([*(removal.path for removal in removals), *caches])
    manifest = Manifest(
        schema=SCHEMA,
        root=os.path.relpath(root, os.path.realpath(folder)),
        files=[_label_file(index, removal, root) for index, removal in enumerate(removals)],
        caches=[_cache_file(index, path, root) for index, path in enumerate(caches)],
    )
    write_manifest(folder, manifest)
    return manifest


def _label_file(index: int, removal: Removal, root: Path) -> LabelFile:
    return LabelFile(
        path=str(removal.path.relative_to(root)),
        before_sha256=removal.before,
        after_sha256=removal.after,
        spans=list(removal.spans),
        rules=list(removal.rules),
        count=removal.rows,
        rows=f"rows/{index:06d}.rows",
        kept=f"files/{index:06d}.kept",
        mode=removal.mode,
        changed_ns=removal.changed_ns,
    )


def _cache_file(index: int, path: Path, root: Path) -> CacheFile:
    status = path.stat()
    return CacheFile(
        path=str(path.relative_to(root)),
        sha256=digest(path.read_bytes()),
        kept=f"rows/{index:06d}.cache",
        mode=status.st_mode & 0o777,
        changed_ns=status.st_mtime_ns,
    )


def _take_out(folder: Path, removal: Removal, entry: LabelFile) -> None:
    data = removal.path.read_bytes()
    if digest(data) != removal.before:
        hint = f"what was moved already comes back: patchkit check-data --undo {folder}"
        raise WriteFailed(f"{removal.shown} was changed by another program meanwhile", hint)
    rows = b"".join(data[start:end] for start, end in removal.spans)
    write_synced(folder / entry.rows, rows, removal.mode)
    write_synced(folder / entry.kept, data, removal.mode)
    replace_kept(removal.path, without(data, removal.spans))


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()
