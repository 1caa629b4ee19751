"""Distributions that are installed in a target."""

from dataclasses import dataclass
from pathlib import Path

from patchkit.patching.distinfo import Distribution, distributions, normalised
from patchkit.patching.target import Target


@dataclass(frozen=True)
class Installed:
    """A distribution of the target, and the root that its import comes from."""

    root: Path
    distribution: Distribution


def find_installed(target: Target, names: tuple[str, ...]) -> list[Installed]:
    """The distributions of these names in the first root that has one: the one that Python would import."""
    for root in target.roots:
        found = distributions(root, names)
        if found:
            return [Installed(root, distribution) for distribution in found]
    return []


def possible_names(target: Target) -> set[str]:
    """Every name that a distribution of the target can have, by the names of metadata folders alone.

    Old tools leave '-' in the names of such folders, so each of their beginnings counts.
    """
    names: set[str] = set()
    for root in target.roots:
        for entry in root.iterdir() if root.is_dir() else ():
            if entry.name.endswith((".dist-info", ".egg-info", ".egg-link")):
                parts = entry.name.rpartition(".")[0].split("-")
                names |= {normalised("-".join(parts[:count])) for count in range(1, len(parts) + 1)}
    return names
