"""CUDA libraries: those of the wheels, and those that LD_LIBRARY_PATH puts before them."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from patchkit.subjects.environment.environment import Environment
from patchkit.subjects.environment.machine import Machine
from patchkit.subjects.environment.package import Package

_NAME = re.compile(r"(libcublas|libcublasLt|libcudnn)\.so\.(\d+)")


@dataclass(frozen=True)
class Library:
    """One library of the environment itself."""

    path: Path
    stem: str  # libcublas, libcublasLt, libcudnn
    major: str
    package: Package | None  # the wheel that it is of; None: bundled with torch

    @property
    def version(self) -> str:
        """As the wheel says; empty for a bundled one."""
        return self.package.version if self.package else ""

    @property
    def owner(self) -> str:
        return self.package.label if self.package else "torch itself"


@dataclass(frozen=True)
class Shadow:
    """A library that the dynamic linker meets first."""

    own: Library
    path: Path
    folder: Path  # the entry of LD_LIBRARY_PATH
    version: str  # empty if its file does not say
    differs: bool | None  # None: not known


def own_libraries(environment: Environment) -> list[Library]:
    """cuBLAS and cuDNN of the nvidia wheels, or those that an older torch brings along."""
    found = []
    for root in environment.roots:
        for folder in _folders(root):
            for name in _listed(folder):
                match = _NAME.fullmatch(name)
                if match:
                    package = None if folder.parent.name == "torch" else _wheel(environment, match[1], match[2])
                    found.append(Library(folder / name, match[1], match[2], package))
    return found


def _folders(root: Path) -> Iterator[Path]:
    for name in sorted(_listed(root / "nvidia")):
        yield root / "nvidia" / name / "lib"
    yield root / "torch/lib"


def _listed(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208
    except OSError:
        return []


def _wheel(environment: Environment, stem: str, major: str) -> Package | None:
    """The distribution that the library is of. The number in the name of a wheel is that of CUDA."""
    if stem == "libcudnn":
        wheels = [name for name in sorted(environment.names) if name.startswith("nvidia-cudnn-cu")]
        return environment.find(wheels[0]) if len(wheels) == 1 else None
    return environment.find(f"nvidia-cublas-cu{major}", "nvidia-cublas")


def shadows(environment: Environment, machine: Machine) -> Iterator[Shadow]:
    """The libraries of the same name on LD_LIBRARY_PATH, before those of the environment are reached."""
    own = own_libraries(environment)
    for library in own:
        for folder in machine.library_path:
            place = folder / library.path.name
            if not os.path.exists(place):  # noqa: PTH110 - no permission is a no
                continue
            if place.resolve() != library.path.resolve():
                version = version_of(place)
                yield Shadow(library, place, folder, version, _differs(library, place, version))
            break


def version_of(path: Path) -> str:
    """The version in the name of the file behind a library, or of its neighbour of the same size; empty if none."""
    real = path.resolve()
    size = _size(real)
    neighbours = (name for name in _listed(real.parent) if _size(real.parent / name) == size)
    numbered = re.compile(re.escape(path.name.rpartition(".")[0]) + r"\.(\d+(?:\.\d+)+)")
    found = (numbered.fullmatch(name) for name in (real.name, *neighbours))
    return next((match[1] for match in found if match), "")


def _differs(library: Library, place: Path, version: str) -> bool | None:
    if library.version and version:
        mine, other = library.version.split("."), version.split(".")
        length = min(len(mine), len(other))
        return mine[:length] != other[:length]
    return True if _size(place) != _size(library.path) else None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
