"""What conda says of an environment: the packages that it installed there, by their names in conda."""

import json
import os
from pathlib import Path

from patchkit.errors import SourceUnreadable
from patchkit.subjects.environment.package import read

# Names that differ: of the distribution as pip lists it, and of the package in conda.
NAMES = {
    "torch": ("pytorch", "pytorch-cpu", "pytorch-gpu", "libtorch"),
    "opencv-python": ("opencv", "py-opencv"),
    "opencv-python-headless": ("opencv", "py-opencv"),
}


def conda_packages(prefix: Path) -> dict[str, Path]:
    """The record of each package, from conda-meta/NAME-VERSION-BUILD.json; none outside of conda."""
    try:
        names = sorted(os.listdir(prefix / "conda-meta"))  # noqa: PTH208
    except OSError:
        return {}
    split = (name.removesuffix(".json").rsplit("-", 2) for name in names if name.endswith(".json"))
    return {parts[0]: prefix / "conda-meta" / f"{'-'.join(parts)}.json" for parts in split if len(parts) == 3}


def channel(record: Path) -> str:
    """The channel that a package came from: conda-forge, pytorch; empty if its record does not say."""
    try:
        told = json.loads(read(record) or b"{}").get("channel", "")
    except (SourceUnreadable, ValueError, AttributeError):
        return ""
    parts = [part for part in str(told).split("/") if part]
    platforms = ("linux-", "noarch", "osx-", "win-")
    return parts[-2] if len(parts) > 1 and parts[-1].startswith(platforms) else parts[-1] if parts else ""
