"""Where a command works: an environment, a site-packages folder, a source tree or one file.

Read by every command, hence nothing heavy here: the interpreter is looked for only when it is needed.
"""

import os
import shlex
import sys
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from patchkit.errors import TargetRefused
from patchkit.patching.editable import editable_source
from patchkit.patching.executable import find_executable
from patchkit.patching.state_folder import JOURNAL, LEDGER, STATE

if TYPE_CHECKING:
    from patchkit.patching.interpreter import Interpreter

SITE_FOLDERS = ("site-packages", "dist-packages")


@dataclass(frozen=True)
class Target:
    """One TARGET of the command line."""

    kind: str  # environment, tree or file
    roots: tuple[Path, ...]  # import path of an environment; the tree; the folder of the file
    label: str
    within: str = ""  # of a tree: the folder or file below the root that is meant; empty: all of it
    arguments: str = ""  # as typed, for the commands that hints name: " --python .venv"
    named: "Interpreter | None" = None  # the one given with --python
    is_folder: bool = False  # given with --site-packages: its interpreter is to be found

    def holds(self, path: str) -> bool:
        """True if a file, relative to the root, is meant by this target."""
        return not self.within or path == self.within or path.startswith(f"{self.within}/")

    @property
    def start_folders(self) -> tuple[Path, ...]:
        """The working directory, which Python puts first on its import path, unless it was told not to."""
        try:
            return () if os.environ.get("PYTHONSAFEPATH") else (Path.cwd(),)
        except FileNotFoundError:
            return ()

    @cached_property
    def interpreter(self) -> "Interpreter | None":
        """The Python that runs this code; None for a tree: nothing says which one does."""
        from patchkit.patching.interpreter import interpreter_of, own_interpreter

        if self.kind != "environment":
            return None
        return self.named or (self.is_folder and interpreter_of(self.roots[0])) or own_interpreter()

    @cached_property
    def is_on_path(self) -> bool:
        """False for a folder that its interpreter does not search by itself: pip install --target, say."""
        interpreter = self.interpreter
        return interpreter is not None and self.roots[0] in {entry.resolve() for entry in interpreter.path}


def find_target(
    python: str | None = None, site_packages: Path | None = None, path: Path | None = None, *, fast: bool = False
) -> Target:
    """The target that the command line names; by default the environment patchkit runs in.

    `fast` starts no process for the Python of a virtual environment: its layout says where packages lie.

    Raises   TargetRefused if it does not exist, or more than one is named.
    """
    if sum(option is not None for option in (python, site_packages, path)) > 1:
        raise TargetRefused("--python, --site-packages and --path exclude each other", "give one of them")
    try:
        if site_packages is not None:
            target = _site_packages(site_packages)
        elif path is not None:
            target = _path(path)
        elif python is not None:
            target = (fast and _virtual_environment(find_executable(python))) or _environment_of(python)
        else:
            return _own_environment()
    except OSError as error:
        raise TargetRefused(
            f"{error.filename}: the target cannot be read: {error.strerror}", "run as a user who may read it"
        ) from error
    options = {"--python": python, "--site-packages": site_packages, "--path": path}
    typed = next(f" {option} {shlex.quote(str(value))}" for option, value in options.items() if value is not None)
    return replace(target, arguments=typed)


def _own_environment() -> Target:
    stdlib = os.path.dirname(os.__file__)  # noqa: PTH120
    entries = [entry for entry in sys.path if entry and entry not in (stdlib, f"{stdlib}/lib-dynload")]
    return Target("environment", _roots([Path(entry) for entry in entries]), f"the environment of {sys.executable}")


def _environment_of(python: str) -> Target:
    from patchkit.patching.interpreter import find_interpreter

    interpreter = find_interpreter(python)
    label = f"the environment of {interpreter.executable}"
    return Target("environment", _roots(list(interpreter.path)), label, named=interpreter)


