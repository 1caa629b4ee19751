"""The table of tested releases in a room, `tested.json`: what the codemod found in the published wheels.

`patchkit matrix` writes it. Fingerprints in it count as known forms.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from patchkit.errors import BrokenPack, WriteFailed
from patchkit.patching.files import read, replace_file

TABLE = "tested.json"
SCHEMA = 1


@dataclass(frozen=True)
class TestedSite:
    file: str
    symbol: str
    state: str  # pristine, applied, drifted or missing
    fingerprint: str  # of the form found; empty where a file has no forms


@dataclass(frozen=True)
class Tested:
    """One release of one distribution under the codemod."""

    distribution: str
    version: str
    outcome: str
    sites: tuple[TestedSite, ...] = ()


@dataclass(frozen=True)
class Row:
    """Releases, one after another, in which the codemod found the same."""

    distribution: str
    releases: tuple[str, ...]  # those that were tested, oldest first
    outcome: str
    sites: tuple[TestedSite, ...]

    @property
    def range(self) -> str:
        first, last = self.releases[0], self.releases[-1]
        return first if first == last else f"{first} - {last}"


def rows(releases: Iterable[Tested]) -> list[Row]:
    """The table of these releases, by distribution and version."""
    found: list[Row] = []
    for release in sorted(releases, key=lambda release: (release.distribution, version_key(release.version))):
        last = found[-1] if found else None
        same = (release.distribution, release.outcome, release.sites)
        if last is not None and (last.distribution, last.outcome, last.sites) == same:
            found[-1] = Row(last.distribution, (*last.releases, release.version), last.outcome, last.sites)
        else:
            found.append(Row(release.distribution, (release.version,), release.outcome, release.sites))
    return found


def version_key(version: str) -> Any:
    """The order of PEP 440."""
    from packaging.version import Version

    return Version(version)


def load_table(folder: Path) -> list[Tested]:
    """Every release in the table of a room; none if it has no table.

    Raises   BrokenPack if the table cannot be read.
    """
    path = folder / TABLE
    try:
        content = json.loads(path.read_bytes())
        return [
            Tested(row["distribution"], version, row["outcome"], tuple(TestedSite(**site) for site in row["sites"]))
            for row in content["rows"]
            for version in row["releases"]
        ]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BrokenPack(f"{path}: not a table of tested releases: {error}", "repair or uninstall the pack") from error


def dumped(releases: Iterable[Tested]) -> bytes:
    """The bytes of the table."""
    table = {"schema": SCHEMA, "rows": [asdict(row) for row in rows(releases)]}
    return (json.dumps(table, indent=1) + "\n").encode("utf-8")


def write_table(folder: Path, releases: Iterable[Tested]) -> bool:
    """Write the table of a room that lies in a checkout; False if it is so already.

    Raises   WriteFailed if it cannot be written, or the room lies in an installed package.
    """
    path, data = folder / TABLE, dumped(releases)
    if read(path) == data:
        return False
    if {"site-packages", "dist-packages"} & set(folder.resolve().parts):
        raise WriteFailed(
            f"{folder} lies in an installed package", "run this in a checkout (pip install --editable), or with --check"
        )
    try:
        replace_file(path, data)
    except OSError as error:
        raise WriteFailed(f"{path}: {error.strerror}", "see to it, or run this with --check") from error
    return True


@cache
def known_forms(folder: Path) -> frozenset[str]:
    """The fingerprints of every form that was found ready to be patched in a release."""
    found = {(site.fingerprint, site.state) for release in load_table(folder) for site in release.sites}
    return frozenset(form for form, state in found if form and state == "pristine")
