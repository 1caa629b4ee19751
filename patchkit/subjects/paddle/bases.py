"""What a configuration of PaddleDetection inherits.

Merging follows ppdet/core/workspace.py, the same in release/2.6 and develop: bases are merged in the order in which
they are named, each one's own bases before it, and the file itself comes last. A mapping is merged key by key. All
else replaces what was there: a list, a scalar, `~`, and anything with a `!Tag`, which is an object by then.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain as one_after_another
from pathlib import Path

from patchkit.errors import SourceUnreadable
from patchkit.findings import Span
from patchkit.subjects.paddle.values import Entries, Keys, is_mapping
from patchkit.subjects.yaml_file import YamlFile, read_yaml

BASE = "_BASE_"
CONFIGS = "configs"
MARKS = (".git", "ppdet", CONFIGS)  # one of them is in the folder of a tree
DEEPEST = 20  # bases of bases
MOST_FILES = 500  # read for one configuration; a file counts as often as it is named


@dataclass(frozen=True)
class Base:
    path: Path
    span: Span  # where it is named
    chain: Keys  # the files that lead to it, with links resolved


class Bases:
    """Reads the bases of one configuration."""

    def __init__(self, leaf: YamlFile) -> None:
        self.tree = tree_of(leaf.path)
        self.order: list[Path] = []
        self._leaf = leaf
        self._files: dict[str, YamlFile] = {}

    def merged(self, base: Base, below: Entries) -> Entries:
        """`below` under the bases of a base and the base itself."""
        file = self._read(base)
        for further in self.named_by(file, base.chain):
            below = self.merged(further, below)
        self.order.append(file.path)
        return merged_over(below, own_entries(file))

    def named_by(self, file: YamlFile, chain: Keys) -> Iterator[Base]:
        entry = file.entries.get(BASE)
        if entry is None:
            return
        items = entry.node.value if isinstance(entry.node.value, list) else [entry.node]
        chain = (*chain, os.path.realpath(file.path))
        for item in items:
            place = f"{item.span.path}:{item.span.line}"
            if not isinstance(item.value, str) or not item.value:
                raise SourceUnreadable(f"{place}: {BASE} is no list of files", "write `_BASE_: ['base.yml']`")
            base = Base(self._path(file.path, item.value, place), item.span, chain)
            if os.path.realpath(base.path) in chain:
                raise SourceUnreadable(f"{place}: {BASE} leads back to {base.path}", "take the file out of the cycle")
            if len(chain) > DEEPEST:
                raise SourceUnreadable(f"{place}: more than {DEEPEST} files inherit from each other", "merge some")
            yield base

    def _path(self, file: Path, name: str, place: str) -> Path:
        joined = Path(os.path.join(file.parent, os.path.expanduser(name)))  # noqa: PTH111, PTH118 as upstream
        if "\0" in name:
            raise SourceUnreadable(f"{place}: {BASE} names no file: {name!r}", "mend the name")
        shown = Path(os.path.normpath(joined))
        real = Path(os.path.realpath(joined))
        is_inside = Path(os.path.abspath(shown)).is_relative_to(self.tree)  # noqa: PTH100 links are looked at below
        if not is_inside or not real.is_relative_to(os.path.realpath(self.tree)):
            raise SourceUnreadable(
                f"{place}: {BASE} names {name}, which is outside of {self.tree}",
                "put the file into the checkout that holds its bases, or copy them to a place below that folder",
            )
        if not real.is_file():
            what = "is no file" if real.exists() else "does not exist"
            raise SourceUnreadable(
                f"{place}: {BASE} names {name}, but {shown} {what}", "mend the name, or copy the file to that place"
            )
        return shown if Path(os.path.realpath(shown)) == real else joined

    def _read(self, base: Base) -> YamlFile:
        if len(self.order) >= MOST_FILES:
            raise SourceUnreadable(
                f"{self._leaf.path}: more than {MOST_FILES} bases are named", "name each base once, where it is needed"
            )
        key = str(base.path)
        if key not in self._files:
            self._files[key] = read_yaml(base.path)
        return self._files[key]


def tree_of(leaf: Path) -> Path:
    """The folder that the bases of a file must be in.

    It holds the nearest `configs` above the file, one of a checkout of PaddleDetection if there is any; else it is the
    nearest one above the file with `.git`, `ppdet` or `configs` in it, else the folder of the file.
    """
    folder = Path(os.path.abspath(leaf)).parent  # noqa: PTH100 `..` goes, links stay
    above = [folder, *folder.parents]
    holders = [place.parent for place in above if place.name == CONFIGS]
    checkouts = [place for place in holders if (place / "ppdet").is_dir() or (place / "tools/train.py").is_file()]
    marked = (place for place in above if any((place / mark).exists() for mark in MARKS))
    return next(one_after_another(checkouts, holders, marked), folder)


def own_entries(file: YamlFile) -> Entries:
    return {key: entry for key, entry in file.entries.items() if key != BASE}


def merged_over(below: Entries, above: Entries) -> Entries:
    """One mapping over another; mappings in both are merged, all else is replaced."""
    merged = dict(below)
    for key, entry in above.items():
        under = below.get(key)
        if under is not None and is_mapping(under.node) and is_mapping(entry.node):
            value = merged_over(under.node.value, entry.node.value)
            entry = replace(entry, node=replace(entry.node, value=value))  # noqa: PLW2901
        merged[key] = entry
    return merged
