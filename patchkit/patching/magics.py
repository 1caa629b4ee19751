"""IPython's own syntax in a code cell: lines that are no Python are masked while a codemod looks at the cell."""

import ast
import re
from dataclasses import dataclass, field

from patchkit.patching.outline import without_warnings

# Cell magics whose body is Python: that runs, or that is written to a file.
_RUNS = re.compile(r"%%(time|timeit|capture|prun|debug)\b")
_WRITTEN = re.compile(r"%%(writefile|file)\s.*\.py\s*$")
# Line magics that run what follows them.
_PREFIX = re.compile(r"(\s*)(%(?:time|timeit|prun)\s+)(?!-)(.+)")
_MAGIC = re.compile(r"\s*[%!?]|[\w\s,.\[\]]+=\s*[%!]|.*\?\s*$")
_MARK = "# patchkit masks line"
_MASKED = re.compile(rf"^([ \t]*)(?:pass|(.*\S))  {_MARK} (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Masked:
    """A cell as Python, with as many lines as before."""

    text: str
    parses: bool = True
    runs: bool = True  # False: it is written to a file, so that its names are not those of the notebook
    lines: dict[int, str] = field(default_factory=dict)  # lines masked by `pass`, as they were, by number
    prefixes: dict[int, str] = field(default_factory=dict)  # what was taken off the front of a line, by number


def masked(text: str) -> Masked | None:
    """The cell as Python; None if it is the body of a cell magic in another language."""
    lines = text.split("\n")
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    whole: dict[int, str] = {}
    prefixes: dict[int, str] = {}
    runs = not _WRITTEN.match(lines[first])
    if lines[first].startswith("%%"):
        if runs and not _RUNS.match(lines[first]):
            return None
        whole[first] = lines[first]
        lines[first] = f"pass  {_MARK} {first}"
    for _ in range(len(lines)):
        number = _first_error(lines)
        if number is None:
            return Masked("\n".join(lines), True, runs, whole, prefixes)
        while 0 < number < len(lines) and lines[number - 1].endswith("\\"):
            number -= 1  # the error may be seen in what continues a line
        if number >= len(lines) or number in whole or number in prefixes or not _MAGIC.match(lines[number]):
            break
        prefix = _PREFIX.fullmatch(lines[number])
        if prefix is not None and not lines[number].endswith("\\"):
            prefixes[number] = prefix[2]
            lines[number] = f"{prefix[1]}{prefix[3].rstrip()}  {_MARK} {number}"
        else:
            _mask(lines, number, whole)
    return Masked("\n".join(lines), False, runs, whole, prefixes)


def unmasked(text: str, cell: Masked) -> str:
    """A rewritten cell with the masked lines back in their places."""

    def original(match: re.Match[str]) -> str:
        number = int(match[3])
        if number in cell.prefixes and match[2] is not None:
            return f"{match[1]}{cell.prefixes[number]}{match[2]}"
        return cell.lines.get(number, match[0])

    return _MASKED.sub(original, text)


def _mask(lines: list[str], number: int, whole: dict[int, str]) -> None:
    """Mask a line, and those that continue it."""
    indentation = lines[number][: len(lines[number]) - len(lines[number].lstrip())]
    continues = True
    while continues and number < len(lines):
        whole[number] = lines[number]
        continues = lines[number].endswith("\\")
        lines[number] = f"{indentation}pass  {_MARK} {number}"
        number += 1


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
