"""Fixes as edits by offset: comments, order, quotes and line ends of the file stay."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from patchkit.edits import Edit, edited
from patchkit.errors import SourceUnreadable
from patchkit.findings import Finding
from patchkit.subjects.config import MODEL, TrainConfig
from patchkit.subjects.yaml_file import Entry, YamlFile, parse_yaml

_PLAIN = re.compile(r"[A-Za-z][\w.+-]*(?:/[\w.+-]+)*")
_ALIAS = re.compile(r"[^\n:]*:\s*(\*[^\s,]+)")  # a key whose value is an alias
_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}


def applicable(findings: Iterable[Finding], *, unsafe: bool) -> list[Finding]:
    """The findings whose fix may be applied."""
    return [finding for finding in findings if finding.fix is not None and (finding.fix.safe or unsafe)]


def fixed_file(file: YamlFile, findings: Iterable[Finding]) -> bytes:
    """The bytes of a configuration with the fixes of these findings, and no other value changed.

    Raises   SourceUnreadable if the file has a form in which that cannot be done.
    """
    values: dict[str, Any] = {}
    removals: list[tuple[int, int]] = []
    for finding in findings:
        if finding.fix is not None:
            values.update(finding.fix.values)
            removals += finding.fix.removals
    if file.is_flow:
        raise SourceUnreadable(f"{file.path} is written in one pair of braces", "write one key a line, then fix it")
    source = file.mark + edited(file.text, _edits(file, values, removals)).encode("utf-8")
    by_hand = ", ".join(f"{key}: {written(value)}" for key, value in values.items())
    hint = f"set by hand {by_hand}" if by_hand else "take the lines out by hand"
    try:
        found = parse_yaml(source, file.path).data
    except SourceUnreadable as error:
        raise SourceUnreadable(f"{file.path} has a form in which the fixes cannot be written", hint) from error
    wanted = {key: entry.node.data for key, entry in file.entries.items() if not _is_within(entry, removals)}
    wanted.update({key: yaml.safe_load(written(value)) for key, value in values.items()})
    if found != wanted:
        raise SourceUnreadable(f"{file.path}: the fixes cannot be written without a change of other values", hint)
    return source


def _edits(file: YamlFile, values: Mapping[str, Any], removals: Iterable[tuple[int, int]]) -> list[Edit]:
    edits = [Edit(start, end, "") for start, end in removals]
    is_dos = 2 * file.text.count("\r\n") > file.text.count("\n")
    newline = "\r\n" if is_dos else "\n"
    added = []
    for key, value in values.items():
        entry = file.entries.get(key)
        alias = _ALIAS.match(file.text, entry.start) if entry is not None else None
        if entry is not None and entry.is_own:
            edits.append(_replaced(file, entry, written(value)))
            edits += _aliases_written_out(file, entry, values)
        elif alias is not None:
            edits.append(Edit(*alias.span(1), written(value)))
        else:
            added.append(f"{_indent(file)}{key}: {written(value)}{newline}")
    if added:
        end = _end(file)
        lead = "" if end == 0 or file.text[end - 1] == "\n" else newline
        edits.append(Edit(end, end, lead + "".join(added)))
    return edits


def _aliases_written_out(file: YamlFile, entry: Entry, values: Mapping[str, Any]) -> list[Edit]:
    """The old value, at every option that refers to it by an alias: these are not to change with it."""
    anchor = re.match(r"&(\S+)\s+", entry.node.text)
    if anchor is None:
        return []
    old = entry.node.text[anchor.end() :].rstrip()
    others = (other for key, other in file.entries.items() if not other.is_own and key not in values)
    aliases = (_ALIAS.match(file.text, other.start) for other in others)
    return [Edit(*alias.span(1), old) for alias in aliases if alias is not None and alias[1] == f"*{anchor[1]}"]


def _is_within(entry: Entry, removals: Iterable[tuple[int, int]]) -> bool:
    return any(start <= entry.start < end for start, end in removals)


def _indent(file: YamlFile) -> str:
    first = next((entry for entry in file.entries.values() if entry.is_own), None)
    return " " * (first.span.column - 1) if first else ""


def train_file(config: TrainConfig, findings: Iterable[Finding]) -> bytes:
    """A training configuration for a model yaml, which cannot hold these values itself."""
    values: dict[str, Any] = {"model": config.file.path.as_posix(), "batch": config.value("batch")}
    for finding in findings:
        if finding.fix is not None:
            values.update(finding.fix.values)
    lines = [f"{key}: {written(value)}" for key, value in values.items()]
    name = train_name(config)
    head = f"# The recipe for {config.file.path.name}: yolo train cfg={name} data=...\n"
    return (head + "\n".join(lines) + "\n").encode("utf-8")


def train_name(config: TrainConfig) -> str:
    """The file that `--fix` writes for a model yaml, beside it."""
    assert config.kind == MODEL
    return f"{config.file.path.stem}.train.yaml"


def written(value: Any) -> str:
    """A value as YAML writes it, on one line, so that YAML reads it back as the same."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, float):
        text = f"{value:.10g}"
        if "e" in text and "." not in text:  # 1e-05 is a string to YAML 1.1
            mantissa, _, exponent = text.partition("e")
            text = f"{mantissa}.0e{exponent}"
        return text if any(sign in text for sign in ".en") else f"{text}.0"
    if isinstance(value, (int, list, tuple)):
        return json.dumps(value)
    text = str(value)
    return text if _PLAIN.fullmatch(text) and text.lower() not in _WORDS else json.dumps(text, ensure_ascii=False)


def _replaced(file: YamlFile, entry: Entry, text: str) -> Edit:
    node = entry.node
    anchor = re.match(r"&\S+\s+", node.text)
    if node.end > node.start:
        end = node.start + len(node.text.rstrip())  # a block scalar reaches into the next line
        lead = file.text[entry.start : node.start]
        if "\n" in lead and "#" not in lead and not anchor:  # a block below its key
            return Edit(entry.start + len(lead.rstrip()), end, f" {text}")
        return Edit(node.start + (anchor.end() if anchor else 0), end, text)
    return Edit(node.start, node.start, f" {text}" if file.text[node.start - 1 : node.start] == ":" else text)


def _end(file: YamlFile) -> int:
    """The offset behind the last line of the mapping."""
    last = max((max(entry.node.end, entry.start) for entry in file.entries.values() if entry.is_own), default=0)
    end = file.text.find("\n", last - 1 if file.text[last - 1 : last] == "\n" else last)
    return len(file.text) if end < 0 else end + 1
