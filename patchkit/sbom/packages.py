"""The distributions of a target, as their metadata describes them. Nothing of the target is imported."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

from patchkit.patching.distinfo import Distribution, installed, normalised


@dataclass(frozen=True)
class Package:
    """One distribution; `info` is its metadata folder."""

    name: str
    version: str | None
    summary: str | None
    root: Path
    info: Path
    tree: Path | None = None  # of an editable install
    origin: dict[str, Any] = field(default_factory=dict)  # direct_url.json: not from an index
    requires: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str | None]:
        return normalised(self.name), self.version


def packages(roots: Sequence[Path]) -> list[Package]:
    """Every distribution of the roots, in the order of the import path."""
    return [_package(root, distribution) for root in roots for distribution in installed(root)]


def _package(root: Path, distribution: Distribution) -> Package:
    headers, info = _headers(distribution.info), distribution.info
    return Package(
        name=_header(headers, "Name") or distribution.name,
        version=_header(headers, "Version") or _spelled(distribution.version),
        summary=_header(headers, "Summary"),
        root=root,
        info=info,
        tree=distribution.editable,
        origin=_origin(info),
        requires=tuple(map(str, headers.get_all("Requires-Dist", ()))),
    )


def _spelled(version: str) -> str | None:
    return None if version == "unknown" else version


def _header(headers: "Message[str, str]", name: str) -> str | None:
    text = str(headers.get(name) or "").strip()
    return None if text in {"", "UNKNOWN"} else " ".join(text.split())


def _headers(info: Path) -> "Message[str, str]":
    """The headers of a dist-info folder, of an egg-info folder, or of an egg-info that is a file."""
    for place in (info / "METADATA", info / "PKG-INFO", info):
        try:
            text = place.read_bytes().decode("utf-8", errors="replace") if place.suffix != ".egg-link" else ""
        except OSError:
            continue
        return HeaderParser().parsestr(text)
    return HeaderParser().parsestr("")


def _origin(info: Path) -> dict[str, Any]:
    try:
        data = json.loads((info / "direct_url.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) and isinstance(data.get("url"), str) else {}
