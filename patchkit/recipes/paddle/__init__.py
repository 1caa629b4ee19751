"""What the configurations of PaddleDetection that come with a published model were trained with."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from patchkit.subjects.yaml_file import read_yaml

TABLE = Path(__file__).parent / "ppyoloe.yaml"


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
    rows = read_yaml(TABLE).data["recipes"]
    for name in names:
        for row in rows:
            if re.fullmatch(row["name"], name):
                return PaddleRecipe(
                    name,
                    row["epochs"],
                    row["base_lr"],
                    row["batch"],
                    row["gpus"],
                    row.get("static_assigner_epoch"),
                    row.get("warmup_epochs"),
                    row["source"],
                )
    return None
