"""A room's codemod against published releases, in memory: the evidence for its version ranges."""

import zipfile
from collections.abc import Sequence

from patchkit.errors import UnknownRelease
from patchkit.patching import results as r
from patchkit.patching.examine import rewrite
from patchkit.patching.manifest import TargetSpec
from patchkit.patching.packs import Room
from patchkit.patching.plan import outcome_of
from patchkit.patching.releases import opened_wheel, published
from patchkit.patching.tested import Tested, TestedSite, load_table


def matrix(room: Room, versions: str | None, *, with_newest: bool) -> list[Tested]:
    """What the codemod finds in each release that is asked for; by default those of the room's table.

    Raises   UnknownRelease if there is nothing to test, or pip does not give a release.
    """
    asked = [pair for name in _distributions(room) for pair in _asked(room, name, versions, with_newest=with_newest)]
    if not asked:
        hint = "its sites are in source trees, and its examples show them" if not _distributions(room) else ""
        raise UnknownRelease(f"{room.id} has no releases to test", hint or "name some: --versions '>=1.0'")
    return [check_release(room, name, version) for name, version in asked]


def check_release(room: Room, name: str, version: str) -> Tested:
    """What the codemod finds in one release, and what `apply` would say."""
    spec = next((spec for spec in room.manifest.targets if name in spec.distributions and spec.covers(version)), None)
    if spec is None:
        return Tested(name, version, r.NOT_APPLICABLE)
    with opened_wheel(name, version) as wheel:
        return _check(room, spec, name, version, wheel)


def merged(table: Sequence[Tested], now: Sequence[Tested]) -> list[Tested]:
    """The table with the releases that were tested now."""
    known = {(release.distribution, release.version): release for release in (*table, *now)}
    return list(known.values())


def _check(room: Room, spec: TargetSpec, name: str, version: str, wheel: zipfile.ZipFile) -> Tested:
    there = set(wheel.namelist())
    if not there.issuperset(spec.files):
        return Tested(name, version, r.NOT_APPLICABLE)
    found = []
    for file in spec.files:
        done = rewrite(room, spec, file, wheel.read(file), f"{name}-{version}/{file}", allow_drift=False)
        found += [(file, site) for site in done.sites]
    outcome = outcome_of([site for _, site in found])
    sites = [TestedSite(file, site.symbol, site.state.value, site.fingerprint) for file, site in found]
    return Tested(name, version, r.WOULD_APPLY if outcome == r.APPLIED else outcome, tuple(dict.fromkeys(sites)))


def _distributions(room: Room) -> list[str]:
    """The first name of each group: the others publish the same module."""
    return list(dict.fromkeys(spec.distributions[0] for spec in room.manifest.targets if spec.distributions))


def _asked(room: Room, name: str, versions: str | None, *, with_newest: bool) -> list[tuple[str, str]]:
    if versions is None:
        table = [release.version for release in load_table(room.folder) if release.distribution == name]
        newest = published(name)[:1] if with_newest else []
        return [(name, version) for version in dict.fromkeys([*table, *newest])]
    return [(name, version) for version in reversed(_matching(name, versions))]


def _matching(name: str, versions: str) -> list[str]:
    """The versions of a list, or the published ones within a range."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import InvalidVersion, Version

    hint = "give a range, --versions '>=8.3,<8.4', or a list, --versions 8.3.0,8.4.0"
    if not versions.replace(",", "").strip():
        raise UnknownRelease("--versions names no release", hint)
    try:
        return [str(Version(version)) for version in reversed(versions.split(","))]
    except InvalidVersion:
        pass
    try:
        wanted = SpecifierSet(versions)
    except InvalidSpecifier as error:
        raise UnknownRelease(f"--versions {versions}: {error}", hint) from error
    found = list(wanted.filter(published(name)))
    if not found:
        raise UnknownRelease(f"no release of {name} is within {versions}", f"'pip index versions {name}' lists them")
    return found
