"""Options of `audit` that a project keeps in its pyproject.toml, in the table `[tool.patchkit.audit]`."""

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
    "release": str,
    "baseline": str,
}


def project_options(config: Path) -> dict[str, Any]:
    """The options for a configuration; none without a pyproject.toml above it, or without that table.

    Raises   SourceUnreadable for a file that is no TOML, an option that does not exist, or a value of the wrong type.
    """
    for folder in config.resolve().parents:
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
    options = data.get("tool", {}).get("patchkit", {}).get("audit", {})
    for name, value in options.items():
        wanted = TYPES.get(name)
        if wanted is None:
            raise SourceUnreadable(
                f"{path}: [tool.patchkit.audit] has no option '{name}'", f"options: {', '.join(sorted(TYPES))}"
            )
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise SourceUnreadable(
                f"{path}: [tool.patchkit.audit] {name} = {value!r} has the wrong type", "mend the file"
            )
    if "baseline" in options:
        options["baseline"] = str(path.parent / options["baseline"])
    return dict(options)
