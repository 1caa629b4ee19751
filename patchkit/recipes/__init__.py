"""Recipes: the values that models were trained with, each with its source."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from patchkit.errors import SourceUnreadable, UnknownRule
from patchkit.subjects.release import known_release
from patchkit.subjects.yaml_file import read_yaml

FOLDER = Path(__file__).parent
KEYS = {"name", "models", "source", "values", "sizes", "batch", "batch_source"}


@dataclass(frozen=True)
class Recipe:
    """What one size of a model was trained with."""

    name: str
    size: str
    values: Mapping[str, Any]
    source: str
    batch: int  # global: of all GPUs together
    batch_source: str

    @property
    def label(self) -> str:
        return f"{self.name}{self.size}"


def find_recipe(name: str | None, model: str | None) -> Recipe | None:
    """The recipe that is named, for the size that it names or the model has; else the one of the model, if any.

    `name` is a bundled recipe (`yolov10`, or `yolov10x` with its size), or the path of a file of the same form.

    Raises   UnknownRule if a recipe is named that does not exist, or has no such size; SourceUnreadable for a file that
             is no recipe.
    """
    if name is not None and (name.endswith((".yaml", ".yml")) or Path(name).is_file()):
        return _sized(Path(name), model) or _no_size(name, model)
    bundled = {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}
    if name is None:
        return next((recipe for path in bundled.values() if (recipe := _sized(path, model)) is not None), None)
    for stem, path in bundled.items():
        if name == stem:
            return _sized(path, model) or _no_size(name, model)
        recipe = _sized(path, name)
        if recipe is not None:
            return recipe
    raise UnknownRule(
        f"no recipe is called '{name}'", f"recipes: {', '.join(bundled)}, with a size or without; or a .yaml file"
    )


def _no_size(name: str, model: str | None) -> Recipe:
    raise UnknownRule(
        f"the recipe {name} is for none of this model's size: the model is {model or 'unknown'}",
        "name the model in the configuration: model: yolov10x.yaml",
    )


def _sized(path: Path, model: str | None) -> Recipe | None:
    """The recipe of a file for the size of a model; None if it is for other models."""
    data = read_yaml(path).data
    unknown = sorted(set(map(str, data)) - KEYS)
    if unknown:
        raise SourceUnreadable(
            f"{path}: a recipe has no '{unknown[0]}'", f"its keys are {', '.join(sorted(KEYS))}; values go below values"
        )
    try:
        match = re.fullmatch(str(data["models"]), model or "")
        if match is None:
            return None
        size = match[1] if match.groups() else ""
        values = {**data["values"], **{key: sizes[size] for key, sizes in data.get("sizes", {}).items()}}
        batch = data["batch"][size] if isinstance(data["batch"], dict) else data["batch"]
        source = str(data["source"])
        return Recipe(
            str(data["name"]),
            size,
            {key: _checked(key, value) for key, value in values.items()},
            source,
            _positive(batch),
            str(data.get("batch_source", source)),
        )
    except (KeyError, TypeError, ValueError, AttributeError, re.error) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise SourceUnreadable(f"{path}: not a recipe: {reason}", f"write it as {FOLDER}/yolov10.yaml is") from error


def _positive(batch: Any) -> int:
    if not isinstance(batch, int) or isinstance(batch, bool) or batch < 1:
        raise ValueError(f"batch is {batch!r}, and no number of images")
    return batch


def _checked(key: str, value: Any) -> Any:
    """A value that the newest known release could take.

    Raises   ValueError.
    """
    release = known_release(None)
    if key not in release.defaults:
        raise ValueError(f"{release.label} has no option {key}")
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if release.kinds.get(key) in ("float", "fraction", "int") and not (is_number and math.isfinite(value)):
        raise ValueError(f"{key} is {value!r}, and no number that YAML reads as one")
    return value
