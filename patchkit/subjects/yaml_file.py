"""A YAML file as a tree of values that know where they stand. Nothing in it is executed; tags are kept as words."""

import codecs
import math
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from patchkit.errors import SourceUnreadable
from patchkit.findings import Span

LIMIT = 1 << 20  # bytes: a configuration is never larger
NODES = 50_000  # visited while a file is read: aliases that repeat each other are refused
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONSTRUCTOR = yaml.SafeLoader("")


@dataclass(frozen=True)
class Node:
    """One value of a file, with its offsets in the text."""

    value: Any  # what YAML makes of it: a scalar, a list of nodes or a dict of entries
    text: str  # as it is written
    span: Span
    start: int
    end: int
    tag: str = ""  # an explicit `!Name`
    plain: bool = True  # a scalar without quotes
    duplicates: "tuple[Entry, ...]" = ()  # of a mapping: keys that stand again later

    @property
    def data(self) -> Any:
        """The value without places."""
        if isinstance(self.value, dict):
            return {key: entry.node.data for key, entry in self.value.items()}
        if isinstance(self.value, list):
            return [item.data for item in self.value]
        return self.value


@dataclass(frozen=True)
class Entry:
    """One key of a mapping with its value."""

    key: str
    span: Span  # of the key
    start: int  # of the key
    node: Node
    is_own: bool = True  # False: merged in from another mapping, or the value is an alias
    index: int | None = None  # what int() makes of the key; None if it refuses it


@dataclass(frozen=True)
class YamlFile:
    """A file whose top is a mapping."""

    path: Path
    text: str
    mark: bytes  # byte order mark, if there is one
    entries: dict[str, Entry]
    duplicates: tuple[Entry, ...]  # keys that stand again later: YAML takes the last one
    is_flow: bool = False  # written in one pair of braces

    @property
    def source(self) -> bytes:
        """The bytes of the file."""
        return self.mark + self.text.encode("utf-8")

    @property
    def data(self) -> dict[str, Any]:
        return {key: entry.node.data for key, entry in self.entries.items()}

    def entry(self, *keys: str) -> Entry | None:
        """The entry at a path of keys."""
        entries: Any = self.entries
        found = None
        for key in keys:
            found = entries.get(key) if isinstance(entries, dict) else None
            if found is None:
                return None
            entries = found.node.value
        return found


