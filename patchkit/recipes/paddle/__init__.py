"""What the configurations of PaddleDetection that come with a published model were trained with."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from patchkit.errors import BrokenPack
from patchkit.subjects.yaml_file import read_yaml

TABLE = Path(__file__).parent / "ppyoloe.yaml"
STEPS = "steps"  # what `warmup_epochs` says where the warm-up is given in steps


@dataclass(frozen=True)
class PaddleRecipe:
    """One configuration, as it was trained."""

    name: str  # of the configuration that was recognised
    epochs: int
    base_lr: float
    batch: int  # images on each GPU
    gpus: int  # of all nodes together
    static_assigner_epoch: int | None
    warmup_epochs: int | None  # None: it is given in steps
    source: str


def find_paddle_recipe(names: Iterable[str]) -> PaddleRecipe | None:
    """The recipe of the first name that one is known for."""
    for name in names:
        for pattern, recipe in paddle_recipes():
            if re.fullmatch(pattern, name):
                return replace(recipe, name=name)
    return None


@cache
def paddle_recipes(table: Path = TABLE) -> tuple[tuple[str, PaddleRecipe], ...]:
    """Every recipe of the table, with the pattern of its names.

    Raises   BrokenPack if a row lacks what it must say.
    """
    return tuple((str(row["name"]), _recipe(row, table)) for row in read_yaml(table).data["recipes"])


def _recipe(row: dict[str, Any], table: Path) -> PaddleRecipe:
    warmup = row.get("warmup_epochs")
    if warmup != STEPS and not isinstance(warmup, int):
        raise BrokenPack(
            f"{table}: {row['name']} says neither a number of warmup_epochs nor {STEPS}", "reinstall patchkit-cv"
        )
    return PaddleRecipe(
        row["name"],
        row["epochs"],
        row["base_lr"],
        row["batch"],
        row["gpus"],
        row.get("static_assigner_epoch"),
        None if warmup == STEPS else warmup,
        row["source"],
    )
