"""The code cells of a notebook as text, and where each of their characters stands in the JSON file."""

import ast
import codecs
import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from patchkit.edits import Edit, edited, line_starts
from patchkit.errors import BrokenPack, SourceUnreadable
from patchkit.patching.magics import masked
from patchkit.patching.outline import AMBIGUOUS, names_in, without_warnings

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")
_CHARACTER = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.|[^\\]", re.DOTALL)


@dataclass(frozen=True)
class Cell:
    """One code cell."""

    number: int  # in the list of all cells, 0-based, as in `jq '.cells[17]'`
    text: str
    file: str  # the whole JSON
    literals: tuple[tuple[int, int], ...]  # where its string literals stand, without their quotes
    is_list: bool  # a list of lines, not one string

    @cached_property
    def spans(self) -> list[tuple[int, int]]:
        """Start and end in the file of every character of the text."""
        found = []
        for start, end in self.literals:
            found += [match.span() for match in _CHARACTER.finditer(self.file, start, end)]
        return found

    def line_in_file(self, line: int) -> int:
        """The line of the JSON file that holds a line of the cell, both 1-based."""
        start = line_starts(self.text)[line - 1]
        offset = self.spans[start][0] if start < len(self.spans) else self.literals[-1][1]
        return self.file.count("\n", 0, offset) + 1

    @property
    def separator(self) -> str:
        """What stands between two lines in the file, from the quote that ends one to the quote that begins the next."""
        first = self.literals[0]
        if len(self.literals) > 1:
            return self.file[first[1] : self.literals[1][0]]
        before = self.file[: first[0] - 1]
        return '",' + before[len(before.rstrip(" \t\n\r")) :] + '"'


@dataclass(frozen=True)
class Notebook:
    """A notebook of nbformat 4."""

    mark: bytes  # byte order mark, if there is one
    file: str
    content: dict[str, Any]
    cells: tuple[Cell, ...]

    def with_edits(self, edits: Mapping[int, Sequence[Edit]]) -> bytes:
        """The bytes of the file with edits in the text of some cells, and nothing else changed.

        Raises   BrokenPack if that is not so: it is checked by reading the result.
        """
        changed = [cell for cell in self.cells if cell.number in edits]
        as_ascii = self.file.isascii()
        new = edited(
            self.file, [_in_file(edit, cell, as_ascii=as_ascii) for cell in changed for edit in edits[cell.number]]
        )
        expected = {**self.content, "cells": list(self.content["cells"])}
        content = json.loads(new)
        for cell in changed:
            source = content["cells"][cell.number]["source"]
            if _text(source) != edited(cell.text, edits[cell.number]):
                raise BrokenPack(f"cells[{cell.number}] cannot be written", "report this as a bug of patchkit")
            expected["cells"][cell.number] = {**expected["cells"][cell.number], "source": source}
        if content != expected:
            raise BrokenPack("another part of the notebook would change", "report this as a bug of patchkit")
        return self.mark + new.encode("utf-8")


def read_notebook(source: bytes, path: str) -> Notebook:
    """Raises   SourceUnreadable if the bytes are no notebook of nbformat 4."""
    mark = codecs.BOM_UTF8 if source.startswith(codecs.BOM_UTF8) else b""
    try:
        file = source.removeprefix(mark).decode("utf-8")
        content = json.loads(file)
    except (ValueError, RecursionError) as error:
        raise SourceUnreadable(f"{path}: not a notebook: {error}", "save it again with Jupyter") from error
    if not isinstance(content, dict) or not isinstance(content.get("nbformat"), int):
        raise SourceUnreadable(f"{path}: not a notebook: it names no nbformat", "save it again with Jupyter")
    if content["nbformat"] != 4 or isinstance(content["nbformat"], bool):
        raise SourceUnreadable(
            f"{path}: a notebook of nbformat {content['nbformat']}; patchkit reads nbformat 4",
            f"convert it: jupyter nbconvert --to notebook --nbformat 4 --inplace {shlex.quote(path)}",
        )
    try:
        cells = tuple(_cells(file, content)) if _is_python(content) else ()
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise SourceUnreadable(f"{path}: not a valid notebook: {error!r}", "save it again with Jupyter") from error
    return Notebook(mark, file, content, cells)


