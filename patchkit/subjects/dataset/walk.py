"""Folders of a data set, in order, with what cannot be read in them."""

import os
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field

from patchkit.subjects.dataset.dataset import Unreadable

LOOP, FOLDER = "loop", "folder"  # variants of what cannot be read
NOWHERE = "a link that leads nowhere"


@dataclass(frozen=True)
class Folder:
    """One folder with the names of its files, in order."""

    path: str
    names: list[str] = field(default_factory=list)
    dead: dict[str, str] = field(default_factory=dict)  # those of links that lead nowhere, and why
    is_linked: bool = False  # by a link, or below one


def walk(root: str, unreadable: list[Unreadable]) -> Iterator[Folder]:
    """A folder and all below it. Names that begin with a dot are passed over, as glob does it for the trainers.

    Links are followed, but never into a folder that was walked already.
    """
    seen: set[tuple[int, int]] = set()
    waiting = [(root, False)]
    while waiting:
        path, is_linked = waiting.pop()
        names, folders = [], []
        dead: dict[str, str] = {}
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    name = entry.name
                    if entry.is_symlink():
                        if name[0] == ".":
                            continue
                        if _is_folder(entry):
                            if _is_new(entry, seen, unreadable):
                                folders.append((name, True))
                            continue
                        if reason := _why_dead(entry):
                            dead[name] = reason
                            if "." not in name:  # a folder, or what nobody asks for
                                unreadable.append(Unreadable(entry.path, reason, variant=FOLDER))
                    elif entry.is_dir():
                        if name[0] != ".":
                            folders.append((name, is_linked))
                        continue
                    names.append(name)
        except OSError as error:
            unreadable.append(Unreadable(path, error.strerror or str(error), variant=FOLDER))
            continue
        names.sort()
        del names[bisect_left(names, ".") : bisect_left(names, "/")]  # those with a dot: the slash comes next
        folders.sort(reverse=True)
        yield Folder(path, names, dead, is_linked)
        waiting += [(f"{path}/{name}", is_below_link) for name, is_below_link in folders]


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself, or to where nothing may be looked at
        return False


def _why_dead(link: "os.DirEntry[str]") -> str:
    try:
        link.stat()
    except FileNotFoundError:
        return NOWHERE
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _is_new(entry: "os.DirEntry[str]", seen: set[tuple[int, int]], unreadable: list[Unreadable]) -> bool:
    """False for a link that leads to a folder above it, or to one that another link led to."""
    real = os.path.realpath(entry.path)
    status = entry.stat()
    key = (status.st_dev, status.st_ino)
    if f"{os.path.realpath(os.path.dirname(entry.path))}/".startswith(f"{real}/"):
        unreadable.append(Unreadable(entry.path, f"a link that leads back to {real}", variant=LOOP))
        return False
    is_new = key not in seen
    seen.add(key)
    return is_new
