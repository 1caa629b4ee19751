"""One listed patch on one target: whether the list fits the room and the installed package, and where it goes."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from patchkit.errors import SourceUnreadable, UnknownPatch
from patchkit.locking.wanted import Wanted, WantedPatch
from patchkit.patching import results as r
from patchkit.patching.allowed import Allowed
from patchkit.patching.distinfo import normalised
from patchkit.patching.installed import find_installed
from patchkit.patching.locate import Located, locate
from patchkit.patching.packs import Room, find_room
from patchkit.patching.results import Result, TargetReport
from patchkit.patching.target import Target

if TYPE_CHECKING:
    from packaging.requirements import Requirement


@dataclass(frozen=True)
class ListedPatch:
    """A listed patch with the place it goes to; None: it is optional, and its package is absent."""

    wanted: WantedPatch
    room: Room
    located: Located | None


def find_listed(wanted: Wanted, patch: WantedPatch, target: Target, allowed: Allowed) -> ListedPatch:
    """The listed patch on the target.

    Raises   SourceUnreadable if the entry does not fit the room; UnknownPatch if there is none.
    """
    place = wanted.place(patch.id)
    try:
        room = find_room(patch.id)
    except UnknownPatch as error:
        raise UnknownPatch(f"{wanted.path}: {error.message}", error.hint) from error
    _refuse_version(place, patch, room)
    requirement = _requirement(place, patch, room)
    names = (requirement.name,) if requirement else room.manifest.distributions
    if patch.optional and target.kind == "environment" and names and not find_installed(target, names):
        return ListedPatch(patch, room, None)
    located = locate(room, target, allowed)
    if requirement and located.refusal is None:
        located = replace(located, refusal=_refusal(place, requirement, located, target))
    return ListedPatch(patch, room, located)


def _refuse_version(place: str, patch: WantedPatch, room: Room) -> None:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    if not patch.version:
        return
    text = f"=={patch.version}" if patch.version[0].isalnum() else patch.version
    try:
        fits = SpecifierSet(text).contains(room.manifest.version, prereleases=True)
    except InvalidSpecifier as error:
        raise SourceUnreadable(
            f"{place}: version = '{patch.version}' is no version and no range of versions", 'write "1.0.0" or ">=1,<2"'
        ) from error
    if not fits:
        raise SourceUnreadable(
            f"{place}: version = '{patch.version}', and this patchkit has {room.manifest.version}",
            f"install a patchkit that has it, or change the version in {place.partition(':')[0]}",
        )


def _requirement(place: str, patch: WantedPatch, room: Room) -> "Requirement | None":
    from packaging.requirements import InvalidRequirement, Requirement

    if not patch.target:
        return None
    try:
        requirement = Requirement(patch.target)
    except InvalidRequirement as error:
        reason = str(error).splitlines()[0]
        raise SourceUnreadable(
            f"{place}: target = '{patch.target}' is no requirement: {reason}", 'write "ultralytics>=8.2,<8.3"'
        ) from error
    if requirement.extras or requirement.marker or requirement.url:
        raise SourceUnreadable(
            f"{place}: target = '{patch.target}' is more than a name and versions", 'write "ultralytics>=8.2,<8.3"'
        )
    known = room.manifest.distributions
    if normalised(requirement.name) not in map(normalised, known):
        raise SourceUnreadable(
            f"{place}: target = '{patch.target}', and the patch is not for {requirement.name}",
            f"it is for {', '.join(known)}" if known else "it is for source trees: drop the key",
        )
    return requirement


def _refusal(place: str, requirement: "Requirement", located: Located, target: Target) -> Result | None:
    """The refusal of a distribution that is not the wanted one."""
    distribution, room = located.distribution, located.room
    if distribution is None:
        report = TargetReport(target.kind, None, None, str(located.root))
        message = f"{place}: target = '{requirement}' cannot be checked in a source tree: it has no version"
        hint = "drop the key; the code of the patched functions is checked all the same"
    elif normalised(distribution.name) == normalised(requirement.name) and requirement.specifier.contains(
        distribution.version, prereleases=True
    ):
        return None
    else:
        report = TargetReport("distribution", distribution.name, distribution.version, str(located.root))
        message = f"{place}: target = '{requirement}', and {distribution.label} is installed"
        hint = f"pip install '{requirement}', or change the key"
    return Result(room.id, room.manifest.version, r.NOT_APPLICABLE, report, (), message, hint)
