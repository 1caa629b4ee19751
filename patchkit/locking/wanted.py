"""The patches that a project lists: `[[patch]]` in patchkit.toml, or `[[tool.patchkit.patch]]` in pyproject.toml."""

import hashlib
import json
import re
import sys
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from patchkit.errors import SourceUnreadable

OWN, PROJECT = "patchkit.toml", "pyproject.toml"
EXAMPLE = "write a table [[patch]] with id = \"...\" for each patch; 'patchkit list' shows them"
KEYS = {"id": str, "version": str, "target": str, "optional": bool}
NAMES = {str: "text", bool: "true or false"}
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class WantedPatch:
    """One table of the file."""

    id: str
    version: str = ""  # specifiers of the patch's own version; empty: any
    target: str = ""  # requirement of the distribution; empty: what the room covers
    optional: bool = False  # the package may be absent


@dataclass(frozen=True)
class Wanted:
    """All patches that a file lists, in its order."""

    path: Path
    patches: tuple[WantedPatch, ...]

    @property
    def sha256(self) -> str:
        """Of what is listed, not of how it is written."""
        text = json.dumps([asdict(patch) for patch in self.patches], sort_keys=True)
        return hashlib.sha256(text.encode("utf-8")).hexdigest()

    @property
    def lock(self) -> Path:
        """The lock file beside it: patchkit.lock, or yolo.lock for a yolo.toml."""
        return self.path.with_name(OWN if self.path.name == PROJECT else self.path.name).with_suffix(".lock")

    def place(self, id: str) -> str:
        """Where a patch is listed, as messages name it."""
        return f"{self.path}: patch '{id}'"


def find_wanted(file: Path | None) -> Wanted:
    """The patches that the file lists, by default patchkit.toml or pyproject.toml of the working directory.

    Raises   SourceUnreadable if there is no such file, it lists no patch, or an entry cannot be understood.
    """
    if file is not None:
        tables = _tables(file)
        if tables is None:
            raise SourceUnreadable(f"{file}: no such file", "name the file that lists the patches with --file")
        return _wanted(file, tables)
    own, project = (Path(name) for name in (OWN, PROJECT))
    found = {path: tables for path in (own, project) if (tables := _tables(path)) is not None}
    if own in found and found.get(project):
        raise SourceUnreadable(f"{OWN} and {PROJECT} both list patches", "keep one of the two lists, or name --file")
    if not found or (own not in found and not found[project]):
        hint = f"make a {OWN}: {EXAMPLE}; or name the file with --file"
        raise SourceUnreadable(f"there is no {OWN}, and no {PROJECT} that lists patches, in {_here()}", hint)
    path = own if own in found else project
    return _wanted(path, found[path])


def read_toml(path: Path) -> dict[str, Any] | None:
    """The contents of a TOML file; None if there is no such file.

    Raises   SourceUnreadable if it cannot be read or is no TOML.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SourceUnreadable(f"{path} cannot be read: {error.strerror}", "see to the file") from error
    tomllib = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        loaded: dict[str, Any] = tomllib.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SourceUnreadable(f"{path}: {error}", "mend the file") from error
    return loaded


def _here() -> str:
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        return "the working directory, which is gone"


def _tables(path: Path) -> list[Any] | None:
    """The tables of a file, empty if it has none; None if there is no such file."""
    data = read_toml(path)
    if data is None:
        return None
    where, allowed = "the file", {"patch"}
    if path.name == PROJECT:
        data, where, allowed = _section(path, data), "[tool.patchkit]", {"patch", "audit"}
    unknown = sorted(set(data) - allowed)
    if unknown:
        raise SourceUnreadable(f"{path}: {where} has the unknown key '{unknown[0]}'", _example(path))
    tables = data.get("patch", [])
    if not isinstance(tables, list):
        raise SourceUnreadable(f"{path}: 'patch' is no list of tables", _example(path))
    return tables


def _example(path: Path) -> str:
    return EXAMPLE.replace("[[patch]]", "[[tool.patchkit.patch]]") if path.name == PROJECT else EXAMPLE


def _section(path: Path, data: dict[str, Any]) -> dict[str, Any]:
    for name in ("tool", "patchkit"):
        data = data.get(name, {})
        if not isinstance(data, dict):
            raise SourceUnreadable(f"{path}: '{name}' is no table", "write [[tool.patchkit.patch]]")
    return data


def _wanted(path: Path, tables: list[Any]) -> Wanted:
    if not tables:
        raise SourceUnreadable(f"{path} lists no patch", _example(path))
    patches = [_patch(f"{path}: patch {number}", table, _example(path)) for number, table in enumerate(tables, 1)]
    ids = [patch.id for patch in patches]
    twice = next((id for id in ids if ids.count(id) > 1), None)
    if twice:
        raise SourceUnreadable(f"{path}: '{twice}' is listed twice", "list every patch once")
    return Wanted(path, tuple(patches))


def _patch(place: str, table: Any, example: str) -> WantedPatch:
    if not isinstance(table, dict):
        raise SourceUnreadable(f"{place} is no table", example)
    for key, value in table.items():
        if key not in KEYS:
            raise SourceUnreadable(f"{place} has the unknown key '{key}'", f"the keys are {', '.join(KEYS)}")
        if not isinstance(value, KEYS[key]):
            raise SourceUnreadable(f"{place}: {key} = {value!r} is not {NAMES[KEYS[key]]}", "mend the file")
        if value == "" or (isinstance(value, str) and value != value.strip()):
            raise SourceUnreadable(
                f"{place}: {key} = {value!r} is empty or has spaces around it", "mend it, or drop it"
            )
    if "id" not in table:
        raise SourceUnreadable(f"{place} has no id", example)
    if not _ID.fullmatch(table["id"]):
        raise SourceUnreadable(f"{place}: '{table['id']}' is no id of a patch", "'patchkit list' shows every patch")
    return WantedPatch(**table)
