"""All virtual environments below a folder, each a target of its own."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from patchkit.errors import TargetRefused
from patchkit.patching.target import Target, find_target

MARK = "pyvenv.cfg"
PASSED_OVER = {".git", "__pycache__", "node_modules"}


def find_environments(folder: Path, *, fast: bool = False) -> list[Target]:
    """A target for each virtual environment below the folder, by path. Only what lies in an environment belongs to it.

    Links are not followed, and environments inside another one are not looked for.

    Raises   TargetRefused if there is none, a folder cannot be read, or an environment is broken.
    """
    if not folder.is_dir():
        raise TargetRefused(f"--all-envs {folder}: no such folder", "name a folder with virtual environments below it")
    found = [_environment(place, fast=fast) for place in _places(folder)]
    if not found:
        raise TargetRefused(
            f"--all-envs {folder}: there is no virtual environment below it (no {MARK})",
            "name a folder with virtual environments below it, or one environment with --python",
        )
    return found


def _places(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder.resolve(), onerror=_refuse_unreadable):
        folders[:] = sorted(name for name in folders if name not in PASSED_OVER)
        if MARK in files:
            folders.clear()
            yield Path(place)


def _environment(folder: Path, *, fast: bool) -> Target:
    if not (folder / "bin/python").exists():
        raise TargetRefused(
            f"{folder} is a virtual environment without a Python: bin/python is missing or leads nowhere",
            f"make it anew: python3 -m venv --clear {folder}; or remove it",
        )
    target = find_target(str(folder), fast=fast)
    # The packages of the system that an environment may see belong to all of them, and to none.
    own = tuple(root for root in target.roots if root.is_relative_to(folder))
    if not own:
        raise TargetRefused(
            f"{folder} is a virtual environment without a site-packages folder of its own",
            f"make it anew: python3 -m venv --clear {folder}; or remove it",
        )
    return replace(target, roots=own, label=str(folder))


def _refuse_unreadable(error: OSError) -> NoReturn:
    raise TargetRefused(
        f"{error.filename} cannot be read: {error.strerror}", "run as a user who may read it"
    ) from error