def read_yaml(path: Path) -> YamlFile:
    """Raises   SourceUnreadable if it cannot be read, or is no YAML mapping in UTF-8 of at most 1 MiB."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            raise SourceUnreadable(f"{path}: not a regular file", "name a yaml file")
        if status.st_size > LIMIT:
            raise SourceUnreadable(
                f"{path}: larger than 1 MiB, which is no configuration", "name the yaml of the training"
            )
        source = path.read_bytes()
    except OSError as error:
        raise SourceUnreadable(f"{path}: {error.strerror}", "name a yaml file that can be read") from error
    return parse_yaml(source, path)


def parse_yaml(source: bytes, path: Path) -> YamlFile:
    """Raises   SourceUnreadable."""
    mark = codecs.BOM_UTF8 if source.startswith(codecs.BOM_UTF8) else b""
    try:
        text = source.removeprefix(mark).decode("utf-8")
        root = yaml.compose(text, Loader=_LOADER)
    except UnicodeDecodeError as error:
        raise SourceUnreadable(
            f"{path}: not UTF-8: {error.reason} at byte {error.start}", "save it as UTF-8"
        ) from error
    except (yaml.YAMLError, RecursionError) as error:
        mark_ = getattr(error, "problem_mark", None)
        place = f"{path}:{mark_.line + 1}" if mark_ else str(path)
        reason = getattr(error, "problem", None) or str(error) or "nested too deeply"
        raise SourceUnreadable(
            f"{place}: not valid YAML: {reason}", "mend the file; tabs cannot indent in YAML"
        ) from error
    if root is None:
        raise SourceUnreadable(f"{path}: the file is empty", "name the yaml of the training")
    if not isinstance(root, yaml.MappingNode):
        raise SourceUnreadable(f"{path}: not a mapping of keys to values", "name the yaml of the training")
    try:
        entries, duplicates = _Reader(path, text).mapping(root)
    except RecursionError as error:
        raise SourceUnreadable(f"{path}: its aliases refer to themselves", "write the values out") from error
    return YamlFile(path, text, mark, entries, tuple(duplicates), bool(root.flow_style))


class _Reader:
    """Turns the nodes of PyYAML into ours, and counts them."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._text = text
        self._visited = 0

    def mapping(self, node: yaml.MappingNode) -> tuple[dict[str, Entry], list[Entry]]:
        entries: dict[str, Entry] = {}
        duplicates: list[Entry] = []
        merged: dict[str, Entry] = {}
        for key, value in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                for base in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    if isinstance(base, yaml.MappingNode):
                        theirs = {key: replace(entry, is_own=False) for key, entry in self.mapping(base)[0].items()}
                        merged = {**theirs, **merged}
                continue
            start = key.start_mark.index
            is_own = value.start_mark.index > start  # the value of an alias stands where its anchor is
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else self._text[start : key.end_mark.index]
            entry = Entry(name, self._span(key), start, self._node(value), is_own, _index(key))
            if entry.key in entries:
                duplicates.append(entries[entry.key])
            entries[entry.key] = entry
        return {**merged, **entries}, duplicates

    def _node(self, node: yaml.Node) -> Node:
        self._visited += 1
        if self._visited > NODES:
            raise SourceUnreadable(
                f"{self._path}: more than {NODES} values, those behind aliases counted each time",
                "name the yaml of the training: a configuration is never that large",
            )
        value: Any
        duplicates: list[Entry] = []
        if isinstance(node, yaml.MappingNode):
            value, duplicates = self.mapping(node)
        elif isinstance(node, yaml.SequenceNode):
            value = [self._node(item) for item in node.value]
        else:
            value = _scalar(node)
        start, end = node.start_mark.index, node.end_mark.index
        tag = node.tag if node.tag and node.tag.startswith("!") else ""
        plain = isinstance(node, yaml.ScalarNode) and not node.style
        return Node(value, self._text[start:end], self._span(node), start, end, tag, plain, tuple(duplicates))

    def _span(self, node: yaml.Node) -> Span:
        return Span(str(self._path), node.start_mark.line + 1, node.start_mark.column + 1)


def _scalar(node: yaml.Node) -> Any:
    if node.tag.startswith("!"):
        return node.value
    try:
        return _CONSTRUCTOR.construct_object(node)
    except (yaml.YAMLError, ValueError):  # `!!int x`, a date that does not exist
        return node.value


def _index(key: yaml.Node) -> int | None:
    try:
        return int(_scalar(key)) if isinstance(key, yaml.ScalarNode) else None
    except (TypeError, ValueError, OverflowError):
        return None


def finite(value: Any) -> float | None:
    """A value as a number; None if it is none, or beyond what a float holds."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def walk(entries: dict[str, Entry], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Entry]]:
    """Every entry below a mapping with its path of keys, in order."""
    for key, entry in entries.items():
        yield (*above, key), entry
        if isinstance(entry.node.value, dict):
            yield from walk(entry.node.value, (*above, key))


def repeated(file: YamlFile) -> Iterator[tuple[tuple[str, ...], Entry, Entry]]:
    """Every key that stands again in its mapping: its path, the entry, and the one that YAML takes."""
    yield from (((one.key,), one, file.entries[one.key]) for one in file.duplicates)
    starts = {one.start for one in file.duplicates}
    for path, entry in walk(file.entries):
        for one in entry.node.duplicates:
            if one.start not in starts:  # a mapping with an alias is met once more
                starts.add(one.start)
                yield (*path, one.key), one, entry.node.value[one.key]


def line_of(file: YamlFile, entry: Entry, *, with_comment: bool) -> tuple[int, int] | None:
    """The characters of the line of an entry, line end included, so that it can be removed whole.

    None if the entry is not alone there (a comment may stand behind it `with_comment`), goes on below, or has an anchor
    that others refer to.
    """
    start = file.text.rfind("\n", 0, entry.start) + 1
    newline = file.text.find("\n", entry.node.end)
    end = len(file.text) if newline < 0 else newline + 1
    line, behind = file.text[start:end], file.text[entry.node.end : end].strip()
    is_alone = not file.text[start : entry.start].strip() and (not behind or (with_comment and behind.startswith("#")))
    return (start, end) if is_alone and "\n" not in line[:-1] and "&" not in line else None
