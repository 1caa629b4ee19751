"""Folders of a data set, in order, with what cannot be read in them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from patchkit.subjects.dataset.dataset import Unreadable


@dataclass(frozen=True)
class Folder:
    """One folder with the names of its files, in order."""

    path: str
    names: list[str] = field(default_factory=list)


def walk(root: str, unreadable: list[Unreadable]) -> Iterator[Folder]:
    """A folder and all below it. Links are followed, but never into a folder that was walked already."""
    seen: set[tuple[int, int]] = set()
    waiting = [root]
    while waiting:
        path = waiting.pop()
        names, folders = [], []
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    if not _is_folder(entry):
                        names.append(entry.name)
                    elif not entry.is_symlink() or _is_new(entry, seen, unreadable):
                        folders.append(entry.name)
        except OSError as error:
            unreadable.append(Unreadable(path, error.strerror or str(error)))
            continue
        names.sort()
        folders.sort(reverse=True)
        yield Folder(path, names)
        waiting += [f"{path}/{name}" for name in folders]


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _is_new(entry: "os.DirEntry[str]", seen: set[tuple[int, int]], unreadable: list[Unreadable]) -> bool:
    """False for a link that leads to a folder above it, or to one that another link led to."""
    real = os.path.realpath(entry.path)
    status = entry.stat()
    key = (status.st_dev, status.st_ino)
    if f"{os.path.realpath(os.path.dirname(entry.path))}/".startswith(f"{real}/"):
        unreadable.append(Unreadable(entry.path, f"a link that leads back to {real}"))
        return False
    is_new = key not in seen
    seen.add(key)
    return is_new
