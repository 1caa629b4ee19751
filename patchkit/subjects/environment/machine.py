"""The machine that an environment runs on: driver, CUDA toolkit, library path and caches, as files and variables say.

No program is run: `nvidia-smi` and `ldconfig` take longer than everything else together, and hang with a sick driver.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from patchkit.errors import SourceUnreadable
from patchkit.subjects.environment.package import read

DRIVER = "proc/driver/nvidia/version"
DRIVER_MODULE = "sys/module/nvidia/version"
DRIVER_OF_WINDOWS = "usr/lib/wsl/lib/libcuda.so.1"
TOOLKIT = "usr/local/cuda"


@dataclass(frozen=True)
class Driver:
    """The kernel module of NVIDIA that is loaded."""

    version: str  # 535.104.05
    source: str  # the file that says so


@dataclass(frozen=True)
class Machine:
    """A file system and the variables of a process in it."""

    root: Path
    environ: Mapping[str, str]

    @cached_property
    def driver(self) -> Driver | None:
        """The driver; None if none is loaded, or its files do not say which."""
        text = _text(self.root / DRIVER) or ""
        found = re.search(r"Kernel Module(?:\s+for\s+\S+)?\s+(\d+(?:\.\d+)+)", text)
        if found:
            return Driver(found[1], str(self.root / DRIVER))
        text = (_text(self.root / DRIVER_MODULE) or "").strip()
        return Driver(text, str(self.root / DRIVER_MODULE)) if re.fullmatch(r"\d+(\.\d+)+", text) else None

    @property
    def driver_told(self) -> str:
        """The driver in words."""
        if self.driver:
            return self.driver.version
        if _text(self.root / DRIVER) is None:
            return f"{self.root / DRIVER} cannot be read"
        is_there = os.path.lexists(self.root / DRIVER_OF_WINDOWS)
        return "that of Windows, its release is not known here" if is_there else "none is loaded"

    @cached_property
    def toolkit(self) -> str | None:
        """Version of the CUDA toolkit in /usr/local/cuda; empty if it does not say; None if it is not there."""
        folder = self.root / TOOLKIT
        if not os.path.isdir(folder):  # noqa: PTH112 - no permission is a no
            return None
        try:
            data = json.loads(_text(folder / "version.json") or "{}")
            return str(data.get("cuda", {}).get("version", ""))
        except (ValueError, AttributeError):
            return ""

    @cached_property
    def library_path(self) -> tuple[Path, ...]:
        """The folders of LD_LIBRARY_PATH in their order. An empty entry is the working directory."""
        value = self.environ.get("LD_LIBRARY_PATH", "")
        entries = re.split("[:;]", value) if value else []
        return tuple(Path(entry or ".") for entry in entries)

    @cached_property
    def forward_compatibility(self) -> Path | None:
        """The library of a newer driver that comes with a toolkit or an image, where there is one."""
        places = [*self.library_path, self.root / TOOLKIT / "compat"]
        return next((place / "libcuda.so.1" for place in places if os.path.lexists(place / "libcuda.so.1")), None)

    @property
    def home(self) -> Path | None:
        home = self.environ.get("HOME", "")
        return Path(home) if home else None

    @property
    def uv_cache(self) -> Path | None:
        """The cache of uv.

        Source   https://docs.astral.sh/uv/concepts/cache/#cache-directory.
        """
        if place := self.environ.get("UV_CACHE_DIR"):
            return Path(place)
        if place := self.environ.get("XDG_CACHE_HOME"):
            return Path(place) / "uv"
        return self.home / ".cache/uv" if self.home else None

    def conda_caches(self, prefix: Path) -> list[Path]:
        """The folders in which conda keeps unpacked packages, for an environment at this prefix.

        Source   conda docs, user-guide/configuration: CONDA_PKGS_DIRS, PREFIX/pkgs, ~/.conda/pkgs.
        """
        named = [Path(place) for place in self.environ.get("CONDA_PKGS_DIRS", "").replace(",", ":").split(":") if place]
        above = [prefix.parent.parent / "pkgs"] if prefix.parent.name == "envs" else []
        places = [*named, prefix / "pkgs", *above, *([self.home / ".conda/pkgs"] if self.home else [])]
        return [place for place in dict.fromkeys(places) if os.path.isdir(place)]  # noqa: PTH112


def _text(path: Path) -> str | None:
    """The text of a file, empty if there is none; None if it may not be read."""
    try:
        return (read(path) or b"").decode("utf-8", errors="replace")
    except SourceUnreadable:
        return None
