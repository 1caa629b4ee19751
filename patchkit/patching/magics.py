"""IPython's own syntax in a code cell: lines that are no Python are masked while a codemod looks at the cell."""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from patchkit.patching.outline import without_warnings

# Cell magics whose body is in another language. The body of every other one is Python if it parses.
_FOREIGN = re.compile(
    r"%%(bash|cmd|html|HTML|javascript|js|julia|latex|markdown|perl|R|ruby|script|sh|sql|svg|SVG|system|sx|!)\b"
)
_WRITTEN = re.compile(r"%%(?:writefile|file)\b(.*)")
# Line magics that run what follows them.
_PREFIX = re.compile(r"(\s*)(%(?:time|timeit|prun)\s+)(?!-)(.+)")
_MAGIC = re.compile(r"""\s*[%!?]|[\w\s,.\[\]'"]+=\s*[%!]|.*\?\s*$""")
_RUNS_CODE = re.compile(r"""\s*(?:[\w\s,.\[\]'"]+=\s*)?%""")
_PYTHON = re.compile(r"""\.pyw?["']?\s*$""")


@dataclass(frozen=True)
class Masked:
    """A cell as Python, with as many lines as before."""

    text: str
    mark: str  # what every masked line ends with, before its number
    parses: bool = True
    runs: bool = True  # False: it is written to a file, so that its names are not those of the notebook
    lines: dict[int, str] = field(default_factory=dict)  # lines masked by `pass`, as they were, by number, 0-based
    prefixes: dict[int, str] = field(default_factory=dict)  # what was taken off the front of a line, by number

    @property
    def hidden(self) -> list[tuple[int, str]]:
        """Masked lines of magics that may run Python, by their number: `%timeit -n 3 f()`."""
        return [(number, line) for number, line in self.lines.items() if _RUNS_CODE.match(line)]


@lru_cache(maxsize=4096)
def masked(text: str) -> Masked | None:
    """The cell as Python; None if it is the body of a cell magic in another language."""
    lines = text.split("\n")
    mark = "# patchkit masks line"
    while mark in text:
        mark += "_"
    whole: dict[int, str] = {}
    prefixes: dict[int, str] = {}
    runs = True
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    if lines[first].startswith("%%"):
        written = _WRITTEN.match(lines[first])
        if _FOREIGN.match(lines[first]) or (written and not _PYTHON.search(written[1])):
            return None
        runs = written is None
        _mask(lines, first, mark, whole)
    while True:
        number = _first_error(lines)
        if number is None:
            return Masked("\n".join(lines), mark, True, runs, whole, prefixes)
        number = _start(lines, number)
        if number >= len(lines) or number in whole or number in prefixes or not _MAGIC.match(lines[number]):
            return Masked("\n".join(lines), mark, False, runs, whole, prefixes)
        prefix = _PREFIX.fullmatch(lines[number].rstrip("\r"))
        if prefix is not None and not _continues(lines[number]):
            prefixes[number] = prefix[2]
            lines[number] = f"{prefix[1]}{prefix[3].rstrip()}  {mark} {number}"
            continue
        number = _mask(lines, number, mark, whole)
        while number < len(lines) and re.match(r"\s*[%!]", lines[number]) and not _PREFIX.match(lines[number]):
            number = _mask(lines, number, mark, whole)  # what follows a magic is a line of its own


def unmasked(text: str, cell: Masked) -> str:
    """A rewritten cell, or some of its lines, with the masked ones back in their places."""
    if not cell.lines and not cell.prefixes:
        return text

    def original(match: re.Match[str]) -> str:
        number = int(match[3])
        if number in cell.prefixes and match[2] is not None:
            return f"{match[1]}{cell.prefixes[number]}{match[2]}"
        return cell.lines.get(number, match[0])

    return re.sub(rf"^([ \t]*)(?:pass|(.*\S))  {cell.mark} (\d+)$", original, text, flags=re.MULTILINE)


def _mask(lines: list[str], number: int, mark: str, whole: dict[int, str]) -> int:
    """Mask a line, and those that continue it; the number of the next line."""
    indentation = lines[number][: len(lines[number]) - len(lines[number].lstrip())]
    continues = True
    while continues and number < len(lines):
        whole[number] = lines[number]
        continues = _continues(lines[number])
        lines[number] = f"{indentation}pass  {mark} {number}"
        number += 1
    return number


def _start(lines: Sequence[str], number: int) -> int:
    """The line at which a logical line starts: an error may be seen in what continues it."""
    while 0 < number < len(lines) and _continues(lines[number - 1]):
        number -= 1
    return number


def _continues(line: str) -> bool:
    return line.rstrip("\r").endswith("\\")


def _first_error(lines: Sequence[str]) -> int | None:
    """The line, 0-based, at which the cell stops being Python; None if it is Python."""
    try:
        with without_warnings():
            ast.parse("\n".join(lines))
    except SyntaxError as error:
        return (error.lineno or 1) - 1
    except (ValueError, RecursionError, MemoryError):
        return len(lines)
    return None
