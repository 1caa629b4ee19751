"""What a configuration is audited for: the GPUs, the recipe, and how the learning rate is to scale."""

import math
from dataclasses import dataclass

from patchkit.recipes import Recipe
from patchkit.recipes.linear import LinearRule


@dataclass(frozen=True)
class Gpus:
    """The devices of a training."""

    gpus: int = 1  # on each node
    nodes: int = 1
    gpus_are_given: bool = False

    @property
    def processes(self) -> int:
        return self.gpus * self.nodes


@dataclass(frozen=True)
class Surroundings(Gpus):
    """Of a configuration of ultralytics: given on the command line, or found in the target."""

    recipe: Recipe | None = None
    linear: LinearRule | None = None  # None: the learning rate is to stay as it is
    images: int | None = None  # in the training set


@dataclass(frozen=True)
class PaddleSurroundings(Gpus):
    """Of a configuration of PaddleDetection."""

    paddle: str | None = None  # version of the installed paddlepaddle
    keeps_lr: bool = False  # the learning rate is to stay as it is
    linear: LinearRule | None = None  # in place of the one of the recipe
    max_lr: float = math.inf  # the learning rate of the recipe is scaled up to this
    images: int | None = None  # in the training set
