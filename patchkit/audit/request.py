"""What is asked of an audit, and what every framework answers it with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from patchkit.errors import TargetRefused
from patchkit.findings import Finding
from patchkit.recipes.surroundings import PaddleSurroundings, Surroundings
from patchkit.subjects.config import TrainConfig
from patchkit.subjects.paddle.config import PaddleConfig
from patchkit.subjects.yaml_file import YamlFile

Subject = TrainConfig | PaddleConfig


@dataclass(frozen=True)
class Request:
    """What is asked, beside the file."""

    gpus: int | None = None
    nodes: int = 1
    recipe: str | None = None
    policy: str = "linear"
    base_lr: float | None = None
    base_batch: int | None = None
    max_lr: float | None = None
    images: int | None = None
    batch: int | None = None
    release: str | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    kind: str | None = None
    baseline: Path | None = None

    def gpus_or(self, otherwise: int) -> int:
        """Raises   TargetRefused for fewer than one GPU or node."""
        gpus = self.gpus if self.gpus is not None else otherwise
        if gpus < 1 or self.nodes < 1:
            raise TargetRefused(
                f"--gpus {gpus} --nodes {self.nodes}: at least one of each", "give how many GPUs a node has"
            )
        return gpus


class Framework(Protocol):
    """What a configuration is for: it knows how to load one, and how to write fixes into it."""

    @property
    def rules(self) -> str:
        """The package of its rules."""

    def load(self, file: YamlFile, request: Request) -> tuple[Subject, Surroundings | PaddleSurroundings]: ...

    def fixed(self, subject: Subject, findings: Sequence[Finding]) -> bytes: ...
