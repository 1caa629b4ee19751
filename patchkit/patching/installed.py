"""Distributions that are installed in a target."""

from dataclasses import dataclass
from pathlib import Path

from patchkit.patching.distinfo import Distribution, distributions
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
