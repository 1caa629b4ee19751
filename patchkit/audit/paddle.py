"""Configurations of PaddleDetection, and the release of paddlepaddle in the target."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from patchkit.audit.request import Request, Subject
from patchkit.errors import TargetRefused
from patchkit.findings import Finding
from patchkit.patching.installed import find_installed
from patchkit.patching.target import Target
from patchkit.recipes.linear import KEEP, LinearRule
from patchkit.recipes.surroundings import PaddleSurroundings
from patchkit.subjects.paddle.config import PaddleConfig, load_paddle
from patchkit.subjects.paddle.leaf import overridden
from patchkit.subjects.yaml_file import YamlFile

DISTRIBUTIONS = ("paddlepaddle", "paddlepaddle-gpu")


@dataclass(frozen=True)
class PaddleDetection:
    """It comes without a release of its own, mostly as a checkout."""

    paddle: str | None
    rules: ClassVar[str] = "patchkit.rules.paddle"

    def load(self, file: YamlFile, request: Request) -> tuple[PaddleConfig, PaddleSurroundings]:
        config = load_paddle(file)
        return config, PaddleSurroundings(
            gpus=request.gpus_or(1),
            nodes=request.nodes,
            gpus_are_given=request.gpus is not None,
            paddle=self.paddle,
            keeps_lr=request.policy == KEEP,
            linear=_linear(request),
            max_lr=_max_lr(request),
            images=request.images,
        )

    def fixed(self, subject: Subject, findings: Sequence[Finding]) -> bytes:
        """A file of these is never cut: what it inherits is overridden in it."""
        assert isinstance(subject, PaddleConfig)
        values: dict[str, Any] = {}
        for finding in findings:
            if finding.fix is not None:
                values.update(finding.fix.values)
        return overridden(subject, values)


def find_paddle(target: Target) -> PaddleDetection:
    """With the release of paddlepaddle that is installed in the target, if any."""
    places = find_installed(target, DISTRIBUTIONS)
    return PaddleDetection(places[0].distribution.version if places else None)


def _linear(request: Request) -> LinearRule | None:
    """The rule of the command line, in place of the one of the recipe."""
    if request.base_lr is None and request.base_batch is None:
        return None
    if request.base_lr is None or request.base_batch is None:
        raise TargetRefused("--base-lr and --base-batch belong together", "give both, or none")
    return LinearRule(request.base_lr, request.base_batch, _max_lr(request))


def _max_lr(request: Request) -> float:
    return math.inf if request.max_lr is None else request.max_lr
