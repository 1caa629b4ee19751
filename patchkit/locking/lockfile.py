"""The lock: what the listed patches make of a target, byte by byte. It names no time, host or absolute path."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from patchkit.errors import SourceUnreadable, StateCorrupt
from patchkit.locking.wanted import Wanted, read_toml
from patchkit.patching import results as r
from patchkit.patching.ledger import inside

SCHEMA = 1
FIRST_LINE = "# Written by 'patchkit lock'; do not edit.\n"
OUTCOMES = {r.APPLIED, r.UPSTREAMED, r.ABSENT}
HINT = "run 'patchkit lock', which writes it anew"


@dataclass(frozen=True)
class LockedFile:
    path: str  # relative to the root
    before_sha256: str
    after_sha256: str


@dataclass(frozen=True)
class LockedPatch:
    """One listed patch."""

    id: str
    version: str  # of the patch
    pack: str
    room_sha256: str
    outcome: str  # applied, upstreamed or absent
    optional: bool
    kind: str  # of the target: distribution, tree or file
    distribution: str = ""
    distribution_version: str = ""
    files: tuple[LockedFile, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.distribution} {self.distribution_version}".strip() or f"a {self.kind}"


@dataclass(frozen=True)
class Lock:
    wanted_sha256: str
    patches: tuple[LockedPatch, ...]

    def patch(self, id: str) -> LockedPatch | None:
        return next((patch for patch in self.patches if patch.id == id), None)

    def is_of(self, wanted: Wanted) -> bool:
        """True if it was written for this list, and holds an entry for each of its patches and no other.

        The digest alone is not enough: a merge or an edit may leave it, and lose an entry.
        """
        listed = [(patch.id, patch.optional) for patch in wanted.patches]
        return self.wanted_sha256 == wanted.sha256 and [(patch.id, patch.optional) for patch in self.patches] == listed


def load_lock(path: Path) -> Lock | None:
    """The lock at `path`; None if there is none.

    Raises   StateCorrupt if it is damaged, or was written by a newer patchkit.
    """
    try:
        data = read_toml(path)
    except SourceUnreadable as error:
        raise StateCorrupt(f"{error.message}: this is no lock", HINT if path.is_file() else error.hint) from error
    if data is None:
        return None
    _refuse_newer(path, data)
    schema = data.get("schema")
    try:
        if not data:
            raise ValueError("it is empty")  # noqa: TRY301
        if type(schema) is not int or schema != SCHEMA:  # true and 1.0 are equal to 1
            raise ValueError(f"schema {schema!r} instead of {SCHEMA}")  # noqa: TRY301
        patches = tuple(_patch(table) for table in _list(data, "patch"))
        if not patches:
            raise ValueError("it holds no patch")  # noqa: TRY301
        ids = [patch.id for patch in patches]
        twice = next((id for id in ids if ids.count(id) > 1), None)
        if twice is not None:
            raise ValueError(f"it holds '{twice}' twice")  # noqa: TRY301
        lock = Lock(_text(data, "wanted_sha256"), patches)
        _refuse_unknown(data, {"schema", "wanted_sha256", "patch"})
    except (ValueError, KeyError, TypeError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else error
        raise StateCorrupt(f"{path} is damaged: {reason}", HINT) from error
    return lock


def refuse_foreign(path: Path) -> None:
    """Nothing but a lock of patchkit, or an empty file, is ever replaced by one.

    Raises   StateCorrupt.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    except OSError as error:
        raise StateCorrupt(f"{path} cannot be read: {error.strerror}", "see to it, or remove it") from error
    if data.strip() and not data.startswith(FIRST_LINE.strip().encode()):
        raise StateCorrupt(f"{path} was not written by patchkit", "give the file that lists the patches another name")
    with contextlib.suppress(SourceUnreadable):  # damaged: there is nothing to keep
        _refuse_newer(path, read_toml(path) or {})


def _refuse_newer(path: Path, data: dict[str, Any]) -> None:
    schema = data.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise StateCorrupt(f"{path} was written by a newer patchkit", "pip install --upgrade patchkit-cv")


def dumped(lock: Lock) -> bytes:
    """The same bytes for the same lock, on every machine."""
    import tomli_w

    body = {
        "schema": SCHEMA,
        "wanted_sha256": lock.wanted_sha256,
        "patch": [dict(_entries(patch)) for patch in lock.patches],
    }
    return (FIRST_LINE + tomli_w.dumps(body)).encode("utf-8")


def _entries(patch: LockedPatch) -> Iterator[tuple[str, Any]]:
    for name in ("id", "version", "pack", "room_sha256", "outcome", "optional"):
        yield name, getattr(patch, name)
    target = {"kind": patch.kind, "distribution": patch.distribution, "version": patch.distribution_version}
    yield "target", {key: value for key, value in target.items() if value}
    if patch.files:
        names = ("path", "before_sha256", "after_sha256")
        yield "file", [{name: getattr(file, name) for name in names} for file in patch.files]


def _patch(table: Any) -> LockedPatch:
    target = table["target"]
    _refuse_unknown(table, {"id", "version", "pack", "room_sha256", "outcome", "optional", "target", "file"})
    _refuse_unknown(target, {"kind", "distribution", "version"})
    if _text(table, "outcome") not in OUTCOMES:
        raise ValueError(f"{table['outcome']!r} is no outcome of a lock")
    if not isinstance(table["optional"], bool):
        raise TypeError(f"optional = {table['optional']!r}")
    return LockedPatch(
        **{name: _text(table, name) for name in ("id", "version", "pack", "room_sha256", "outcome")},
        optional=table["optional"],
        kind=_text(target, "kind"),
        distribution=_text({"distribution": "", **target}, "distribution"),
        distribution_version=_text({"version": "", **target}, "version"),
        files=tuple(_file(file) for file in _list({"file": [], **table}, "file")),
    )


def _file(table: Any) -> LockedFile:
    _refuse_unknown(table, {"path", "before_sha256", "after_sha256"})
    return LockedFile(inside(_text(table, "path")), _text(table, "before_sha256"), _text(table, "after_sha256"))


def _refuse_unknown(table: Any, known: set[str]) -> None:
    if not isinstance(table, dict):
        raise TypeError(f"{table!r} is no table")
    unknown = sorted(set(table) - known)
    if unknown:
        raise ValueError(f"unknown key '{unknown[0]}'")


def _list(table: Any, key: str) -> list[Any]:
    value = table[key]
    if not isinstance(value, list):
        raise TypeError(f"'{key}' is no list of tables")
    return value


def _text(table: Any, key: str) -> str:
    value = table[key]
    if not isinstance(value, str):
        raise TypeError(f"{key} = {value!r}")
    return value
