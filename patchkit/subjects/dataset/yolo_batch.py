"""Label files of YOLO, many at once: those that are proved sound are only counted.

The text is turned into JSON by two replacements and decoded by msgspec with types that say what a sound row is: one
call in C reads and checks all rows. What it refuses is cut where it was refused, so a row is decoded about twice at
most. What passes here has no row that a rule could find anything in.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, repeat
from operator import add, mul, sub
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from patchkit.subjects.dataset.labels import EDGE, LABEL_LIMIT, TINY, Labels
from patchkit.subjects.dataset.labels import Row as LabelRow
from patchkit.subjects.dataset.tally import BINS, Extent, Tally
from patchkit.subjects.dataset.yolo_rows import Columns

_Part = Annotated[float, Meta(ge=0, le=1)]
_Size = Annotated[float, Meta(ge=TINY, le=1)]
_REFUSED = (msgspec.DecodeError, OverflowError)
_NOT_OURS = (b",", b"[", b"]", b"\r", b"\t")  # they would pass for what the replacements make
_AT_ROW = re.compile(r"\$\[(\d+)\]")
_AT_BYTE = re.compile(r"\(byte (\d+)\)")
SHORTEST = 7  # columns of a polygon
# Label, centre x, centre y, width, height of each row.
Row = tuple[int, float, float, float, float]


@dataclass(frozen=True)
class Sound:
    """What the rows are like that no rule finds anything in."""

    boxes: msgspec.json.Decoder[Any] | None  # None: every row is a pose
    others: msgspec.json.Decoder[Any]
    nc: int
    columns: Columns


def sound(nc: int | None, columns: Columns) -> Sound:
    """What rows must be like with `nc` classes."""
    limit = min(nc, LABEL_LIMIT) if nc is not None else LABEL_LIMIT
    label = Annotated[int, Meta(ge=0, lt=limit)]
    number = Annotated[float, Meta(ge=0)]
    row = Annotated[list[number], Meta(min_length=columns.count or SHORTEST)]
    boxes = msgspec.json.Decoder(list[tuple[label, _Part, _Part, _Size, _Size]])
    return Sound(None if columns.count else boxes, msgspec.json.Decoder(list[row]), limit, columns)


def count_sound(files: Sequence[bytes], rows: Sound, tally: Tally, *, detailed: bool) -> list[int]:
    """Count the files that are sound, and give the indices of the others."""
    is_marked = _is_marked(b"".join(files))
    asked = [index for index, text in enumerate(files) if text and not (is_marked and _is_marked(text))]
    batch = _batch([files[index] for index in asked])
    pieces = [(0, len(asked))] if asked else []
    sound: set[int] = set()
    while pieces:
        first, last = pieces.pop()
        decoded = _decoded(batch, first, last, rows)
        if isinstance(decoded, int):
            if decoded > first:
                pieces += [(first, decoded), (decoded, last)]
            elif last - first > 1:
                pieces.append((first + 1, last))
            continue
        form, found = decoded
        kept = _in_sound_files(found, batch.objects[first:last])
        if kept.rows:
            _count(form, kept, tally, detailed=detailed)
        sound.update(asked[first + place] for place in kept.places)
    return [index for index in range(len(files)) if index not in sound]


@dataclass(frozen=True)
class _Batch:
    """Files as one text, with where each of them begins; the last number is where all end."""

    array: bytes  # the rows of files, each with "],[" at its end
    objects: list[int]  # of each file
    rows: list[int]  # before each file
    offsets: list[int]  # of each file in the array


@dataclass(frozen=True)
class _Files:
    """The rows of some files, one after another."""

    rows: Sequence[Row | None]  # None: one that is not sound
    objects: list[int]  # of each file
    places: list[int]  # of each file among those that were asked


def _is_marked(text: bytes) -> bool:
    return any(mark in text for mark in _NOT_OURS)


def _batch(texts: Iterable[bytes]) -> _Batch:
    ended = [text if text.endswith(b"\n") else text + b"\n" for text in texts]
    objects = [text.count(b"\n") for text in ended]
    sizes = map(add, map(len, ended), map(mul, objects, repeat(2)))  # a line end becomes three bytes
    array = b"".join(ended).replace(b" ", b",").replace(b"\n", b"],[")
    return _Batch(array, objects, [0, *accumulate(objects)], [0, *accumulate(sizes)])


def _decoded(batch: _Batch, first: int, last: int, rows: Sound) -> tuple[str, list[Row | None]] | int:
    """The rows of some files and their form, or the first of these files of which one is not known to be sound."""
    array = b"[[%b]]" % batch.array[batch.offsets[first] : batch.offsets[last] - 3]
    furthest = first
    for form, decode in (("box", _boxes), ("pose" if rows.columns.count else "polygon", _others)):
        found = decode(array, rows)
        if isinstance(found, list):
            return form, found
        middle = (first + last) // 2
        place = middle if found is None else bisect_right(batch.rows, batch.rows[first] + found) - 1
        furthest = max(furthest, place)
    return furthest


def _boxes(array: bytes, rows: Sound) -> list[Row | None] | int | None:
    """The rows as boxes, or the index of one that is none; None if it is not known which."""
    if rows.boxes is None:
        return 0
    try:
        boxes: list[Row | None] = rows.boxes.decode(array)
    except _REFUSED as error:
        return _refused(error, array)
    return boxes


def _others(array: bytes, rows: Sound) -> list[Row | None] | int | None:
    """The same for polygons, or for poses; None among the rows: one that is not sound."""
    try:
        return [_pose(row, rows) if rows.columns.count else _polygon(row, rows) for row in rows.others.decode(array)]
    except _REFUSED as error:
        return _refused(error, array)


def _refused(error: Exception, array: bytes) -> int | None:
    """The index of the row at which decoding stopped. Where the message does not say so, it is not known."""
    if row := _AT_ROW.search(str(error)):
        return int(row[1])
    if byte := _AT_BYTE.search(str(error)):
        return array.count(b"],[", 0, int(byte[1]))
    return None


def _polygon(numbers: list[float], rows: Sound) -> Row | None:
    if not len(numbers) % 2 or max(numbers[1:]) > 1 or not _is_label(numbers[0], rows):
        return None
    xs, ys = numbers[1::2], numbers[2::2]
    left, right, top, bottom = min(xs), max(xs), min(ys), max(ys)
    if right - left < TINY or bottom - top < TINY:
        return None
    return int(numbers[0]), (left + right) / 2, (top + bottom) / 2, right - left, bottom - top


def _pose(numbers: list[float], rows: Sound) -> Row | None:
    label, x, y, width, height, *points = numbers
    if len(numbers) != rows.columns.count or not _is_label(label, rows) or min(width, height) < TINY:
        return None
    if rows.columns.dimensions == 3:
        points = points[::3] + points[1::3]
    return None if max(x, y, width, height, *points) > 1 else (int(label), x, y, width, height)


def _is_label(number: float, rows: Sound) -> bool:
    return number < rows.nc and number.is_integer()


def _in_sound_files(found: list[Row | None], objects: list[int]) -> _Files:
    """The files in which no row is odd, and none stands twice."""
    files = _Files(found, objects, list(range(len(objects))))
    for odd in (_unsound, _outside, _repeated):
        if files.rows and (without := odd(files)):
            files = _without(files, without)
    return files


def _without(files: _Files, odd: set[int]) -> _Files:
    kept = [index for index in range(len(files.objects)) if index not in odd]
    ends = list(accumulate(files.objects))
    rows = [row for index in kept for row in files.rows[ends[index] - files.objects[index] : ends[index]]]
    return _Files(rows, [files.objects[index] for index in kept], [files.places[index] for index in kept])


def _of_rows(files: _Files, odd: Iterable[int]) -> set[int]:
    """The files that some rows belong to."""
    ends = list(accumulate(files.objects))
    return {bisect_right(ends, row) for row in odd}


def _unsound(files: _Files) -> set[int]:
    return (
        _of_rows(files, (row for row, found in enumerate(files.rows) if found is None)) if None in files.rows else set()
    )


def _outside(files: _Files) -> set[int]:
    """Files with a row that reaches out of its image."""
    _, xs, ys, widths, heights = _columns(files)
    odd: set[int] = set()
    for centres, sizes in ((xs, widths), (ys, heights)):
        halves = list(map(mul, sizes, repeat(0.5)))
        if max(map(add, centres, halves)) > 1 + EDGE or min(map(sub, centres, halves)) < -EDGE:
            ends = enumerate(zip(centres, halves, strict=True))
            odd |= _of_rows(files, (row for row, (c, half) in ends if c + half > 1 + EDGE or c - half < -EDGE))
    return odd


def _repeated(files: _Files) -> set[int]:
    """Files in which a row stands twice. Polygons of one extent are looked at row by row."""
    if len(set(files.rows)) == len(files.rows):
        return set()
    ends = accumulate(files.objects)
    return {
        place
        for place, (count, end) in enumerate(zip(files.objects, ends, strict=True))
        if len(set(files.rows[end - count : end])) != count
    }


def _columns(files: _Files) -> tuple[Sequence[Any], ...]:
    return tuple(zip(*files.rows, strict=True))


def _count(form: str, files: _Files, tally: Tally, *, detailed: bool) -> None:
    labels, xs, ys, widths, heights = _columns(files)
    tally.files += len(files.objects)
    tally.objects += len(labels)
    tally.objects_per_image.update(files.objects)
    tally.classes.update(labels)
    tally.forms[form] += len(labels)
    for extent, values in ((tally.width, widths), (tally.height, heights)):
        extent.merge(Extent(len(values), sum(values), min(values), max(values)))
    if detailed:
        tally.places.update(map(cell, ys, xs))
        tally.sizes.update(map(cell, heights, widths))


def cell(row: float, column: float) -> int:
    """The field of a map of BINS x BINS in which a place lies."""
    return min(int(row * BINS), BINS - 1) * BINS + min(int(column * BINS), BINS - 1)


def count_odd(labels: Labels, tally: Tally, *, detailed: bool) -> None:
    """Count the rows of a file that was read row by row: every label, and the sizes of boxes that can be."""
    rows = [row for row in labels.rows if row.end > row.start]  # the others are about the file as a whole
    tally.files += 1
    tally.empty += not rows
    tally.objects += len(rows)
    tally.objects_per_image[len(rows)] += 1
    count_rows(rows, tally, detailed=detailed)


def count_rows(rows: Iterable[LabelRow], tally: Tally, *, detailed: bool) -> None:
    """Count labels, forms and sizes."""
    for row in rows:
        tally.classes[row.label if isinstance(row.label, (int, str)) else str(row.label)] += 1
        tally.forms[row.form] += 1
        if row.box is None or not all(0 <= number <= 1 for number in row.box):
            continue
        x, y, width, height = row.box
        tally.width.merge(Extent(1, width, width, width))
        tally.height.merge(Extent(1, height, height, height))
        if detailed:
            tally.places[cell(y, x)] += 1
            tally.sizes[cell(height, width)] += 1
