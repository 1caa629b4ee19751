"""Where a patch goes: an environment, a site-packages folder, a source tree or one file. Never imports the target."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from patchkit.errors import TargetRefused
from patchkit.patching.distinfo import Distribution, distributions, normalised
from patchkit.patching.interpreter import Interpreter, find_interpreter, interpreter_of, own_interpreter

SITE_FOLDERS = ("site-packages", "dist-packages")
SKIPPED_FOLDERS = {"__pycache__", "node_modules", *SITE_FOLDERS}


@dataclass(frozen=True)
class Target:
    """One TARGET of the command line."""

    kind: str  # environment, tree or file
    roots: tuple[Path, ...]  # import path of an environment; the tree; the folder of the file
    interpreter: Interpreter | None  # None: nothing says which Python runs this code
    file: Path | None = None  # the single file of a file target
    on_path: bool = True  # False: a --site-packages folder that its interpreter does not search by itself

    @property
    def label(self) -> str:
        if self.kind == "file":
            return str(self.file)
        if self.kind == "environment" and self.interpreter and self.on_path:
            return f"the environment of {self.interpreter.executable}"
        return str(self.roots[0])


@dataclass(frozen=True)
class Allowed:
    """What the user waives, each with a flag of its own."""

    drift: bool = False
    editable: bool = False
    system: bool = False
    owners: bool = False
    shadowed: bool = False
    symlinks: bool = False


def find_target(python: str | None = None, site_packages: Path | None = None, path: Path | None = None) -> Target:
    """The target that the command line names; by default the environment patchkit runs in.

    Raises   TargetRefused if it does not exist, or more than one is named.
    """
    if sum(option is not None for option in (python, site_packages, path)) > 1:
        raise TargetRefused("--python, --site-packages and --path exclude each other", "give one of them")
    if site_packages is not None:
        return _site_packages(site_packages)
    if path is not None:
        return _path(path)
    return _environment(find_interpreter(python) if python else own_interpreter())


def _environment(interpreter: Interpreter) -> Target:
    here = Path.cwd()
    roots = [
        entry.resolve()
        for entry in interpreter.path
        if entry.is_dir() and (entry != here or entry.name in SITE_FOLDERS)
    ]
    return Target("environment", tuple(dict.fromkeys(roots)), interpreter)


def _site_packages(folder: Path) -> Target:
    if not folder.is_dir():
        raise TargetRefused(
            f"--site-packages {folder}: no such folder",
            "'python -m site' of the environment prints the folders that it has",
        )
    root = folder.resolve()
    own = interpreter_of(root)
    if own is not None:
        return Target("environment", (root,), own)
    return Target("environment", (root,), own_interpreter(), on_path=False)


def _path(path: Path) -> Target:
    if not path.exists():
        raise TargetRefused(f"--path {path}: no such file or folder", "name a source tree or one of its files")
    resolved = path.resolve()
    for folder in (resolved, *resolved.parents):
        if folder.is_dir() and any(entry.name.endswith(".dist-info") for entry in folder.iterdir()):
            raise TargetRefused(
                f"--path {path} lies in {folder}, where packages are installed",
                f"patchkit keeps their RECORD right with --site-packages {folder}",
            )
    if resolved.is_dir():
        return Target("tree", (resolved,), None)
    return Target("file", (resolved.parent,), None, file=resolved)


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
    if target.interpreter and venv and not Path(target.interpreter.executable).is_relative_to(venv):
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
                raise TargetRefused(f"{path} cannot be read: {error.strerror}", "run as a user who may read it") from error
            if all(anchor in data for anchor in anchors):
                yield os.path.relpath(path, tree), data
