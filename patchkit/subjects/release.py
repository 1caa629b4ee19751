"""What a release of ultralytics takes and does: its options with defaults and types, and how it trains.

Options are read from the installed release; where none is installed, from a table of what changed when. How it trains
was read in the sources of every release from 8.0.18 to 8.4.190.
"""

import ast
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from patchkit.errors import SourceUnreadable
from patchkit.subjects.yaml_file import parse_yaml

TABLE = "ultralytics_options.json"
KINDS = ("float", "fraction", "int", "bool")
FOLDERS = ("ultralytics/cfg", "ultralytics/yolo/cfg")
Version = tuple[int, ...]
WHOLE_FLOATS_FROM = (8, 4, 172)  # 100.0 for 100


@dataclass(frozen=True)
class Release:
    """One release. Versions compare as tuples: (8, 2, 50)."""

    version: str
    defaults: Mapping[str, Any]
    kinds: Mapping[str, str]  # option to float, fraction (0 to 1), int or bool; others may be anything
    source: str  # where the options were read

    @property
    def label(self) -> str:
        return f"ultralytics {self.version}"

    @property
    def number(self) -> Version:
        return numbers(self.version)

    @property
    def has_auto_optimizer(self) -> bool:
        return self.number >= (8, 0, 113)

    def is_auto(self, optimizer: Any) -> bool:
        """True if this is how the release is told to choose the optimizer; up to 8.4.106 the case counts."""
        if not self.has_auto_optimizer:
            return False
        return optimizer == "auto" or (self.number >= (8, 4, 107) and str(optimizer).lower() == "auto")

    @property
    def long_run_optimizer(self) -> str:
        """What `optimizer: auto` takes for more than 10,000 iterations (6,000 at first)."""
        return "MuSGD" if self.number >= (8, 4, 3) else "SGD"

    @property
    def has_warmup_floor(self) -> bool:
        """True if warm-up lasts 100 iterations at least."""
        return self.number < (8, 4, 103)

    @property
    def takes_scale_range(self) -> bool:
        """True if `scale` may be a list of two numbers."""
        return self.kinds.get("scale") != "fraction" and self.number >= (8, 4, 52)

    @property
    def largest_lr0(self) -> float:
        """The largest initial learning rate that it takes."""
        return 1.0 if self.kinds.get("lr0") == "fraction" else math.inf

    def refuses(self, key: str, value: Any) -> bool:
        """True if its check of types and ranges ends the training on a value, as far as the kind of the option tells.

        Python counts true as 1, and so does the check.
        """
        is_range = key == "scale" and self.takes_scale_range
        kind = "fraction" if is_range else self.kinds.get(key)
        if kind is None or value is None or (is_range and isinstance(value, list)):
            return False
        if kind == "bool":
            return not isinstance(value, bool)
        if kind == "int":
            is_whole = isinstance(value, float) and value.is_integer() and self.number >= WHOLE_FLOATS_FROM
            return not isinstance(value, int) and not is_whole
        return not isinstance(value, (int, float)) or (kind == "fraction" and not 0 <= value <= 1)


def numbers(version: str) -> Version:
    """The numbers of a version; what is no number ends them."""
    parts = []
    for part in version.partition("+")[0].split("."):
        if not part.isdigit():
            break
        parts.append(int(part))
    return tuple(parts)


def installed_release(root: Path, version: str) -> Release | None:
    """The options of the release that is installed in a folder of packages; None if its files are not there.

    Raises   SourceUnreadable if they cannot be read.
    """
    for folder in FOLDERS:
        path, module = root / folder / "default.yaml", root / folder / "__init__.py"
        if path.is_file() and module.is_file():
            defaults = parse_yaml(path.read_bytes(), path).data
            return Release(version, defaults, _kinds(module), f"{folder}/default.yaml of ultralytics {version}")
    return None


def known_release(version: str | None) -> Release:
    """The options of a release by the table; of the newest known one if no version is given.

    Raises   SourceUnreadable if the table does not reach back so far.
    """
    table = json.loads((Path(__file__).parent / TABLE).read_bytes())
    wanted = numbers(version or table["last"])
    options: dict[str, list[Any]] = {}
    for change in table["releases"]:
        if numbers(change["from"]) > wanted:
            break
        options.update(change["set"])
        for name in change["removed"]:
            options.pop(name, None)
    if not options:
        first = table["releases"][0]["from"]
        raise SourceUnreadable(f"ultralytics {version}: no options are known before {first}", "name a later --release")
    defaults = {name: default for name, (default, _) in options.items()}
    kinds = {name: kind for name, (_, kind) in options.items() if kind}
    label = version or table["last"]
    return Release(label, defaults, kinds, f"the options of ultralytics {label}, which is not installed here")


def releases_with(option: str) -> str:
    """The releases that know an option, in words; empty if none does."""
    table = json.loads((Path(__file__).parent / TABLE).read_bytes())
    added = [change["from"] for change in table["releases"] if option in change["set"]]
    removed = [change["from"] for change in table["releases"] if option in change["removed"]]
    if not added:
        return ""
    return f"{added[0]} and later, removed in {removed[-1]}" if removed else f"{added[0]} and later"


def _kinds(module: Path) -> dict[str, str]:
    """The type lists of `cfg/__init__.py`, read as literals."""
    try:
        tree = ast.parse(module.read_bytes(), str(module))
    except (SyntaxError, ValueError) as error:
        raise SourceUnreadable(f"{module}: not valid Python: {error}", "reinstall ultralytics") from error
    kinds = {}
    for statement in tree.body:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            continue
        for kind in KINDS:
            if statement.targets[0].id == f"CFG_{kind.upper()}_KEYS":
                kinds.update(dict.fromkeys(_literal(statement.value), kind))
    return kinds


def _literal(value: ast.expr) -> set[str]:
    if isinstance(value, ast.Call) and value.args:  # frozenset({...})
        value = value.args[0]
    try:
        return set(ast.literal_eval(value))
    except ValueError:
        return set()
