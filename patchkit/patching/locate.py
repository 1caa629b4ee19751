"""What is to be patched in a target: installed distributions, or the files of a tree. Never imports the target."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from patchkit.errors import TargetRefused
from patchkit.patching.distinfo import Distribution, distributions, normalised
from patchkit.patching.target import SITE_FOLDERS, Target

SKIPPED_FOLDERS = {"__pycache__", "node_modules", *SITE_FOLDERS}


@dataclass(frozen=True)
class Allowed:
    """What the user waives, each with a flag of its own."""

    drift: bool = False
    editable: bool = False
    system: bool = False
    owners: bool = False
    shadowed: bool = False
    symlinks: bool = False


@dataclass(frozen=True)
class Installed:
    """A distribution of the target, and the root that its import comes from."""

    root: Path
    distribution: Distribution


def find_installed(target: Target, names: tuple[str, ...]) -> list[Installed]:
    """The distributions of these names in the first root that has one: the one that Python would import."""
    for root in target.roots:
        found = distributions(root, names)
        if found:
            return [Installed(root, distribution) for distribution in found]
    return []


def absent_hint(target: Target, names: tuple[str, ...]) -> str:
    """The next step when none of the distributions is installed in the target."""
    for entry in target.interpreter.path if target.interpreter else ():
        if entry.is_file() and _zip_holds(entry, names):
            return f"{entry} holds it inside a zip archive, which cannot be patched: install it unpacked"
    venv = os.environ.get("VIRTUAL_ENV")
    if venv and Path(venv) != Path(sys.prefix) and target.named is None:
        return f"an environment is active elsewhere: --python {venv}/bin/python"
    return "name the environment that has it with --python EXE or --site-packages DIR, or a checkout with --path"


def _zip_holds(archive: Path, names: tuple[str, ...]) -> bool:
    import zipfile

    wanted = {normalised(name) for name in names}
    try:
        with zipfile.ZipFile(archive) as file:
            folders = {entry.split("/", 1)[0] for entry in file.namelist()}
    except (OSError, zipfile.BadZipFile):
        return False
    return any(normalised(folder.partition("-")[0]) in wanted for folder in folders)


def refuse_foreign(root: Path, path: str, allowed: Allowed) -> None:
    """Refuse a file of the system's packages, or one that lies outside the root through a folder link.

    Raises   TargetRefused.
    """
    file = root / path
    if not file.parent.resolve().is_relative_to(root.resolve()):
        raise TargetRefused(
            f"{file} lies outside the root: a folder on the way is a link to {file.parent.resolve()}",
            f"name that place itself with --path {file.parent.resolve()}",
        )
    owner = _dpkg_owner(file)
    if owner and not allowed.system:
        raise TargetRefused(
            f"{file} belongs to the system package '{owner}', which the next upgrade writes anew",
            "install the framework in a virtual environment, or accept this with --allow-system",
        )


def _dpkg_owner(file: Path) -> str | None:
    """The Debian package whose file list names the file, in the nearest root file system above it."""
    for base in file.resolve().parents:
        lists = base / "var/lib/dpkg/info"
        if not lists.is_dir():
            continue
        inside = "/" + file.resolve().relative_to(base).as_posix()
        # By policy no package puts files into /usr/local; environments lie elsewhere than /usr.
        if not inside.startswith("/usr/") or inside.startswith("/usr/local/"):
            return None
        needle = inside.encode()
        for path in lists.glob("*.list"):
            if needle in path.read_bytes().splitlines():
                return path.stem.partition(":")[0]
        return None
    return None


def source_files(tree: Path, pattern: str, anchors: tuple[bytes, ...]) -> Iterator[tuple[str, bytes]]:
    """Path (relative to the tree) and bytes of every file that holds all anchors.

    Folders of environments, caches and hidden folders are passed over; links are never followed to folders.
    """
    from fnmatch import fnmatch

    for folder, folders, files in os.walk(tree):
        if "pyvenv.cfg" in files:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS and not name.startswith("."))
        for name in sorted(files):
            if not fnmatch(name, pattern):
                continue
            path = os.path.join(folder, name)  # noqa: PTH118 - ten thousand times
            try:
                with open(path, "rb") as file:  # noqa: PTH123
                    data = file.read()
            except OSError as error:
                if os.path.islink(path):  # noqa: PTH114 - a link to nowhere is not source
                    continue
                raise TargetRefused(
                    f"{path} cannot be read: {error.strerror}", "run as a user who may read it"
                ) from error
            if all(anchor in data for anchor in anchors):
                yield os.path.relpath(path, tree), data
