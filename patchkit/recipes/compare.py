"""A value of a configuration held against its recipe."""

import math
from collections.abc import Iterator
from typing import Any

from patchkit.findings import Finding, Fix
from patchkit.recipes.surroundings import Surroundings
from patchkit.rule import Check
from patchkit.subjects.config import TrainConfig

LARGE = 10**18  # beyond every option: larger whole numbers are no floats


def differing(config: TrainConfig, around: Surroundings, key: str, why: str, *, safe: bool = True) -> Finding | None:
    """A finding if the recipe gives an option another value than it has; None without a recipe.

    An option that the release does not know is not missed. A value that the release refuses is no fix.
    """
    recipe = around.recipe
    if recipe is None or key not in recipe.values or key not in config.release.defaults:
        return None
    wanted, found = recipe.values[key], config.value(key)
    if equal(found, wanted):
        return None
    message = f"{key} is {found}, {config.origin(key)}; {recipe.label} was trained with {wanted}: {why}"
    if config.release.refuses(key, wanted):
        return Finding(f"{message}; {config.release.label} refuses {wanted}", config.span(key), recipe.source)
    fix = Fix(f"{key}: {wanted}", {key: wanted}, safe=safe)
    return Finding(message, config.span(key), recipe.source, fix)


def differs_in(*keys: str, why: str, safe: bool = True) -> Check:
    """The check of a rule that finds every one of these options whose value differs from the recipe."""

    def check(config: TrainConfig, around: Surroundings) -> Iterator[Finding]:
        for key in keys:
            finding = differing(config, around, key, why, safe=safe)
            if finding is not None:
                yield finding

    return check


def equal(found: Any, wanted: Any) -> bool:
    """True if two values are the same to a training; numbers by value, words without case."""
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    if isinstance(found, (int, float)) and isinstance(wanted, (int, float)):
        return abs(found) < LARGE and math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-12)
    return str(found).lower() == str(wanted).lower()
