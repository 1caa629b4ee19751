"""The release does not take the optimizer.

What         `optimizer` names none that the release builds, or writes it in another case where the case counts.
Why          The training ends with a NotImplementedError (an AttributeError for what is no word) once model and data
             are loaded. Up to 8.3.25 the case counts for every name: `sgd` is unknown there. From 8.3.26 it does not,
             save for `auto` and MuSGD, which are compared as they stand up to 8.4.106: `musgd` does not get the groups
             of parameters that MuSGD is made for.

             up to 8.0.112        Adam, AdamW, RMSProp, SGD
             8.0.113 - 8.3.x      these, Adamax, NAdam, RAdam and auto
             8.4.0 and later      these and MuSGD; RMSProp is spelled RMSprop from 8.4.105, and any case is taken
Example      `optimizer: sgd` with 8.2.50.
Fix safety   safe where only the case differs: sets the name as the release spells it. No fix for another name, or where
             optimizer-not-in-recipe sets that of the recipe.
References   build_optimizer of engine/trainer.py in every release from 8.0.0 to 8.4.190: changed in 8.0.113, 8.3.26,
             8.4.0, 8.4.105 and 8.4.107; 8.2.50, line 713; 8.4.190, line 1155.
"""

from collections.abc import Iterator
from typing import Any

from patchkit.findings import Finding, Fix, Severity
from patchkit.recipes.compare import equal
from patchkit.recipes.surroundings import Surroundings
from patchkit.rule import Example, Rule
from patchkit.rules.config.option_of_wrong_type import WORDS_CHECKED_FROM
from patchkit.subjects.config import TRAIN, TrainConfig
from patchkit.subjects.release import Release, Version

FIRST = ("Adam", "AdamW", "RMSProp", "SGD")
MORE = ("Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSProp", "SGD", "auto")
NAMES: tuple[tuple[Version, tuple[str, ...]], ...] = (
    ((8, 4, 105), ("Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "SGD", "MuSGD", "auto")),
    ((8, 4), (*MORE, "MuSGD")),
    ((8, 0, 113), MORE),
    ((), FIRST),
)
ANY_CASE_FROM = (8, 3, 26)
ANY_CASE_OF_ALL_FROM = (8, 4, 107)
EXACT_UNTIL_THEN = {"auto", "MuSGD"}


def check(config: TrainConfig, around: Surroundings) -> Iterator[Finding]:
    entry, release = config.entry("optimizer"), config.release
    if entry is None:
        return
    value = entry.node.data
    if not isinstance(value, str) and release.number >= WORDS_CHECKED_FROM:
        return  # option-of-wrong-type has it
    name = spelled(release, value)
    if name is not None and _takes(release, name, value):
        return
    taken = ", ".join(_names(release))
    message = f"optimizer is {entry.node.text or 'empty'}: {release.label} "
    message += f"takes {taken}" if name is None else f"wants it written {name}; it takes {taken}"
    fix = None
    if name is not None and not _is_set_by_the_recipe(release, around, name):
        fix = Fix(f"optimizer: {name}", {"optimizer": name})
    yield Finding(message, config.span("optimizer"), f"{release.label}, BaseTrainer.build_optimizer", fix)


def spelled(release: Release, value: Any) -> str | None:
    """An optimizer as the release writes it, whatever the case; None if the release has no such optimizer."""
    return {name.lower(): name for name in _names(release)}.get(str(value).lower())


def _names(release: Release) -> tuple[str, ...]:
    return next(names for first, names in NAMES if release.number >= first)


def _takes(release: Release, name: str, value: Any) -> bool:
    """True if the release takes a value for the optimizer that it spells `name`."""
    if value == name or release.number >= ANY_CASE_OF_ALL_FROM:
        return True
    return release.number >= ANY_CASE_FROM and name not in EXACT_UNTIL_THEN


def _is_set_by_the_recipe(release: Release, around: Surroundings, name: str) -> bool:
    wanted = around.recipe.values.get("optimizer") if around.recipe else None
    return wanted is not None and not equal(name, wanted) and spelled(release, wanted) is not None


RULE = Rule(
    __name__,
    Severity.ERROR,
    (TRAIN,),
    check,
    (
        Example("optimizer: Foo\n", "optimizer: SGD\n"),
        Example("optimizer: Lion\nlr0: 0.01\n", "optimizer: AdamW\nlr0: 0.01\n"),
    ),
)
