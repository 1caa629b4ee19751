"""An environment as its files describe it: what is installed, in which builds, and which patches it has."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from patchkit.patching.distinfo import normalised
from patchkit.patching.target import Target
from patchkit.subjects.environment.commands import Commands
from patchkit.subjects.environment.conda import NAMES, channel, conda_packages
from patchkit.subjects.environment.frameworks import Build, paddle_build, torch_build, torchvision_build
from patchkit.subjects.environment.package import Package, packages_in

if TYPE_CHECKING:
    from patchkit.patching.state import PatchState
    from patchkit.subjects.environment.edits import Edits
    from patchkit.subjects.environment.rooms import Concern

ENVIRONMENT = "environment"  # the kind of subject
ULTRALYTICS = ("ultralytics", "ultralytics-opencv-headless", "dgenerate-ultralytics-headless")
PADDLES = ("paddlepaddle-gpu", "paddlepaddle")


@dataclass(frozen=True)
class Environment:
    """The packages that one Python would import."""

    target: Target
    executable: Path | None  # its Python; None where nothing says which one it is
    is_own: bool  # patchkit runs in it

    @property
    def kind(self) -> str:
        return ENVIRONMENT

    @property
    def roots(self) -> tuple[Path, ...]:
        return self.target.roots

    @cached_property
    def prefix(self) -> Path:
        """The folder that lib/pythonX.Y/site-packages lies in."""
        if self.is_own:
            return Path(sys.prefix)
        for root in self.roots:
            if root.parent.name.startswith("python") and root.parent.parent.name in ("lib", "lib64"):
                return root.parents[2]
        return self.roots[0] if self.roots else Path()

    @cached_property
    def python_version(self) -> str | None:
        """X.Y of its Python, by the layout of its folders; None if they do not say."""
        if self.is_own:
            return f"{sys.version_info[0]}.{sys.version_info[1]}"
        found = (re.search(r"/lib(?:64)?/python(\d+\.\d+)(?:/|$)", str(root)) for root in self.roots)
        return next((match[1] for match in found if match), None)

    @cached_property
    def packages(self) -> tuple[Package, ...]:
        """Every distribution of every root, in the order of the import path.

        Raises   SourceUnreadable if a root cannot be listed.
        """
        return tuple(package for root in self.roots for package in packages_in(root))

    @cached_property
    def _by_name(self) -> dict[str, list[Package]]:
        found: dict[str, list[Package]] = {}
        for package in self.packages:
            known = found.setdefault(package.name, [])
            if not known or known[0].root == package.root:
                known.append(package)
        return found

    def all(self, name: str) -> list[Package]:
        """The distributions of a name in the first root that has one: two are what a broken upgrade leaves."""
        return self._by_name.get(normalised(name), [])

    def find(self, *names: str) -> Package | None:
        """The first of these that is installed."""
        return next((found[0] for name in names if (found := self.all(name))), None)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._by_name)

    @cached_property
    def torch(self) -> Build | None:
        """Raises   SourceUnreadable if its version file is damaged."""
        package = self.find("torch")
        return torch_build(package) if package else None

    @cached_property
    def torchvision(self) -> Build | None:
        package = self.find("torchvision")
        return torchvision_build(package) if package else None

    @cached_property
    def paddle(self) -> Build | None:
        package = self.find(*PADDLES)
        return paddle_build(package) if package else None

    @property
    def frameworks(self) -> Iterator[Build]:
        """The builds of torch and paddle that are there."""
        for build in (self.torch, self.paddle):
            if build is not None:
                yield build

    @cached_property
    def patches(self) -> "list[PatchState]":
        """The receipts of its roots, held against their files.

        Raises   StateCorrupt, TargetRefused as `status` does.
        """
        from patchkit.patching.settle import refuse_unfinished
        from patchkit.patching.state import patch_states

        for root in self.roots:
            refuse_unfinished(root, self.target.arguments)
        return patch_states(self.target)

    @cached_property
    def concerns(self) -> "list[Concern]":
        """The patches of all packs that are for one of its distributions."""
        from patchkit.patching.packs import places
        from patchkit.subjects.environment.rooms import concerns_of

        return concerns_of(self, places())

    @cached_property
    def edits(self) -> "dict[Path, Edits]":
        """What was edited in place in the distributions that patches are for, by their metadata folders."""
        from patchkit.subjects.environment.edits import edits_of

        return edits_of(self)

    @cached_property
    def _conda(self) -> dict[str, Path]:
        return conda_packages(self.prefix)

    def is_of_conda(self, package: Package) -> bool:
        """True if conda installed it: its INSTALLER says so, or there is none and conda lists the package."""
        if package.installer or not self._conda:
            return package.installer == "conda"
        return not self._conda.keys().isdisjoint((package.name, *NAMES.get(package.name, ())))

    def conda_channel(self, name: str) -> str:
        """The channel that a package of conda came from; empty if that is not known."""
        return channel(self._conda[name]) if name in self._conda else ""

    @cached_property
    def commands(self) -> Commands:
        """How commands for this environment are typed."""
        installers = {package.installer for name in ("pip", *ULTRALYTICS, "torch") for package in self.all(name)}
        has_pip = bool(self.all("pip"))
        return Commands(
            executable=str(self.executable) if self.executable else "",
            has_pip=has_pip,
            pip_is_on_path=self.is_own and _is_on_path(self.executable),
            is_of_uv=not has_pip and ("uv" in installers or (not installers and self._first_installer == "uv")),
            folder=str(self.roots[0]) if self.roots else "",
            arguments=self.target.arguments,
            of_conda=frozenset(package.name for package in self.packages if self.is_of_conda(package))
            if self._conda
            else frozenset(),
            prefix=str(self.prefix) if self._conda else "",
        )

    @property
    def _first_installer(self) -> str:
        return next((package.installer for package in self.packages if package.installer), "")


def _is_on_path(executable: Path | None) -> bool:
    """True if the `pip` that a shell finds lies beside this Python: an environment need not be activated to be used."""
    import shutil

    found = shutil.which("pip")
    return executable is not None and found is not None and Path(found).parent == executable.parent
