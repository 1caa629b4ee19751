"""One installed distribution: its metadata folder is read when something of it is asked for."""

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from patchkit.errors import SourceUnreadable
from patchkit.patching.distinfo import normalised
from patchkit.patching.editable import editable_source

_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[(?P<extras>[^\]]*)\])?\s*"
    r"(?P<range>\([^)]*\)|[^;(]*?)\s*(?:;\s*(?P<marker>.*))?"
)


@dataclass(frozen=True)
class Requirement:
    """One line `Requires-Dist` of a METADATA."""

    name: str  # as PEP 503 compares it
    extras: tuple[str, ...]
    range: str  # PEP 440; empty: any version
    marker: str
    line: int  # of the METADATA, 1-based
    text: str


@dataclass(frozen=True)
class Origin:
    """Where a distribution was installed from, if it was not by name from an index."""

    url: str
    commit: str  # of a version control system; empty for a folder or a file
    editable: Path | None
    system: str = ""  # of version control: git


@dataclass(frozen=True)
class Package:
    """One installed distribution."""

    root: Path
    folder: str  # name of its .dist-info or .egg-info
    name: str  # as PEP 503 compares it, which is also how it is typed
    tagged: str  # version in the name of the folder; empty where old tools left it out

    @property
    def info(self) -> Path:
        return self.root / self.folder

    @property
    def record(self) -> Path:
        return self.info / "RECORD"

    @property
    def metadata(self) -> Path:
        return self.info / ("METADATA" if self.folder.endswith(".dist-info") else "PKG-INFO")

    @cached_property
    def version(self) -> str:
        if self.tagged:
            return self.tagged
        found = re.search(rb"^Version:\s*(\S+)", read(self.metadata) or b"", re.MULTILINE)
        return found[1].decode("utf-8", errors="replace") if found else "unknown"

    @property
    def label(self) -> str:
        return f"{self.name} {self.version}"

    @cached_property
    def installer(self) -> str:
        """pip, uv, conda; empty if nothing says it. It only tells how a command is typed: no finding waits for it."""
        try:
            return (read(self.info / "INSTALLER") or b"").decode("utf-8", errors="replace").strip()
        except SourceUnreadable:
            return ""

    @cached_property
    def origin(self) -> Origin | None:
        """Where it came from, if that was a repository or a folder; None for a release by its name.

        A wheel is taken for what it is called, wherever it lay: images are often built from a folder of wheels. What
        conda installs often names the folder in which its own servers built it, and is a release.

        Raises   SourceUnreadable if its direct_url.json is damaged.
        """
        if self.folder.endswith(".egg-link"):
            tree = editable_source(self.info)
            return Origin(str(tree), "", tree) if tree else None
        data = read(self.info / "direct_url.json")
        if data is None or self.installer == "conda":
            return None
        try:
            content: dict[str, Any] = json.loads(data)
            url = str(content["url"])
            revision = content.get("vcs_info", {})
            commit, system = str(revision.get("commit_id", "")), str(revision.get("vcs", ""))
            is_archive = "archive_info" in content
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SourceUnreadable(
                f"{self.info / 'direct_url.json'} is damaged: {error}", f"reinstall {self.name}"
            ) from error
        wheel = url.rpartition("/")[2].lower().replace("%2b", "+").split("-")
        if is_archive and len(wheel) > 2 and (normalised(wheel[0]), wheel[1]) == (self.name, self.version.lower()):
            return None
        return Origin(url, commit, editable_source(self.info), system)

    def listed(self, files: Iterable[str]) -> list[str]:
        """Those of the files, paths that need no quotes, that its RECORD has a row for.

        Raises   SourceUnreadable if it may not be read.
        """
        data = b"\n" + (read(f"{self.root}/{self.folder}/RECORD") or b"")  # of every distribution there is
        return [file for file in files if f"\n{file},".encode() in data]

    @cached_property
    def is_for_windows(self) -> bool:
        """True if its wheel was built for Windows, by the tag of the platform.

        Raises   SourceUnreadable if WHEEL may not be read.
        """
        return re.search(rb"^Tag:.*-win", read(self.info / "WHEEL") or b"", re.MULTILINE) is not None

    @cached_property
    def requirements(self) -> tuple[Requirement, ...]:
        """What it asks for, in the order of its METADATA.

        Raises   SourceUnreadable if there is no METADATA, or it is damaged.
        """
        data = read(self.metadata)
        if data is None or not re.search(rb"^Name:", data, re.MULTILINE):
            state = "is missing" if data is None else "is damaged: it does not say its name"
            raise SourceUnreadable(f"{self.metadata} {state}", f"reinstall {self.name}")
        head = data.replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode("utf-8", errors="replace")
        lines = enumerate(head.split("\n"), start=1)
        parsed = (_requirement(text[14:].strip(), line) for line, text in lines if text.startswith("Requires-Dist:"))
        return tuple(requirement for requirement in parsed if requirement is not None)


def _requirement(text: str, line: int) -> Requirement | None:
    found = _REQUIREMENT.fullmatch(text)
    if found is None:  # a URL, say: it pins no version
        return None
    extras = tuple(extra.strip() for extra in (found["extras"] or "").split(",") if extra.strip())
    return Requirement(
        normalised(found["name"]), extras, found["range"].strip("() "), (found["marker"] or "").strip(), line, text
    )


def packages_in(root: Path) -> list[Package]:
    """Every distribution whose metadata lies in a folder of the import path, in one pass.

    A .dist-info is a folder; an .egg-info may be a file.
    """
    try:
        with os.scandir(root) as entries:
            names = [
                entry.name
                for entry in entries
                if entry.name.endswith((".egg-info", ".egg-link"))
                or (entry.name.endswith(".dist-info") and entry.is_dir())
            ]
    except OSError as error:
        raise unreadable(root, error) from error
    return [_package(root, name) for name in sorted(names)]


def _package(root: Path, folder: str) -> Package:
    stem, _, kind = folder.rpartition(".")
    if kind == "egg-info":
        stem = re.sub(r"-py\d+(\.\d+)?$", "", stem)
    name, dash, version = stem.rpartition("-")
    return Package(root, folder, normalised(name if dash else stem), version if dash else "")


def read(path: Path | str) -> bytes | None:
    """The bytes of a file; None if there is none.

    Raises   SourceUnreadable if it may not be read.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - some hundred times
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path | str, error: OSError) -> SourceUnreadable:
    """What permissions, or a file system, keep from being looked at."""
    return SourceUnreadable(f"{path} cannot be read: {error.strerror}", "run as a user who may read it")
