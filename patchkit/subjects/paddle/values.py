"""Values of a configuration of PaddleDetection: tagged ones, paths of keys, and how they are written."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from patchkit.errors import SourceUnreadable
from patchkit.subjects.fixing import written
from patchkit.subjects.yaml_file import Entry, Node

Keys = tuple[str, ...]
Entries = dict[str, Entry]


@dataclass(frozen=True)
class Tagged:
    """A value with a `!Tag`, which PaddleDetection turns into an object."""

    tag: str
    value: Any

    def __str__(self) -> str:
        return flow(self)


def is_mapping(node: Node) -> bool:
    return isinstance(node.value, dict) and not node.tag


def at(entries: Entries, keys: Keys) -> Node | None:
    value: Any = entries
    node = None
    for key in keys:
        node = child(value, key)
        if node is None:
            return None
        value = node.value
    return node


def child(value: Any, key: str) -> Node | None:
    if isinstance(value, dict):
        return value[key].node if key in value else None
    if isinstance(value, list) and key.isdecimal() and int(key) < len(value):
        item: Node = value[int(key)]
        return item
    return None


def plain(node: Node) -> Any:
    """A value with its tags, without places."""
    value = node.value
    if isinstance(value, dict):
        value = plain_entries(value)
    elif isinstance(value, list):
        value = [plain(item) for item in value]
    return Tagged(node.tag, value) if node.tag else value


def plain_entries(entries: Entries) -> dict[str, Any]:
    return {key: plain(entry.node) for key, entry in entries.items()}


def with_value(whole: Any, keys: Keys, value: Any, place: str) -> Any:
    """A copy with a value at a path of keys; what is on the way and no collection becomes a mapping."""
    if not keys:
        return value
    key, rest = keys[0], keys[1:]
    if isinstance(whole, Tagged):
        return Tagged(whole.tag, with_value(whole.value, keys, value, place))
    if not isinstance(whole, list):
        mapping = whole if isinstance(whole, dict) else {}
        return {**mapping, key: with_value(mapping.get(key), rest, value, place)}
    if not key.isdecimal() or int(key) > len(whole):
        raise SourceUnreadable(
            f"{place}: there is no element {key} in a list of {len(whole)}", "name one that is there"
        )
    items = [*whole, None] if int(key) == len(whole) else list(whole)
    items[int(key)] = with_value(items[int(key)], rest, value, place)
    return items


def as_written(value: Any) -> Any:
    """The value that YAML reads back."""
    if isinstance(value, float):
        return float(f"{value:.10g}")
    if isinstance(value, Tagged):
        return Tagged(value.tag, as_written(value.value))
    if isinstance(value, Mapping):
        return {str(key): as_written(item) for key, item in value.items()}
    return [as_written(item) for item in value] if isinstance(value, (list, tuple)) else value


def flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, Tagged):
        return f"{value.tag} {flow(value.value)}" if value.value not in (None, "") else value.tag
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key_text(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    return written(value)


def key_text(key: str) -> str:
    return key if re.fullmatch(r"[\w.+-]+", key) else written(key)