def _virtual_environment(executable: Path) -> Target | None:
    """The environment that a Python lies in, by its layout; None if it is not a closed virtual one."""
    prefix = executable.parent.parent
    try:
        settings = (prefix / "pyvenv.cfg").read_text(encoding="utf-8", errors="replace").lower().replace(" ", "")
    except OSError:
        return None
    site_packages = sorted(prefix.glob("lib/python*/site-packages"))
    if "include-system-site-packages=true" in settings or len(site_packages) != 1:
        return None
    first = [Path(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    roots = _roots([*first, site_packages[0], *_pth_entries(site_packages[0])])
    return Target("environment", roots, f"the environment of {executable}")


def _pth_entries(folder: Path) -> list[Path]:
    """The folders that the .pth files of a site-packages folder add to the import path."""
    lines = [line for file in sorted(folder.glob("*.pth")) for line in file.read_bytes().splitlines()]
    named = [line.decode("utf-8", errors="replace").strip() for line in lines]
    return [folder / name for name in named if name and not name.startswith(("#", "import ", "import\t"))]


def _roots(entries: list[Path]) -> tuple[Path, ...]:
    """The folders among import path entries; the working directory is one only if packages are installed there.

    Source trees of editable installs follow, where patchkit has patched one.
    """
    try:
        here: Path | None = Path.cwd()
    except FileNotFoundError:
        here = None
    folders = [entry if here is None else entry.absolute() for entry in entries if os.path.isdir(entry)]  # noqa: PTH112
    kept = [entry.resolve() for entry in folders if entry != here or entry.name in SITE_FOLDERS]
    return tuple(dict.fromkeys([*kept, *(tree for root in kept for tree in _patched_editables(root))]))


def _patched_editables(root: Path) -> list[Path]:
    trees = []
    for origin in root.glob("*.dist-info/direct_url.json"):
        tree = editable_source(origin.parent)
        if tree is not None and (tree / STATE).is_dir():
            trees.append(tree.resolve())
    return trees


def _site_packages(folder: Path) -> Target:
    if not folder.is_dir():
        raise TargetRefused(
            f"--site-packages {folder}: no such folder",
            "'python -m site' of the environment prints the folders that it has",
        )
    root = folder.resolve()
    return Target("environment", (root,), str(root), is_folder=True)


def _path(path: Path) -> Target:
    if not path.exists():
        raise TargetRefused(f"--path {path}: no such file or folder", "name a source tree or one of its files")
    resolved = path.resolve()
    for folder in (resolved, *resolved.parents):
        if _holds_packages(folder):
            raise TargetRefused(
                f"--path {path} lies in {folder}, where packages are installed",
                f"patchkit keeps their RECORD right with --site-packages {folder}",
            )
    kind, folder = ("tree", resolved) if resolved.is_dir() else ("file", resolved.parent)
    # One ledger for a tree: what was patched from its top is found from a file or a folder in it.
    root = next((place for place in (folder, *folder.parents) if _keeps_state(place)), folder)
    if root != folder and (root / STATE).stat().st_uid not in (os.geteuid(), 0, folder.stat().st_uid):
        raise TargetRefused(
            f"{root / STATE} above {path} belongs to another user, and is not trusted",
            "work as its owner, or remove it if it is not wanted",
        )
    within = "" if resolved == root else resolved.relative_to(root).as_posix()
    return Target(kind, (root,), str(resolved), within=within)


def _keeps_state(folder: Path) -> bool:
    """True if patches are applied from this folder down, or a command was killed there."""
    return os.path.exists(folder / LEDGER) or os.path.isdir(folder / JOURNAL)  # noqa: PTH110, PTH112 - no permission is a no


def _holds_packages(folder: Path) -> bool:
    try:
        return any(entry.name.endswith(".dist-info") for entry in folder.iterdir())
    except OSError:  # a file, or a folder that may be entered but not listed
        return False
