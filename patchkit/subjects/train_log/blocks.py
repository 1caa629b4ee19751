"""A log as blocks of bytes that fit together."""

import codecs
from collections.abc import Iterator
from typing import BinaryIO

SIZE = 1 << 20
AHEAD = 1 << 16  # of what follows, so that a traceback at the end of a block is seen whole
BEHIND = 1 << 12  # of what came before
MARKS = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
Block = tuple[bytes, int, int]


def blocks(stream: BinaryIO) -> Iterator[Block]:
    """Bytes with the start and the end of the part that is this block; the parts cover the log.

    A part ends with a line, as long as lines are shorter than AHEAD.
    """
    data, start = b"", 0
    for read in _in_utf8(stream):
        data += read
        end = max(data.rfind(b"\n", start, len(data) - AHEAD), data.rfind(b"\r", start, len(data) - AHEAD)) + 1
        if end <= start:
            end = len(data) - AHEAD  # one line as long as a block
        if end > start:
            yield data, start, end
            kept = max(end - BEHIND, 0)
            data, start = data[kept:], end - kept
    if len(data) > start:
        yield data, start, len(data)


def _in_utf8(stream: BinaryIO) -> Iterator[bytes]:
    """The bytes as they come; those of UTF-16, which PowerShell writes, as UTF-8."""
    first = _read(stream)
    encoding = next((name for mark, name in MARKS if first.startswith(mark)), None)
    if encoding is None:
        while first:
            yield first
            first = _read(stream)
        return
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    first = first[2:]
    while first:
        yield decoder.decode(first).encode("utf-8", "replace")
        first = _read(stream)


def _read(stream: BinaryIO) -> bytes:
    """A block, shorter only at the end: a pipe gives what it has."""
    parts = []
    left = SIZE
    while left and (part := stream.read(left)):
        parts.append(part)
        left -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
