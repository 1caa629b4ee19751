"""The patches that concern an environment, and what is known of its releases without parsing a line of them."""

import itertools
from dataclasses import dataclass

from patchkit.patching.packs import Place
from patchkit.patching.results import CONFLICT, WOULD_APPLY
from patchkit.patching.tested import Tested, load_table
from patchkit.subjects.environment.environment import Environment
from patchkit.subjects.environment.package import Package
from patchkit.subjects.environment.versions import numbers, public


@dataclass(frozen=True)
class Concern:
    """A patch and the distribution of the environment that it is for."""

    place: Place
    package: Package
    table: tuple[Tested, ...]  # what was found in releases of that distribution, oldest first
    files: frozenset[str]  # that the patch changes, in whatever release

    @property
    def id(self) -> str:
        return self.place.id


@dataclass(frozen=True)
class Known:
    """What is known of a release."""

    outcome: str  # as `apply --check` has it
    source: str  # how it is known
    files: tuple[str, ...]  # that hold the sites
    hint: str = ""  # the next step, where it is a conflict

    @property
    def is_to_be_patched(self) -> bool:
        return self.outcome == WOULD_APPLY

    @property
    def is_a_conflict(self) -> bool:
        return self.outcome == CONFLICT


def concerns_of(environment: Environment, places: list[Place]) -> list[Concern]:
    """The patches for something that is installed; the first root that has it wins, as for Python.

    The table of tested releases names the distributions and files of a patch as its manifest does, and is read in a
    tenth of the time. The manifest is asked where the table does not help.
    """
    found = (_concern(environment, place) for place in places if place.names_one(environment.names))
    return [concern for concern in found if concern is not None]


def _concern(environment: Environment, place: Place) -> Concern | None:
    table = load_table(place.folder)
    files = frozenset(site.file for release in table for site in release.sites)
    package = environment.find(*dict.fromkeys(release.distribution for release in table))
    if package is None:
        manifest = place.room().manifest
        package = environment.find(*manifest.distributions)
        files = frozenset(file for spec in manifest.targets if spec.distributions for file in spec.files)
    if package is None:
        return None
    mine = sorted(
        (release for release in table if release.distribution == package.name),
        key=lambda release: numbers(release.version),
    )
    return Concern(place, package, tuple(mine), files)


def known(concern: Concern) -> Known | None:
    """What was found in this release, or in those before and after it alike; None where nobody looked."""
    id, name, version = concern.id, concern.package.name, public(concern.package.version)
    exact = next((release for release in concern.table if release.version == version), None)
    if exact is not None:
        return Known(exact.outcome, f"{id} was tested on {name} {version}", _files(exact))
    for before, after in itertools.pairwise(concern.table):
        if numbers(before.version) < numbers(version) < numbers(after.version):
            if before.outcome != after.outcome or _sites(before) != _sites(after):
                return None
            source = f"{id} was tested on {name} {before.version} and {after.version}, which hold it alike"
            return Known(before.outcome, source, _files(before))
    return None


def examined(environment: Environment, concern: Concern) -> Known:
    """What `apply --check` finds in the code itself. Takes LibCST, and as long as that takes.

    Raises   PatchkitError as `apply` does.
    """
    from patchkit.patching.allowed import Allowed
    from patchkit.patching.apply import apply

    result = apply(environment.target, [concern.id], Allowed(editable=True, shadowed=True), write=False)[0]
    files = tuple(file.path for file in result.files)
    said = next(iter(result.message.splitlines()), "")
    return Known(result.outcome, f"patchkit apply {concern.id} --check: {said or result.outcome}", files, result.hint)


def _sites(release: Tested) -> list[tuple[str, str]]:
    return [(site.file, site.symbol) for site in release.sites]


def _files(release: Tested) -> tuple[str, ...]:
    return tuple(dict.fromkeys(site.file for site in release.sites))
