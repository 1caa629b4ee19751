"""Configurations of ultralytics: the release in the target, the recipe of the model."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from patchkit.audit.request import Request, Subject
from patchkit.errors import TargetRefused
from patchkit.findings import Finding
from patchkit.patching.installed import find_installed
from patchkit.patching.target import Target
from patchkit.recipes import Recipe, find_recipe
from patchkit.recipes.linear import KEEP, LinearRule
from patchkit.recipes.surroundings import Surroundings
from patchkit.subjects.config import TrainConfig, load_config
from patchkit.subjects.devices import named_gpus
from patchkit.subjects.fixing import fixed_file
from patchkit.subjects.image_count import count_images
from patchkit.subjects.release import Release, installed_release, known_release, numbers
from patchkit.subjects.yaml_file import YamlFile

DISTRIBUTIONS = ("ultralytics", "ultralytics-opencv-headless", "dgenerate-ultralytics-headless")


@dataclass(frozen=True)
class Ultralytics:
    """A release of it."""

    release: Release
    rules: ClassVar[str] = "patchkit.rules.config"

    def load(self, file: YamlFile, request: Request) -> tuple[TrainConfig, Surroundings]:
        release = self._with_batch(file, request.batch)
        config = load_config(file, release, request.recipe, request.kind)
        recipe = find_recipe(request.recipe, config.model or Path(str(config.value("model"))).stem)
        gpus = request.gpus_or(named_gpus(config.value("device")) or 1)
        images = request.images if request.images is not None else count_images(config)
        linear = _linear(recipe, request)
        return config, Surroundings(gpus, request.nodes, request.gpus is not None, recipe, linear, images)

    def _with_batch(self, file: YamlFile, batch: int | None) -> Release:
        """The release as if it had the batch that `yolo train batch=` is to be given."""
        if batch is None:
            return self.release
        entry = file.entries.get("batch")
        if entry is not None and entry.node.data != batch:
            raise TargetRefused(
                f"--batch {batch}: {entry.span.path}:{entry.span.line} sets the batch itself", "change it there"
            )
        return replace(self.release, defaults={**self.release.defaults, "batch": batch})

    def fixed(self, subject: Subject, findings: Sequence[Finding]) -> bytes:
        return fixed_file(subject.file, findings)


def find_ultralytics(target: Target, release: str | None) -> Ultralytics:
    """The release that is named, else the one that is installed in the target, else the newest that is known."""
    if release is not None:
        if not numbers(release.removeprefix("v")):
            raise TargetRefused(f"--release {release}: no version", "write it as 8.2.50")
        last = known_release(None)
        if numbers(release.removeprefix("v")) > last.number:
            raise TargetRefused(
                f"--release {release}: options are known up to {last.version}",
                "install the release in the target, where its own options are read",
            )
        return Ultralytics(known_release(release.removeprefix("v")))
    for place in find_installed(target, DISTRIBUTIONS):
        root = place.distribution.editable or place.root
        installed = installed_release(root, place.distribution.version)
        if installed is not None:
            return Ultralytics(installed)
    return Ultralytics(known_release(None))


def _linear(recipe: Recipe | None, request: Request) -> LinearRule | None:
    """The linear rule from the recipe or the command line; None to keep the learning rate, or without a base."""
    base_lr = request.base_lr or (recipe.values.get("lr0") if recipe else None)
    base_batch = request.base_batch or (recipe.batch if recipe else None)
    if request.policy == KEEP or base_lr is None or base_batch is None:
        return None
    return LinearRule(base_lr, base_batch, request.max_lr or 2 * base_lr)
