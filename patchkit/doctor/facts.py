"""What there is in an environment, as plain values: the head of every report."""

from dataclasses import dataclass
from typing import Any

from patchkit.errors import PatchkitError
from patchkit.subjects.environment.environment import PADDLES, ULTRALYTICS, Environment
from patchkit.subjects.environment.frameworks import Build
from patchkit.subjects.environment.machine import Machine
from patchkit.subjects.environment.package import Package
from patchkit.subjects.environment.ultralytics import is_of_the_fork

OTHERS = ("numpy", "opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")
RELEASE, FORK, URL = "release", "fork", "url"  # where ultralytics came from


@dataclass(frozen=True)
class Facts:
    """What is installed, and on what machine."""

    python: str | None
    prefix: str
    distributions: int
    frameworks: dict[str, dict[str, Any] | None]  # torch, torchvision, paddle
    ultralytics: dict[str, Any] | None
    others: dict[str, str]
    driver: str | None
    driver_told: str
    toolkit: str | None
    library_path: tuple[str, ...]
    patches: tuple[dict[str, str], ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "python": {"version": self.python, "prefix": self.prefix},
            "distributions": self.distributions,
            **self.frameworks,
            "ultralytics": self.ultralytics,
            "packages": self.others,
            "driver": self.driver,
            "cuda_toolkit": self.toolkit,
            "ld_library_path": list(self.library_path),
            "patches": list(self.patches),
        }


def facts_of(environment: Environment, machine: Machine) -> Facts:
    """What a report begins with. What cannot be read is left out here: the rules tell why."""
    names = {name: package for name in OTHERS if (package := environment.find(name))}
    return Facts(
        python=environment.python_version,
        prefix=str(environment.prefix),
        distributions=len(environment.names),
        frameworks={
            "torch": _build(environment, "torch"),
            "torchvision": _build(environment, "torchvision"),
            "paddle": _build(environment, "paddle"),
        },
        ultralytics=_ultralytics(environment.find(*ULTRALYTICS)),
        others={name: package.version for name, package in names.items()},
        driver=machine.driver.version if machine.driver else None,
        driver_told=machine.driver_told,
        toolkit=machine.toolkit,
        library_path=tuple(map(str, machine.library_path)),
        patches=_patches(environment),
    )


def _build(environment: Environment, name: str) -> dict[str, Any] | None:
    try:
        build: Build | None = getattr(environment, name)
    except PatchkitError:
        build = None
    if build is None:
        package = environment.find(*PADDLES) if name == "paddle" else environment.find(name)
        return {"distribution": package.name, "version": package.version} if package else None
    return {
        "distribution": build.package.name,
        "version": build.version,
        "build": build.kind,
        "cuda": build.cuda,
        "commit": build.commit or None,
        "debug": build.debug,
    }


def _ultralytics(package: Package | None) -> dict[str, Any] | None:
    if package is None:
        return None
    try:
        origin = package.origin
    except PatchkitError:
        origin = None
    tree = origin.editable if origin and origin.editable else package.root
    kind = FORK if is_of_the_fork(tree) else URL if origin else RELEASE
    return {
        "distribution": package.name,
        "version": package.version,
        "origin": kind,
        "editable": str(origin.editable) if origin and origin.editable else None,
        "source": origin.url if origin else None,
        "commit": (origin.commit or None) if origin else None,
    }


def _patches(environment: Environment) -> tuple[dict[str, str], ...]:
    try:
        states = environment.patches
    except PatchkitError:
        return ()
    return tuple({"patch": one.receipt.patch, "version": one.receipt.version, "state": one.state} for one in states)
