"""The patches that concern an environment, and what is known of its releases without parsing a line of them."""

import itertools
from dataclasses import dataclass

from patchkit.patching.packs import Room
from patchkit.patching.tested import Tested, load_table
from patchkit.subjects.environment.environment import Environment
from patchkit.subjects.environment.package import Package
from patchkit.subjects.environment.versions import numbers


@dataclass(frozen=True)
class Concern:
    """A patch and the distribution of the environment that it is for."""

    room: Room
    package: Package


@dataclass(frozen=True)
class Known:
    """What the table of tested releases says of one."""

    outcome: str  # as `apply --check` has it
    source: str  # how it is known
    files: tuple[str, ...]  # that hold the sites


def concerns(environment: Environment) -> list[Concern]:
    """Every patch of every pack for something that is installed; the first root that has it wins, as for Python."""
    found = []
    for room in environment.rooms:
        packages = [package for name in room.manifest.distributions for package in environment.all(name)]
        found += [Concern(room, package) for package in packages[:1]]
    return found


def patched_files(room: Room) -> set[str]:
    return {file for spec in room.manifest.targets for file in spec.files if spec.distributions}


def known(room: Room, package: Package) -> Known | None:
    """What was found in this release, or in those before and after it alike; None where nobody looked."""
    table = [row for row in load_table(room.folder) if row.distribution == package.name]
    table.sort(key=lambda row: numbers(row.version))
    exact = next((row for row in table if row.version == package.version.partition("+")[0]), None)
    if exact is not None:
        return Known(exact.outcome, f"{room.id} was tested on {package.name} {exact.version}", _files(exact))
    mine = numbers(package.version)
    pairs = itertools.pairwise(table)
    around = next(((a, b) for a, b in pairs if numbers(a.version) < mine < numbers(b.version)), None)
    if around is None or around[0].outcome != around[1].outcome or _places(around[0]) != _places(around[1]):
        return None
    source = f"{room.id} was tested on {package.name} {around[0].version} and {around[1].version}, which hold it alike"
    return Known(around[0].outcome, source, _files(around[0]))


def _places(row: Tested) -> list[tuple[str, str]]:
    return [(site.file, site.symbol) for site in row.sites]


def _files(row: Tested) -> tuple[str, ...]:
    return tuple(dict.fromkeys(site.file for site in row.sites))


def examined(environment: Environment, room: Room) -> Known:
    """What `apply --check` finds in the code itself. Takes LibCST, and as long as that takes.

    Raises   PatchkitError as `apply` does.
    """
    from patchkit.patching.allowed import Allowed
    from patchkit.patching.apply import apply

    result = apply(environment.target, [room.id], Allowed(editable=True, shadowed=True), write=False)[0]
    files = tuple(file.path for file in result.files)
    return Known(result.outcome, result.message or f"patchkit apply {room.id} --check: {result.outcome}", files)
