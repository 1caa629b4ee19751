"""Published releases of a distribution, through pip: their versions, and their wheels in a cache. Never installed."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from patchkit.errors import PatchkitError, UnknownRelease

# Old releases have wheels for old Pythons alone; they are read, not run.
_OLDER = ("3.10", "3.8", "3.6")
_PLATFORMS = ("manylinux1", "manylinux2010", "manylinux2014", "manylinux_2_17", "manylinux_2_28")


def published(name: str) -> list[str]:
    """Every version that the package index has a wheel of, newest first.

    Raises   UnknownRelease if there is none, or the index cannot be reached.
    """
    from packaging.version import Version

    found: set[str] = set()
    said = ""
    for options in _pythons():
        done = _pip("index", "versions", name, *options)
        said = said or done.stderr
        line = next((line for line in done.stdout.splitlines() if line.startswith("Available versions:")), "")
        found |= {version.strip() for version in line.partition(":")[2].split(",") if version.strip()}
    if not found:
        raise UnknownRelease(f"pip finds no release of {name}: {_last_line(said)}", _HINT)
    return sorted(found, key=Version, reverse=True)


@contextmanager
def opened_wheel(name: str, version: str) -> Iterator[zipfile.ZipFile]:
    """The wheel of a release, downloaded without what it requires unless it is in the cache.

    Raises   UnknownRelease if pip does not give it.
    """
    path = _wheel(name, version)
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except zipfile.BadZipFile as error:
        raise UnknownRelease(f"{path} is no wheel: {error}", f"delete {path}") from error


def _wheel(name: str, version: str) -> Path:
    folder = _cache() / "wheels" / version
    said = ""
    for options in [None, *_pythons()]:
        if options is not None:
            done = _pip("download", "--quiet", "--no-deps", *options, "--dest", str(folder), f"{name}=={version}")
            said = said or done.stderr
        found = sorted(folder.glob(f"{name.replace('-', '_')}-*.whl"))
        if found:
            return found[-1]
    raise UnknownRelease(f"pip does not give {name} {version}: {_last_line(said)}", _HINT)


def _pythons() -> list[list[str]]:
    """Options of pip for this Python, and for the older ones."""
    platforms = [word for platform in _PLATFORMS for word in ("--platform", f"{platform}_x86_64")]
    older = [["--python-version", python, "--implementation", "cp", *platforms] for python in _OLDER]
    return [["--only-binary=:all:"], *(["--only-binary=:all:", *options] for options in older)]


_HINT = "'python -m pip index versions NAME' shows what the package index has"


def _pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "No module named pip" in done.stderr:
        raise PatchkitError(f"{sys.executable} has no pip", "install it there: python -m ensurepip")
    return done


def _last_line(text: str) -> str:
    return next(reversed(text.strip().splitlines()), "no reason given")


def _cache() -> Path:
    named = os.environ.get("PATCHKIT_CACHE")
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "patchkit"
