"""Recipes: the values that models were trained with, each with its source."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from patchkit.errors import SourceUnreadable, UnknownRule
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

    Raises   UnknownRule if a recipe is named that does not exist, or no size is known.
    """
    if name is not None and Path(name).suffix in (".yaml", ".yml"):
        return _sized(Path(name), model) or _no_size(name)
    bundled = sorted(FOLDER.glob("*.yaml"))
    for path in bundled:
        if name is not None and not name.startswith(path.stem):
            continue
        recipe = _sized(path, name if name is not None and name != path.stem else model)
        if recipe is not None:
            return recipe
        if name is not None:
            return _no_size(name)
    if name is not None:
        raise UnknownRule(
            f"no recipe is called '{name}'", f"recipes: {', '.join(path.stem for path in bundled)}, or a file"
        )
    return None


def _no_size(name: str) -> Recipe:
    raise UnknownRule(f"the recipe {name} has several sizes, and nothing says which", "name it with its size: yolov10x")


def _sized(path: Path, model: str | None) -> Recipe | None:
    data = read_yaml(path).data
    unknown = sorted(set(data) - KEYS)
    if unknown:
        raise SourceUnreadable(
            f"{path}: a recipe has no '{unknown[0]}'", f"its keys are {', '.join(sorted(KEYS))}; values go below values"
        )
    try:
        match = re.match(str(data["models"]), Path(model or "").name)
        size = match[1] if match and match.groups() else ""
        if match is None:
            return None
        values = {**data["values"], **{key: sizes[size] for key, sizes in data.get("sizes", {}).items()}}
        batch = data["batch"][size] if isinstance(data["batch"], dict) else data["batch"]
        source = str(data["source"])
        return Recipe(str(data["name"]), size, values, source, int(batch), str(data.get("batch_source", source)))
    except (KeyError, TypeError, ValueError, re.error) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise SourceUnreadable(
            f"{path}: not a recipe: {reason}", f"the form is that of {FOLDER}/yolov10.yaml"
        ) from error
