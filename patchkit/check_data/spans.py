"""Bytes that are taken out of a file and put back: neighbours of an array go with their commas."""

import re
from collections.abc import Iterable, Sequence

_COMMA_AFTER = re.compile(rb"\s*,\s*")
_COMMA_BEFORE = re.compile(rb",\s*\Z")
Span = tuple[int, int]


def merge(spans: Iterable[Span]) -> list[Span]:
    """The spans in order, each byte in one of them at most."""
    merged: list[Span] = []
    for start, end in sorted(set(spans)):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def with_commas(data: bytes, spans: Sequence[Span]) -> list[Span]:
    """Elements of arrays, neighbours together, each with the comma that must go with it."""
    runs: list[Span] = []
    for start, end in spans:
        if runs and re.fullmatch(rb"\s*,\s*", data[runs[-1][1] : start]):
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    widened = []
    for start, end in runs:
        if comma := _COMMA_AFTER.match(data, end):
            widened.append((start, comma.end()))
        elif before := _COMMA_BEFORE.search(data, max(start - 4096, 0), start):
            widened.append((before.start(), end))
        else:
            widened.append((start, end))
    return widened


def without(data: bytes, spans: Sequence[Span]) -> bytes:
    """The bytes outside of the spans."""
    pieces, position = [], 0
    for start, end in spans:
        pieces.append(data[position:start])
        position = end
    return b"".join([*pieces, data[position:]])


def with_rows(data: bytes, spans: Sequence[Span], rows: bytes) -> bytes:
    """What `without` was given: `rows` are the bytes of the spans, one after another."""
    pieces, position, taken, passed = [], 0, 0, 0
    for start, end in spans:
        kept = start - passed
        pieces += [data[position:kept], rows[taken : taken + end - start]]
        position, taken, passed = kept, taken + end - start, passed + end - start
    return b"".join([*pieces, data[position:]])
