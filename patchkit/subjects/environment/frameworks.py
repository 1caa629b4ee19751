"""The builds of torch, torchvision and paddle, from the version files that their wheels hold."""

import ast
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from patchkit.errors import SourceUnreadable
from patchkit.subjects.environment.package import Package, read

TORCH, TORCHVISION = "torch/version.py", "torchvision/version.py"
UNKNOWN = "unknown"
PADDLE = ("paddle/version/__init__.py", "paddle/version.py")  # the file is of paddle 2.2 and older


@dataclass(frozen=True)
class Build:
    """What a framework was built for."""

    package: Package
    version: str  # with its local part, as the version file has it
    cuda: str | None  # release of the CUDA runtime: 12.1; None for a build without CUDA
    other: str | None  # the accelerator of a build for another one: hip, xpu, or unknown
    cudnn: str | None
    commit: str
    debug: bool
    file: Path  # the version file
    line: int  # of it that names the CUDA release

    @property
    def label(self) -> str:
        return f"{self.package.name} {self.version}"

    @property
    def kind(self) -> str:
        """As people say it: CUDA 12.1, ROCm, CPU, unknown."""
        if self.cuda:
            return f"CUDA {self.cuda}"
        return {"hip": "ROCm", "xpu": "XPU", UNKNOWN: UNKNOWN}.get(self.other or "", "CPU")


def torch_build(package: Package) -> Build | None:
    """None if there is no version file: the distribution is editable, or damaged.

    Raises   SourceUnreadable if the file does not say what it is there to say.
    """
    file = package.root / TORCH
    found = _assigned(file, "__version__", "cuda")
    if found is None:
        return None
    return Build(
        package,
        str(found.value("__version__") or package.version),
        found.value("cuda"),
        next((name for name in ("hip", "xpu") if found.value(name)), None),
        None,
        found.value("git_version") or "",
        bool(found.value("debug")),
        file,
        found.line("cuda"),
    )


def torchvision_build(package: Package) -> Build | None:
    """Its `cuda` is told by the local version: torchvision computes it from torch when it is imported.

    Without a local version it may be for whatever there is: conda, builds from source and NVIDIA's images have none.
    """
    file = package.root / TORCHVISION
    found = _assigned(file, "__version__")
    if found is None:
        return None
    version = str(found.value("__version__") or package.version)
    local = version.partition("+")[2]
    numbered = re.fullmatch(r"cu(\d+)(\d)", local)
    cuda = f"{numbered[1]}.{numbered[2]}" if numbered else None
    named = {"cpu": None, "xpu": "xpu"}.get(local, "hip" if local.startswith("rocm") else UNKNOWN)
    other = None if cuda else named
    commit = found.value("git_version") or ""
    return Build(package, version, cuda, other, None, commit, False, file, found.line("__version__"))


def paddle_build(package: Package) -> Build | None:
    places = [package.root / name for name in PADDLE]
    file = next((place for place in places if os.path.isfile(place)), places[0])  # noqa: PTH113 - no permission is a no
    found = _assigned(file, "full_version", "cuda_version")
    if found is None:
        return None
    others = {"hip": "hip_version", "xpu": "xpu_xre_version"}
    return Build(
        package,
        str(found.value("full_version") or package.version),
        found.value("cuda_version"),
        next((name for name, key in others.items() if found.value(key)), None),
        found.value("cudnn_version"),
        found.value("commit") or "",
        False,
        file,
        found.line("cuda_version"),
    )


@dataclass(frozen=True)
class _Constants:
    """What a Python file assigns at its top, with the lines."""

    values: dict[str, tuple[Any, int]]

    def value(self, name: str) -> str | None:
        """As text; None for what a build does not have: version files write False, 'False' and None for it."""
        value = self.values.get(name, (None, 0))[0]
        return None if value in (None, False, "", "False", "None") else str(value)

    def line(self, name: str) -> int:
        return self.values.get(name, (None, 1))[1]


def _assigned(path: Path, *required: str) -> _Constants | None:
    """The constants of a Python file; None if there is no such file.

    Raises   SourceUnreadable if it is no Python, or one that is required is not there.
    """
    data = read(path)
    if data is None:
        return None
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError) as error:
        raise SourceUnreadable(f"{path} is damaged: {error}", "reinstall the package") from error
    found: dict[str, tuple[Any, int]] = {}
    for node in tree.body:
        if isinstance(node, ast.AnnAssign):
            targets: list[ast.expr] = [node.target]
        elif isinstance(node, ast.Assign):
            targets = node.targets
        else:
            continue
        if isinstance(node.value, ast.Constant):
            named = [target.id for target in targets if isinstance(target, ast.Name)]
            found.update(dict.fromkeys(named, (node.value.value, node.lineno)))
    absent = [name for name in required if name not in found]
    if absent:
        raise SourceUnreadable(f"{path} does not say {absent[0]}", "reinstall the package")
    return _Constants(found)
