"""IPython's own syntax in a code cell: lines that are no Python are masked while a codemod looks at the cell."""

import ast
import re
from dataclasses import dataclass

from patchkit.patching.outline import without_warnings

# Cell magics whose body is Python that runs, or is written to a Python file.
_PYTHON_BODY = re.compile(r"%%(time|timeit|capture|prun|debug)\b|%%(writefile|file)\s.*\.py\s*$")
_MAGIC = re.compile(r"\s*[%!?]|[\w\s,.\[\]]+=\s*[%!]|.*\?\s*$")
_MASK = re.compile(r"^([ \t]*)pass  # patchkit masks line (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Masked:
    """A cell as Python: as many lines as before, `pass` where a line is no Python."""

    text: str
    lines: dict[int, str]  # what was masked, by line, 0-based


def masked(text: str) -> Masked | None:
    """The cell as Python; None if it is the body of a cell magic in another language.

    A cell that does not parse all the same comes back as it is, for the reader to say so.
    """
    lines = text.split("\n")
    found: dict[int, str] = {}
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    if lines[first].startswith("%%"):
        if not _PYTHON_BODY.match(lines[first]):
            return None
        _mask(lines, first, found)
    for _ in range(len(lines)):
        number = _first_error(lines)
        if number is None:
            return Masked("\n".join(lines), found)
        if number >= len(lines) or number in found or not _MAGIC.match(lines[number]):
            break
        while _mask(lines, number, found).endswith("\\") and number + 1 < len(lines):
            number += 1
    return Masked("\n".join(lines), found)


def unmasked(text: str, cell: Masked) -> str:
    """A rewritten cell with the masked lines back in their places."""
    return _MASK.sub(lambda match: cell.lines[int(match[2])], text)


def _mask(lines: list[str], number: int, found: dict[int, str]) -> str:
    """Mask one line, and return it as it was."""
    line = found[number] = lines[number]
    indentation = line[: len(line) - len(line.lstrip())]
    lines[number] = f"{indentation}pass  # patchkit masks line {number}"
    return line


def _first_error(lines: list[str]) -> int | None:
    """The line, 0-based, at which the cell stops being Python; None if it is Python."""
    try:
        with without_warnings():
            ast.parse("\n".join(lines))
    except SyntaxError as error:
        return (error.lineno or 1) - 1
    except (ValueError, RecursionError, MemoryError):
        return len(lines)
    return None
