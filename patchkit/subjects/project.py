"""Options of `audit` that a project keeps in its pyproject.toml, in the table `[tool.patchkit.audit]`."""

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from patchkit.errors import SourceUnreadable

TYPES: Mapping[str, type | tuple[type, ...]] = {
    "gpus": int,
    "nodes": int,
    "recipe": str,
    "select": list,
    "ignore": list,
    "fail-on": str,
    "lr-policy": str,
    "base-lr": (int, float),
    "base-batch": int,
    "max-lr": (int, float),
    "images": int,
    "batch": int,
    "release": str,
    "baseline": str,
}


def project_options(config: Path) -> dict[str, Any]:
    """The options for a configuration; none without a pyproject.toml above it, or without that table.

    Raises   SourceUnreadable for a file that is no TOML, an option that does not exist, or a value of the wrong type.
    """
    for folder in Path(os.path.realpath(config)).parents:  # a loop of links does not stop it
        path = folder / "pyproject.toml"
        if path.is_file():
            return _checked(path)
    return {}


def _checked(path: Path) -> dict[str, Any]:
    tomllib = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SourceUnreadable(f"{path}: {error}", "mend the file") from error
    options: Any = data
    for name in ("tool", "patchkit", "audit"):
        options = options.get(name, {})
        if not isinstance(options, dict):
            raise SourceUnreadable(f"{path}: {name} is {options!r}, and no table", "write [tool.patchkit.audit]")
    for name, value in options.items():
        wanted = TYPES.get(name)
        if wanted is None:
            raise SourceUnreadable(
                f"{path}: [tool.patchkit.audit] has no option '{name}'", f"options: {', '.join(sorted(TYPES))}"
            )
        is_right = isinstance(value, wanted) and not isinstance(value, bool)
        if not is_right or (isinstance(value, list) and not all(isinstance(item, str) for item in value)):
            raise SourceUnreadable(
                f"{path}: [tool.patchkit.audit] {name} = {value!r} has the wrong type", "mend the file"
            )
        if isinstance(value, (int, float)) and not 0 < value < float("inf"):
            raise SourceUnreadable(f"{path}: [tool.patchkit.audit] {name} = {value}: it must be more than 0", "mend it")
    files = [name for name in ("baseline", "recipe") if name == "baseline" or _is_file(options.get(name, ""))]
    return {name: str(path.parent / value) if name in files else value for name, value in options.items()}


def _is_file(recipe: str) -> bool:
    return recipe.endswith((".yaml", ".yml"))