def names_of(notebook: Notebook) -> dict[str, str]:
    """What names mean in all cells together, as when they are run in order."""
    names: dict[str, str] = {}
    for cell in notebook.cells:
        python = masked(cell.text)
        if python is None or not python.runs:
            continue
        try:
            with without_warnings():
                found = names_in(ast.parse(python.text))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue  # a cell with the anchors is parsed again, and refused by name
        for name, meaning in found.items():
            names[name] = meaning if names.get(name, meaning) == meaning else AMBIGUOUS
    return names


def _is_python(content: dict[str, Any]) -> bool:
    metadata = content.get("metadata") or {}
    kernel, language = metadata.get("kernelspec") or {}, metadata.get("language_info") or {}
    named = [kernel.get("language"), language.get("name")]
    return next((name.lower() in ("python", "ipython", "python3") for name in named if name), True)


def _cells(file: str, content: dict[str, Any]) -> Iterator[Cell]:
    at = dict(_members(file, _SPACE.match(file).end()))["cells"]  # type: ignore[union-attr]
    for number, place in enumerate(_elements(file, at)):
        cell = content["cells"][number]
        if cell["cell_type"] != "code" or not cell["source"]:
            continue
        start = dict(_members(file, place))["source"]
        is_list = file[start] == "["
        if not is_list and file[start] != '"':
            raise TypeError(f"the source of cells[{number}] is no text")
        text = _text(cell["source"])
        quotes = list(_elements(file, start)) if is_list else [start]
        literals = tuple((quote + 1, scanstring(file, quote + 1)[1] - 1) for quote in quotes)
        yield Cell(number, text, file, literals, is_list)


def _text(source: str | list[str]) -> str:
    """Raises   TypeError if a line is no text."""
    return source if isinstance(source, str) else "".join(source)


def _members(file: str, at: int) -> Iterator[tuple[str, int]]:
    """Key and start of the value of every member of the object at `at`, in a file that is known to be JSON."""
    for place in _elements(file, at):
        key, end = scanstring(file, place + 1)
        yield key, _after_space(file, _after_space(file, end) + 1)


def _elements(file: str, at: int) -> Iterator[int]:
    """Where each element of the array at `at` starts, or each member of the object."""
    is_object = file[at] == "{"
    at = _after_space(file, at + 1)
    while file[at] not in "]}":
        yield at
        if is_object:
            at = _after_space(file, _after_space(file, scanstring(file, at + 1)[1]) + 1)
        at = _after_space(file, _DECODER.raw_decode(file, at)[1])
        if file[at] == ",":
            at = _after_space(file, at + 1)


def _after_space(file: str, at: int) -> int:
    match = _SPACE.match(file, at)
    return match.end() if match else at


def _in_file(edit: Edit, cell: Cell, *, as_ascii: bool) -> Edit:
    """The edit of a cell as an edit of the file; new lines become elements of the list of lines."""
    start = cell.spans[edit.start][0] if edit.start < len(cell.spans) else cell.literals[-1][1]
    end = cell.spans[edit.end - 1][1] if edit.end > edit.start else start
    lines = [json.dumps(line, ensure_ascii=as_ascii)[1:-1] for line in edit.text.split("\n")]
    if not cell.is_list:
        return Edit(start, end, "\\n".join(lines))
    ends_literal = any(end == close for _, close in cell.literals)
    last = "\\n" if ends_literal and len(lines) > 1 and not lines[-1] else ""  # no element is left empty
    if last:
        lines.pop()
    return Edit(start, end, ("\\n" + cell.separator).join(lines) + last)
