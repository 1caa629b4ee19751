"""What is known of a regular expression without running it: text that every match holds, and whether it may be slow."""

import re
from collections.abc import Iterator
from typing import Any

from patchkit.subjects.train_log.anchors import is_fast

SHORTEST = 4  # letters of a literal that a log is searched for
LONG = 100  # a repeat of more than that counts as one without end
WORK = 10_000  # ways to share letters among the repeats of a pattern


def literal_of(pattern: str) -> str | None:
    """A text that every match holds, of those that are found fast the longest; None if there is none worth a search."""
    tree = _parsed(pattern)
    if tree.state.flags & re.IGNORECASE:
        return None
    long = [run for run in _runs(tree) if len(run) >= SHORTEST]
    return max(long, key=lambda run: (is_fast(run.encode()), len(run)), default=None)


def fault_of(pattern: str) -> str | None:
    """Why a pattern may take longer than its text is long; None if it does not.

    A conservative check: what repeats is one letter, at most one repeat has no end, and no group is referred to.
    """
    widths: list[int] = []
    for operation, argument, depth in _nodes(_parsed(pattern), 0):
        if operation.startswith("GROUPREF"):
            return "it refers to a group"
        if operation.endswith("REPEAT"):
            low, high, item = argument
            if high > 1 and (depth or len(item) != 1 or str(item[0][0]) in _COMPOUND):
                return "a repeat is nested in a repeat, or repeats a group"
            if high - low > 1:
                widths.append(min(high - low, LONG + 1))
    endless = sum(width > LONG for width in widths)
    if endless > 1:
        return "more than one repeat has no end"
    work = 1
    for width in widths:
        work *= 1 if width > LONG else width + 1
    return "its repeats can share letters in too many ways" if work * (LONG if endless else 1) > WORK else None


_COMPOUND = ("SUBPATTERN", "BRANCH", "ASSERT", "ASSERT_NOT", "ATOMIC_GROUP", "MAX_REPEAT", "MIN_REPEAT")


def _parsed(pattern: str) -> Any:
    import importlib
    import sys

    name = "re._parser" if sys.version_info >= (3, 11) else "sre_parse"
    return importlib.import_module(name).parse(pattern)


def _runs(tree: Any) -> list[str]:
    """Texts that stand in every match, between what varies."""
    runs = [""]
    for operation, argument in tree:
        name = str(operation)
        if name == "LITERAL":
            runs[-1] += chr(argument)
        elif name == "SUBPATTERN" and not argument[1]:
            inner = _runs(argument[3])
            runs[-1] += inner[0]
            runs += inner[1:]
        elif name != "AT":
            runs.append("")
    return runs


def _nodes(tree: Any, depth: int) -> Iterator[tuple[str, Any, int]]:
    """Every operation of a pattern, with the number of repeats around it."""
    for operation, argument in tree:
        name = str(operation)
        yield name, argument, depth
        if name.endswith("REPEAT"):
            yield from _nodes(argument[2], depth + (argument[1] > 1))
        elif name == "SUBPATTERN":
            yield from _nodes(argument[3], depth)
        elif name == "BRANCH":
            for branch in argument[1]:
                yield from _nodes(branch, depth)
        elif name in ("ASSERT", "ASSERT_NOT"):
            yield from _nodes(argument[1], depth)
        elif name == "ATOMIC_GROUP":
            yield from _nodes(argument, depth)
