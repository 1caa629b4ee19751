"""Overrides of a configuration of PaddleDetection, written in its leaf: bases stay as they are."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from patchkit.edits import Edit, edited
from patchkit.errors import SourceUnreadable
from patchkit.subjects.paddle.bases import BASE, merged_over, own_entries
from patchkit.subjects.paddle.config import PaddleConfig
from patchkit.subjects.paddle.values import (
    Entries,
    Keys,
    Tagged,
    as_written,
    at,
    child,
    flow,
    is_mapping,
    key_text,
    plain,
    plain_entries,
    with_value,
)
from patchkit.subjects.yaml_file import Entry, Node, parse_yaml


def overridden(config: PaddleConfig, settings: Mapping[str, Any] | Mapping[Keys, Any]) -> bytes:
    """The bytes of the leaf with values set, by path; bases stay as they are.

    What stands in the leaf is replaced in place; what does not is added below its parent, or as a new block at the end.
    A list that is inherited comes into the leaf as a whole, as PaddleDetection merges no lists.

    Raises   SourceUnreadable if a value cannot be set without a change of others.
    """
    for path, value in settings.items():
        keys = tuple(path.split(".")) if isinstance(path, str) else path
        config = _with_setting(config, keys, as_written(value))
    return config.file.mark + config.file.text.encode("utf-8")


def _with_setting(config: PaddleConfig, keys: Keys, value: Any) -> PaddleConfig:
    """The configuration with one value set in its leaf, and no other value changed."""
    file, name = config.file, ".".join(keys)
    before = plain_entries({**config.effective, **{key: file.entries[key] for key in (BASE,) if key in file.entries}})
    wanted = with_value(_restored(before, config, keys), keys, value, f"{file.path}: {name}")
    if wanted == before:
        return config
    if file.is_flow:
        raise SourceUnreadable(f"{file.path} is written in one pair of braces", "write one key a line, then fix it")
    text = edited(file.text, [_Leaf(config, keys, value).edit()])
    hint = f"set {name} to {flow(value)} by hand"
    try:
        changed = parse_yaml(file.mark + text.encode("utf-8"), file.path)
    except SourceUnreadable as error:
        raise SourceUnreadable(f"{file.path}: {name} cannot be set in a file of this form", hint) from error
    after = merged_over(config.inherited, changed.entries)
    if plain_entries(after) != wanted:
        raise SourceUnreadable(f"{file.path}: {name} cannot be set without a change of other values", hint)
    return replace(config, file=changed, effective=merged_over(config.inherited, own_entries(changed)))


def _restored(before: Any, config: PaddleConfig, keys: Keys) -> Any:
    """The values with the inherited section in place of a `~` on the way to a key: once set, it merges again."""
    for end in range(1, len(keys)):
        node, below = at(config.effective, keys[:end]), at(config.inherited, keys[:end])
        if node is None or below is None or not is_mapping(below):
            return before
        if node.value is None:
            return with_value(before, keys[:end], plain(below), str(config.file.path))
    return before


class _Leaf:
    """Finds the edit that sets one value in the text of the leaf."""

    def __init__(self, config: PaddleConfig, keys: Keys, value: Any) -> None:
        self._file = config.file
        self._text = config.file.text
        self._inherited = config.inherited
        self._keys = keys
        self._value = value
        self._place = f"{config.file.path}: {'.'.join(keys)}"
        self._newline = "\r\n" if "\r\n" in self._text else "\n"
        self._step = next(
            (
                " " * (inner.span.column - entry.span.column)
                for entry in self._file.entries.values()
                if is_mapping(entry.node) and entry.is_own
                for inner in entry.node.value.values()
                if inner.start > entry.start and inner.span.line > entry.span.line
            ),
            "  ",
        )

    def edit(self) -> Edit:
        box: Node | None = None  # the collection that holds the key; None for the top of the file
        for depth, key in enumerate(self._keys):
            rest = self._keys[depth + 1 :]
            if box is not None and isinstance(box.value, list):
                node = child(box.value, key)
                if node is None:
                    return self._appended(box, with_value(None, rest, self._value, self._place))
            else:
                entries: Entries = self._file.entries if box is None else box.value
                entry = entries.get(key)
                if entry is None:
                    return self._added(box, key, self._override(depth, rest))
                node = entry.node
                if not entry.is_own:
                    value = with_value(plain(node), rest, self._value, self._place)
                    is_alias = node.start < entry.start
                    return self._alias_replaced(entry, value) if is_alias else self._added(box, key, value)
            if rest and node.value is None and not node.tag:
                return self._filled(box, node, key, self._override(depth, rest))
            if not rest or not isinstance(node.value, (dict, list)):
                return self._replaced(node, with_value(plain(node), rest, self._value, self._place))
            box = node
        raise AssertionError("a path has one key at least")

    def _override(self, depth: int, rest: Keys) -> Any:
        """What is to stand at a key that the leaf lacks, so that the value comes out right over what is inherited."""
        above = [at(self._file.entries, self._keys[:end]) for end in range(1, depth + 1)]
        is_merged = all(node is not None and is_mapping(node) for node in above)
        node = at(self._inherited, self._keys[: depth + 1]) if is_merged else None
        keys = []
        while rest and (node is None or is_mapping(node)):
            keys.append(rest[0])
            node = child(node.value, rest[0]) if node is not None else None
            rest = rest[1:]
        value = with_value(plain(node) if node is not None else None, rest, self._value, self._place)
        for key in reversed(keys):
            value = {key: value}
        return value

    def _replaced(self, node: Node, value: Any) -> Edit:
        anchor = re.match(r"&\S+\s+", node.text)
        start = node.start + (anchor.end() if anchor else 0)
        if node.start == node.end:
            is_tight = self._text[start - 1 : start] in (":", "-")
            return Edit(start, start, f" {flow(value)}" if is_tight else flow(value))
        is_block = isinstance(node.value, (dict, list)) and not _is_flow(node)
        if not is_block:
            return Edit(start, node.end, flow(value))
        return Edit(start, self._end_of(node), self._block(value, " " * (node.span.column - 1)).lstrip())

    def _filled(self, box: Node | None, node: Node, key: str, value: Any) -> Edit:
        """A mapping in place of `~`: a block where a whole section is inherited, else on the same line."""
        if box is not None or child(self._inherited, key) is None or node.text not in ("", "~", "null"):
            return self._replaced(node, value)
        start = len(self._text[: node.start].rstrip(" "))
        return Edit(start, node.end, self._block(value, self._step))

    def _alias_replaced(self, entry: Entry, value: Any) -> Edit:
        alias = re.compile(r"[^:\n]*:\s*(\*[^\s,\[\]{}]+)").match(self._text, entry.start)
        if alias is None:
            raise SourceUnreadable(f"{self._place} stands behind an alias", "write the value out, then fix it")
        return Edit(alias.start(1), alias.end(1), flow(value))

    def _added(self, box: Node | None, key: str, value: Any) -> Edit:
        if box is not None and _is_flow(box):
            return self._put_in(box, f"{key_text(key)}: {flow(value)}", is_first=not box.value)
        entries: Entries = self._file.entries if box is None else box.value
        first = next((entry for entry in entries.values() if entry.is_own), None)
        if first is None and (box is None or not box.text.startswith("<<")):
            raise SourceUnreadable(f"{self._place} has no line to stand below", "write the value out, then fix it")
        column = first.span.column if first is not None else box.span.column if box is not None else 1
        indent = " " * (column - 1)
        lines = f"{indent}{key_text(key)}:{self._block(value, indent + self._step)}{self._newline}"
        if box is not None:
            return self._line_after(self._end_of(box), lines)
        return self._line_at_end(lines, is_section=isinstance(value, dict))

    def _appended(self, box: Node, value: Any) -> Edit:
        if _is_flow(box):
            return self._put_in(box, flow(value), is_first=not box.value)
        if not box.text.startswith("-"):
            raise SourceUnreadable(f"{self._place}: the list has an anchor or a tag", "write it out, then fix it")
        indent = " " * (box.span.column - 1)
        return self._line_after(self._end_of(box), f"{indent}-{self._item(value, indent)}{self._newline}")

    def _put_in(self, box: Node, text: str, *, is_first: bool) -> Edit:
        """Text as the last element between the braces of a flow collection."""
        inside = self._text[box.start : box.end - 1]
        is_separated = is_first or inside.rstrip().endswith(",")
        end = box.start + len(inside.rstrip(" "))
        lead = "" if is_first else " " if is_separated else ", "
        return Edit(end, end, lead + text)

    def _line_after(self, offset: int, lines: str) -> Edit:
        """Lines below the line of an offset."""
        newline = self._text.find("\n", offset)
        if newline < 0:
            return Edit(len(self._text), len(self._text), self._newline + lines)
        return Edit(newline + 1, newline + 1, lines)

    def _line_at_end(self, lines: str, *, is_section: bool) -> Edit:
        """Lines at the end of the document; a section stands after an empty line, if others do."""
        stop = re.search(r"^\.\.\.[ \t]*\r?$", self._text, re.MULTILINE)
        end = stop.start() if stop else len(self._text)
        above = self._text[:end]
        lead = "" if not above or above.endswith("\n") else self._newline
        is_spaced = re.search(r"\n\r?\n", above.rstrip()) is not None
        if is_section and is_spaced and re.search(r"\n[ \t]*\r?\n\Z", above) is None:
            lead += self._newline
        return Edit(end, end, lead + lines)

    def _end_of(self, node: Node) -> int:
        """The offset behind the last line of a collection that says something: comments after it are not its own."""
        lines = self._text[node.start : node.end].splitlines(keepends=True)
        while len(lines) > 1 and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
            lines.pop()
        return node.start + len("".join(lines).rstrip())

    def _block(self, value: Any, indent: str) -> str:
        """A value as it stands behind `key:`, with what is nested on lines of its own."""
        if isinstance(value, Tagged):
            return f" {value.tag}{self._block(value.value, indent)}" if value.value else f" {flow(value)}"
        start = self._newline + indent
        if isinstance(value, dict) and value:
            return "".join(
                f"{start}{key_text(key)}:{self._block(item, indent + self._step)}" for key, item in value.items()
            )
        if isinstance(value, list) and any(isinstance(item, (dict, Tagged)) for item in value):
            return "".join(f"{start}-{self._item(item, indent)}" for item in value)
        return f" {flow(value)}"

    def _item(self, value: Any, indent: str) -> str:
        """An element of a list as it stands behind its dash; the first key of a mapping is on the same line."""
        text = self._block(value, f"{indent}  ")
        return f" {text.lstrip()}" if isinstance(value, dict) else text


def _is_flow(node: Node) -> bool:
    return re.match(r"(?:[!&]\S*\s+)*[\[{]", node.text) is not None
