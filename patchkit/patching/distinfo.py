"""Installed distributions as their metadata folders describe them: names, versions, RECORD and its rows."""

import csv
import io
import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from patchkit.errors import StateCorrupt
from patchkit.patching.editable import editable_source

CORRUPT_HINT = "reinstall the distribution: pip install --force-reinstall --no-deps '{name}=={version}'"


@dataclass(frozen=True)
class Distribution:
    """One installed distribution."""

    name: str  # as its metadata folder spells it
    version: str
    info: Path  # the .dist-info or .egg-info folder (or file)
    editable: Path | None  # the source tree of an editable install

    @property
    def record(self) -> Path:
        return self.info / "RECORD"

    @property
    def label(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def reinstall_hint(self) -> str:
        return CORRUPT_HINT.format(name=self.name, version=self.version)


@dataclass(frozen=True)
class RecordRow:
    """One row of a RECORD, as text and as meaning."""

    text: str  # with its line ending
    path: str
    algorithm: str  # empty if the row carries no hash
    digest: str  # urlsafe base64 without padding

    def agrees_with(self, data: bytes) -> bool:
        """True if the row carries the hash of `data`."""
        return self.has_hash and _digest(self.algorithm, data) == self.digest

    @property
    def has_hash(self) -> bool:
        """True if the row carries a hash of a kind that can be computed."""
        return bool(self.digest) and self.algorithm in _algorithms()


class Record:
    """The rows of one RECORD file. Rows that are not asked for keep their bytes.

    Raises   StateCorrupt if the bytes are not UTF-8 or a row has not three fields.
    """

    def __init__(self, data: bytes, path: Path) -> None:
        self._path = path
        try:
            self._lines = list(io.StringIO(data.decode("utf-8"), newline=""))
            fields = list(csv.reader(self._lines, strict=True))
        except (UnicodeDecodeError, csv.Error) as error:
            raise self._corrupt(str(error)) from error
        rows = [(text, row) for text, row in zip(self._lines, fields, strict=False) if row]
        if len(fields) != len(self._lines) or not rows:
            raise self._corrupt("its rows do not agree with its lines")
        self._rows: dict[str, RecordRow] = {}
        for text, row in rows:
            if len(row) != 3:
                raise self._corrupt(f"{len(row)} fields instead of 3 in {text.strip()!r}")
            algorithm, _, digest = row[1].partition("=")
            known = self._rows.get(row[0])
            if known and known.digest != digest:
                raise self._corrupt(f"two rows for {row[0]}")
            self._rows[row[0]] = RecordRow(text, row[0], algorithm, digest)

    def row(self, path: str) -> RecordRow | None:
        return self._rows.get(path)

    def has_hash(self, path: str) -> bool:
        row = self.row(path)
        return row is not None and row.has_hash

    def replaced(self, old: str, new: str) -> bytes:
        """The bytes of this RECORD with the row text `old` replaced by `new`."""
        if old not in self._lines:
            raise self._corrupt(f"the row {old.strip()!r} is gone")
        return "".join(new if line == old else line for line in self._lines).encode("utf-8")

    def with_row_before(self, path: str, new: str, data: bytes) -> bytes:
        """The bytes of this RECORD with a row for the file `new` before that of `path`, or else before the last one.

        Every other byte stays, so that taking the row out brings the old RECORD back.
        """
        texts = [row.text for row in self._rows.values()]
        place = self._lines.index(self._rows[path].text if path in self._rows else texts[-1])
        ending = next((_ending(line) for line in self._lines[place:] + self._lines if _ending(line)), "\n")
        return "".join([*self._lines[:place], new_row(new, data, ending), *self._lines[place:]]).encode("utf-8")

    def _corrupt(self, reason: str) -> StateCorrupt:
        return StateCorrupt(f"{self._path} is damaged: {reason}", "reinstall the distribution that it belongs to")


def row_for(row: RecordRow, data: bytes) -> str:
    """The text of `row` with the hash and size of `data`."""
    return new_row(row.path, data, _ending(row.text), row.algorithm)


def new_row(path: str, data: bytes, ending: str, algorithm: str = "sha256") -> str:
    """The text of a row with the hash, of this algorithm if it can be computed, and size of `data`."""
    text = io.StringIO()
    algorithm = algorithm if algorithm in _algorithms() else "sha256"
    csv.writer(text, lineterminator=ending).writerow([path, f"{algorithm}={_digest(algorithm, data)}", len(data)])
    return text.getvalue()


def _ending(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]


def normalised(name: str) -> str:
    """The name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def distributions(root: Path, names: tuple[str, ...]) -> list[Distribution]:
    """The distributions of these names whose metadata lies in `root`."""
    wanted = {normalised(name) for name in names}
    entries = [entry for entry in _metadata_entries(root) if normalised(_name_and_version(entry)[0]) in wanted]
    return list(map(distribution_of, entries))


def installed(root: Path) -> list[Distribution]:
    """Every distribution whose metadata lies in `root`."""
    return list(map(distribution_of, _metadata_entries(root)))


def owners(root: Path, path: str) -> list[Distribution]:
    """Every distribution in `root` whose RECORD lists `path`, whatever its name."""
    needle = path.encode()
    found = []
    for entry in _metadata_entries(root):
        try:
            data = (entry / "RECORD").read_bytes()
        except OSError:
            continue
        if needle in data and Record(data, entry / "RECORD").row(path):
            found.append(distribution_of(entry))
    return found


def _metadata_entries(root: Path) -> list[Path]:
    try:
        with os.scandir(root) as entries:
            names = [entry.name for entry in entries if entry.name.endswith((".dist-info", ".egg-info", ".egg-link"))]
    except OSError:
        return []
    return [root / name for name in sorted(names)]


def distribution_of(info: Path) -> Distribution:
    """The distribution of a metadata folder."""
    name, version = _name_and_version(info)
    return Distribution(name, version or _version(info), info, editable_source(info))


def _name_and_version(info: Path) -> tuple[str, str]:
    """As the name of the folder has them; the version may be empty."""
    stem = info.name.rpartition(".")[0]
    if info.suffix == ".egg-info":
        stem = re.sub(r"-py\d+(\.\d+)?$", "", stem)
    # A version holds no '-' in a folder name, but folders of old tools have '-' in the name.
    name, _, version = stem.rpartition("-") if "-" in stem else (stem, "", "")
    return name, version


def _version(entry: Path) -> str:
    for name in ("METADATA", "PKG-INFO"):
        try:
            text = (entry / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        match = re.search(r"^Version:\s*(\S+)", text, re.MULTILINE)
        if match:
            return match[1]
    return "unknown"


@cache
def _algorithms() -> frozenset[str]:
    import hashlib  # it loads OpenSSL, which names and versions do without

    return frozenset(hashlib.algorithms_guaranteed - {"shake_128", "shake_256"})  # those have no length of their own


def _digest(algorithm: str, data: bytes) -> str:
    import base64
    import hashlib

    return base64.urlsafe_b64encode(hashlib.new(algorithm, data).digest()).rstrip(b"=").decode("ascii")
