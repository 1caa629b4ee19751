"""Label files of YOLO, many at once: those that are proved sound are only counted.

The text is turned into JSON by two replacements and decoded by msgspec with types that say what a sound row is: one
call in C reads and checks all rows. What it refuses is halved until the files that must be read row by row are left, so
a file is odd at most once, and what passes here has no row that a rule could find anything in.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
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
    odd = [index for index, text in enumerate(files) if not text]
    pieces = [[index for index, text in enumerate(files) if text]] if len(odd) < len(files) else []
    while pieces:
        piece = pieces.pop()
        texts = [files[index] for index in piece]
        texts = [text if text.endswith(b"\n") else text + b"\n" for text in texts]
        objects = [text.count(b"\n") for text in texts]
        found, form = _rows(texts, rows)
        if found is not None:
            repeated = _repeated(found, objects)
            if not repeated:
                _count(found, form, objects, tally, detailed=detailed)
                continue
            odd += [piece[place] for place in repeated]
            rest = [index for place, index in enumerate(piece) if place not in repeated]
            pieces += [rest] if rest else []
        elif len(piece) > 1:
            middle = len(piece) // 2
            pieces += [piece[:middle], piece[middle:]]
        else:
            odd += piece
    return sorted(odd)


def _rows(texts: list[bytes], rows: Sound) -> tuple[list[Row] | None, str]:
    """Every row, and what they are; None if there is one that is not sound."""
    text = b"".join(texts)
    if any(mark in text for mark in _NOT_OURS):
        return None, ""
    array = b"[[%b]]" % text[:-1].replace(b" ", b",").replace(b"\n", b"],[")
    if rows.boxes is not None:
        with suppress(*_REFUSED):
            found = rows.boxes.decode(array)
            return (found, "box") if _is_inside(found) else (None, "")
    with suppress(*_REFUSED):
        form, reduced = ("pose", _pose) if rows.columns.count else ("polygon", _polygon)
        others = rows.others.decode(array)
        boxes = [row for row in map(reduced, others, repeat(rows)) if row is not None]
        return (boxes, form) if len(boxes) == len(others) and _is_inside(boxes) else (None, "")
    return None, ""


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


def _is_inside(found: list[Row]) -> bool:
    _, xs, ys, widths, heights = zip(*found, strict=True)
    return _reach_inside(xs, widths) and _reach_inside(ys, heights)


def _reach_inside(centres: Sequence[float], sizes: Sequence[float]) -> bool:
    halves = list(map(mul, sizes, repeat(0.5)))
    return bool(max(map(add, centres, halves)) <= 1 + EDGE and min(map(sub, centres, halves)) >= -EDGE)


def _repeated(found: list[Row], objects: list[int]) -> set[int]:
    """Places of the files in which a row stands twice. Polygons of one extent are looked at row by row."""
    if len(set(found)) == len(found):
        return set()
    ends = list(accumulate(objects))
    return {
        place
        for place, (count, end) in enumerate(zip(objects, ends, strict=True))
        if len(set(found[end - count : end])) != count
    }


def _count(found: list[Row], form: str, objects: list[int], tally: Tally, *, detailed: bool) -> None:
    labels, xs, ys, widths, heights = zip(*found, strict=True)
    tally.files += len(objects)
    tally.objects += len(labels)
    tally.objects_per_image.update(objects)
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
