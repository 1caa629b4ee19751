"""A JSON file of any size, array by array in pieces: memory stays that of a piece.

A piece is cut where one object of an array seems to end and the next to begin. Whoever decodes it finds out whether
that was right: `elements` finds the true ends by the brackets and strings alone, also in text that is no sound JSON.
"""

import json
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from patchkit.subjects.dataset.json_elements import (
    BETWEEN,
    MISSING,
    TOO_MANY,
    Damaged,
    Piece,
    elements,
    value_end,
)

PIECE = 1 << 18  # bytes: its records stay in the cache of a core
LARGEST = 64 << 20  # bytes of one element
_ANY = msgspec.json.Decoder(list[msgspec.Raw])


class JsonFile:
    """Reads the members of the object that a file is, one after another."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._text = b""
        self._position = 0  # in the text
        self._offset = 0  # of the text in the file
        self._line = 1  # at the begin of the text
        self._column = 1
        self._is_at_end = False
        self._cut = 0  # in the text: where the piece that was given ends
        self.faults: list[Damaged] = []  # what is no JSON, and does not keep the rest from being read

    def members(self) -> Iterator[str]:
        """The keys of the object. What is not read of a value by `pieces` or `value` is passed over.

        Raises   Damaged.
        """
        if self._next() == b"\xef":
            self._fault("the file begins with a byte order mark, which JSON does not allow")
            self._position += 3
        if self._next() != b"{":
            raise self.damaged("it is no JSON object")
        self._position += 1
        is_first = True
        while True:
            symbol = self._pass_commas(is_first)
            is_first = False
            if symbol == b"}":
                self._position += 1
                if self._next():
                    self._fault("there is text after the end")
                return
            if symbol != b'"':
                raise self.damaged("the file ends early" if not symbol else f"a key was expected, not {symbol!r}")
            key = self.value()
            if self._next() != b":":
                raise self.damaged("a colon was expected")
            self._position += 1
            self._next()
            place = self._offset + self._position
            yield str(key)
            if self._offset + self._position == place:
                self._pass_over()

    def peek(self) -> bytes:
        """The first byte of the value that comes next."""
        return self._next()

    def value(self) -> object:
        """The value that comes next, as a whole.

        Raises   Damaged.
        """
        start, end = self._extent()
        raw = self._text[start:end]
        try:
            found: object = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise self.damaged(_reason(error)) from error
        self._position = end
        return found

    def pieces(self) -> Iterator[Piece]:
        """The array that comes next, piece by piece. The reader answers each with `cut`, unless it took all of it.

        Raises   Damaged.
        """
        self._position += 1  # the bracket
        wanted, is_first, is_due = PIECE, True, True
        while True:
            self._fill(wanted)
            symbol = self._pass_commas(is_first) if is_due else self._next()
            is_first = is_due = False
            if symbol == b"]":
                self._position += 1
                return
            if symbol == b"}":
                raise self.damaged(f"an element was expected, not {symbol!r}")
            cut = self._candidate()
            before = self._position
            if cut is not None:
                self._cut = cut
                yield self._piece(before, cut)
                self._position = self._cut
                if self._position > before:
                    wanted, is_due = PIECE, True
                    continue
            found, end, _, _ = elements(self._text[before:])
            if found:
                yield self._piece(before, before + end)
                self._position = before + end
                wanted, is_due = PIECE, True
            elif self._is_at_end:
                raise self.damaged("the file ends in the middle of an array")
            elif wanted > LARGEST:
                raise self.damaged("an element is larger than 64 MiB")
            else:
                wanted *= 2

    def _piece(self, start: int, end: int) -> Piece:
        line_start = self._text.rfind(b"\n", 0, start) + 1
        column = start - line_start + (1 if line_start else self._column)
        return Piece(self._text[start:end], self._offset + start, self._line_at(start), column)

    def cut(self, piece: Piece, length: int) -> None:
        """Take only so many bytes of a piece; 0: it was cut inside of an element."""
        self._cut = piece.offset - self._offset + length

    def _pass_commas(self, is_first: bool) -> bytes:
        """The first byte after the commas that come next, which are one between two values and none elsewhere."""
        commas: list[Damaged] = []
        while (symbol := self._next()) == b",":
            commas.append(self.damaged(TOO_MANY))
            self._position += 1
        wanted = 0 if is_first or symbol in (b"]", b"}", b"") else 1
        if len(commas) > wanted:
            self.faults.append(commas[-1])
        elif len(commas) < wanted:
            self._fault(MISSING)
        return symbol

    def damaged(self, reason: str) -> Damaged:
        position = self._position
        line_start = self._text.rfind(b"\n", 0, position) + 1
        column = position - line_start + (1 if line_start else self._column)
        return Damaged(reason, self._offset + position, self._line_at(position), column)

    def _fault(self, reason: str) -> None:
        self.faults.append(self.damaged(reason))

    def _candidate(self) -> int | None:
        """Where the last object of the text but one seems to end."""
        reach = 1 << 14
        size = len(self._text)
        while True:
            start = max(self._position, size - reach)
            cuts = [match.start() + 1 for match in BETWEEN.finditer(self._text, start)]
            if cuts:
                return cuts[-1]
            if start == self._position:
                return None
            reach *= 8

    def _next(self) -> bytes:
        """The byte at the position, once white space is passed; empty at the end of the file."""
        while True:
            while self._position < len(self._text):
                symbol = self._text[self._position : self._position + 1]
                if not symbol.isspace():
                    return symbol
                self._position += 1
            if self._is_at_end:
                return b""
            self._fill(PIECE)

    def _fill(self, wanted: int) -> None:
        """Have so many bytes after the position, if the file has them, and drop those before it."""
        missing = wanted - (len(self._text) - self._position)
        if missing <= 0 or self._is_at_end:
            return
        data = self._file.read(missing)
        self._is_at_end = not data
        passed = self._text.rfind(b"\n", 0, self._position) + 1
        self._column = self._position - passed + (1 if passed else self._column)
        self._line += self._text.count(b"\n", 0, self._position)
        self._offset += self._position
        self._text = self._text[self._position :] + data
        self._position = 0

    def _line_at(self, position: int) -> int:
        return self._line + self._text.count(b"\n", 0, position)

    def _extent(self) -> tuple[int, int]:
        """Where the value that comes next begins and ends in the text, which is filled up to there."""
        wanted = PIECE
        while True:
            self._fill(wanted)
            end = value_end(self._text, self._position, self._is_at_end)
            if end is not None:
                return self._position, end
            if self._is_at_end:
                raise self.damaged("the file ends in the middle of a value")
            if wanted > LARGEST:
                raise self.damaged("a value is larger than 64 MiB")
            wanted *= 2

    def _pass_over(self) -> None:
        if self._next() == b"[":
            for piece in self.pieces():
                self.cut(piece, self._passed(piece))
            return
        start, end = self._extent()
        try:
            json.loads(self._text[start:end])
        except (ValueError, RecursionError) as error:
            self._fault(_reason(error))
        self._position = end

    def _passed(self, piece: Piece) -> int:
        """How many bytes of a piece are whole values; whether they are JSON is told."""
        try:
            _ANY.decode(b"[%b]" % piece.text)
            return len(piece.text)
        except (msgspec.DecodeError, RecursionError, ValueError):
            pass
        found, end, _, faults = elements(piece.text, is_piece=True)
        self.faults += [piece.damaged(place, reason) for place, reason in faults]
        for one in found:
            try:
                json.loads(piece.text[one.start : one.end])
            except (ValueError, RecursionError) as error:
                self.faults.append(piece.damaged(one.start, _reason(error)))
        return end


def _reason(error: ValueError | RecursionError) -> str:
    """Why a value is no JSON, without the place, which is counted from the begin of the value."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return error.msg if isinstance(error, json.JSONDecodeError) else str(error)
