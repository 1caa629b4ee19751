"""A log as blocks of bytes that fit together, in one buffer that is filled again and again."""

import codecs
import io
from collections.abc import Iterator
from typing import BinaryIO

SIZE = 1 << 20
AHEAD = 1 << 16  # of what follows, so that a traceback at the end of a block is seen whole
BEHIND = 1 << 12  # of what came before
HEAD = 1 << 12  # bytes by which an encoding without a mark is told
MARKS = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
Block = tuple[bytearray, int, int]


def blocks(stream: BinaryIO) -> Iterator[Block]:
    """The buffer with the start and the end of the part in it that is this block; the parts cover the log.

    A part ends with a line, as long as lines are shorter than AHEAD. The buffer is filled anew for the next one.
    """
    buffer = bytearray(SIZE + AHEAD + BEHIND)
    start, filled = 0, _fill(stream, buffer, 0)
    encoding = next((name for mark, name in MARKS if buffer.startswith(mark)), None)
    skipped = 2 if encoding is not None else 0
    encoding = encoding or _utf16_without_mark(buffer[: min(filled, HEAD)])
    if encoding is not None:
        stream = _Utf16(bytes(buffer[skipped:filled]), stream, encoding)
        filled = _fill(stream, buffer, 0)
    while filled == len(buffer):
        last = filled - AHEAD
        end = max(buffer.rfind(b"\n", start, last), buffer.rfind(b"\r", start, last)) + 1
        if end <= start:
            end = last  # one line as long as a block
        yield buffer, start, end
        kept = end - BEHIND
        buffer[: filled - kept] = buffer[kept:filled]
        start = BEHIND
        filled = _fill(stream, buffer, filled - kept)
    del buffer[filled:]
    if filled > start:
        yield buffer, start, filled


def _utf16_without_mark(head: bytearray) -> str | None:
    """The encoding of a text of which every other byte is 0, as that of English is."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) < 0.3 * len(head) or min(even, odd) > 0.02 * len(head) or not head:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _fill(stream: BinaryIO, buffer: bytearray, filled: int) -> int:
    """How far the buffer is filled then: to its end, unless the log ends. A pipe gives what it has."""
    with memoryview(buffer) as view:
        while filled < len(buffer):
            with view[filled:] as rest:
                count = stream.readinto(rest)  # type: ignore[attr-defined]
            if not count:
                break
            filled += count
    return filled


class _Utf16(io.RawIOBase, BinaryIO):
    """A log in UTF-16, which PowerShell writes, as UTF-8."""

    def __init__(self, first: bytes, stream: BinaryIO, encoding: str) -> None:
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        self._stream = stream
        self._left = self._utf8(first)

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        while not self._left:
            read = self._stream.read(SIZE)
            self._left = self._utf8(read)
            if not read:
                break
        count = min(len(target), len(self._left))
        target[:count] = self._left[:count]
        self._left = self._left[count:]
        return count

    def _utf8(self, data: bytes) -> bytes:
        return self._decoder.decode(data, final=not data).encode("utf-8", "replace")
