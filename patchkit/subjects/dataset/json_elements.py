"""The values of an array of JSON by their brackets and strings alone, also in text that is no sound JSON."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

BETWEEN = re.compile(rb"\}\s*,\s*\{")
_MARK = re.compile(rb'"(?:[^"\\]|\\.)*("?)|[\[\]{},]', re.DOTALL)  # the group is empty where a string does not end
_SPACE = re.compile(rb"\s*")
_LINE_END = re.compile(rb"\n")
_VALUE, _END = b"value", b"end"
MISSING, TOO_MANY = "a comma is missing", "there is a comma too many"


class Damaged(Exception):
    """The text is no JSON from here on."""

    def __init__(self, reason: str, offset: int, line: int, column: int) -> None:
        super().__init__(reason)
        self.reason, self.offset, self.line, self.column = reason, offset, line, column


@dataclass(frozen=True)
class Piece:
    """Objects of an array, with commas between them."""

    text: bytes
    offset: int  # in the file
    line: int
    column: int

    def damaged(self, place: int, reason: str) -> Damaged:
        """A fault at a place in the text."""
        lines = bisect_left(self._line_ends, place)
        line_start = self._line_ends[lines - 1] + 1 if lines else 0
        column = place - line_start + (1 if line_start else self.column)
        return Damaged(reason, self.offset + place, self.line + lines, column)

    @cached_property
    def _line_ends(self) -> list[int]:
        return [end.start() for end in _LINE_END.finditer(self.text)]


@dataclass(frozen=True)
class Element:
    """One value of an array, by its place in a piece."""

    start: int
    end: int


class Elements(NamedTuple):
    """What `elements` finds."""

    found: list[Element]
    end: int  # of the last one
    is_last: bool  # the array ends after it
    faults: list[tuple[int, str]]  # places between them where a comma is missing, or is too many


def elements(text: bytes, *, is_piece: bool = False) -> Elements:
    """The whole elements at the begin of a text. A number at its end is one only in a piece, which is cut after one."""
    found: list[Element] = []
    faults: list[tuple[int, str]] = []
    start, is_taken, is_last = begin_of(text, 0), False, False
    end = start

    def take(begin: int, stop: int) -> None:
        nonlocal end, is_taken
        if is_taken:
            faults.append((begin, MISSING))
        end = begin + len(text[begin:stop].rstrip())
        found.append(Element(begin, end))
        is_taken = True

    for symbol, begin, stop in _marks(text, start):
        if symbol == _END and not is_piece:
            break
        if text[start:begin].strip():  # a number, or what is no JSON
            take(start, begin)
        if symbol == _VALUE:
            take(begin, stop)
        elif symbol == b",":
            if not is_taken:
                faults.append((begin, TOO_MANY))
            is_taken = False
        else:
            is_last = symbol != _END
        start = begin_of(text, stop)
    return Elements(found, end, is_last, [fault for fault in faults if fault[0] < end])


def _marks(text: bytes, position: int) -> Iterator[tuple[bytes, int, int]]:
    """Whole objects, arrays and strings of an array, the commas between them, and its end or that of the text."""
    depth = begin = 0
    for mark in _MARK.finditer(text, position):
        symbol, start, stop = mark.group(), mark.start(), mark.end()
        if symbol in (b"{", b"["):
            begin = begin if depth else start
            depth += 1
        elif symbol in (b"}", b"]"):
            depth -= 1
            if depth < 0:
                yield symbol, start, stop
                return
            if depth == 0:
                yield _VALUE, begin, stop
        elif symbol != b"," and not mark.group(1):
            return
        elif depth == 0:
            yield symbol if symbol == b"," else _VALUE, start, stop
    if depth == 0:
        yield _END, len(text), len(text)


def objects(text: bytes, count: int, wanted: Iterable[int]) -> dict[int, Element]:
    """The places of some of so many objects, which the text is known to hold."""
    between = list(BETWEEN.finditer(text))
    if len(between) != count - 1:  # the mark also stands in a string or deeper
        return dict(enumerate(elements(text, is_piece=True).found))
    places = {}
    for index in wanted:
        start = between[index - 1].end() - 1 if index else begin_of(text, 0)
        end = between[index].start() + 1 if index < len(between) else len(text.rstrip())
        places[index] = Element(start, end)
    return places


def begin_of(text: bytes, position: int) -> int:
    space = _SPACE.match(text, position)
    return space.end() if space else position


def value_end(text: bytes, position: int, is_at_end: bool) -> int | None:
    depth = 0
    for mark in _MARK.finditer(text, position):
        symbol = mark.group()
        if symbol in (b"{", b"["):
            depth += 1
        elif symbol in (b"}", b"]"):
            depth -= 1
            if depth <= 0:
                return mark.end() if depth == 0 else mark.start()
        elif symbol != b"," and not mark.group(1):
            return None  # a string that does not end
        elif depth == 0:  # a string, or the comma after a number
            return mark.start() if symbol == b"," else mark.end()
    return len(text) if is_at_end and depth == 0 and position < len(text) else None
