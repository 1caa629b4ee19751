"""The wheels that a framework pins, and those that are installed instead."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from patchkit.subjects.environment.environment import Environment
from patchkit.subjects.environment.package import Package, Requirement
from patchkit.subjects.environment.versions import satisfies

COLLECTION = "cuda-toolkit"  # its extras name wheels: torch 2.10 and later pin the wheels through it
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")


@dataclass(frozen=True)
class Pin:
    """One wheel that is asked for, and what is there."""

    requirement: Requirement
    asked_in: Path  # the METADATA
    installed: Package | None

    @property
    def wanted(self) -> str:
        return f"{self.requirement.name}{self.requirement.range}"

    @property
    def told(self) -> str:
        if self.installed is None:
            return f"{self.requirement.name} is not installed (asked for: {self.requirement.range or 'any'})"
        return f"{self.installed.label} (asked for: {self.requirement.range})"


def pins(environment: Environment, package: Package) -> Iterator[Pin]:
    """Every nvidia wheel that a framework asks for on this platform, in the order of its METADATA.

    A marker is looked at only where something is not as it should be: evaluating one takes longer than all the rest.
    """
    seen: set[tuple[str, str]] = set()
    for requirement in package.requirements:
        if not requirement.name.startswith("nvidia-") and requirement.name != COLLECTION:
            continue
        found = environment.find(requirement.name)
        if requirement.name == COLLECTION and found is not None:
            for nested in _of_extras(found, requirement.extras):
                if (nested.name, nested.range) not in seen:
                    seen.add((nested.name, nested.range))
                    yield Pin(nested, found.metadata, environment.find(nested.name))
        else:
            yield Pin(requirement, package.metadata, found)


def differing(environment: Environment, package: Package) -> list[Pin]:
    """The pins that are not fulfilled."""
    return [
        pin
        for pin in pins(environment, package)
        if _is_off(environment, pin, package) and _is_meant(pin.requirement, environment.python_version)
    ]


def _is_off(environment: Environment, pin: Pin, package: Package) -> bool:
    """True for another release, or none. Where conda installed the framework, its libraries are no wheels."""
    if pin.installed is None:
        return not environment.is_of_conda(package)
    return satisfies(pin.installed.version, pin.requirement.range) is False


def _of_extras(package: Package, extras: tuple[str, ...]) -> Iterator[Requirement]:
    for requirement in package.requirements:
        found = _EXTRA.search(requirement.marker)
        if found and found[1] in extras and requirement.name.startswith("nvidia-"):
            yield requirement


def _is_meant(requirement: Requirement, python_version: str | None) -> bool:
    """True if the marker holds on this platform, for the Python of the environment."""
    if not requirement.marker:
        return True
    from packaging.markers import InvalidMarker, Marker

    found = _EXTRA.search(requirement.marker)
    values = {"extra": found[1] if found else ""}
    if python_version is not None:
        values |= {"python_version": python_version, "python_full_version": f"{python_version}.0"}
    try:
        return Marker(requirement.marker).evaluate(values)
    except InvalidMarker:
        return False
