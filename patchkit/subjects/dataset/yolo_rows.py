"""A label file of YOLO, row by row, with all that is wrong in it. Sound files never get here: see yolo_batch."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

from patchkit.subjects.dataset.labels import YOLO, Box, Labels, Row

SHOWN = 80  # characters of a row
_WHOLE = re.compile(r"[+-]?[0-9]{1,4000}")  # no more than int() takes
# As str.splitlines has them; the last two are U+0085 and U+2028 or U+2029.
_LINE_END = re.compile(rb"\r\n|[\n\r\x0b\x0c\x1c-\x1e]|\xc2\x85|\xe2\x80[\xa8\xa9]")


@dataclass(frozen=True)
class Columns:
    """What `kpt_shape` of the data yaml says of the rows of a pose."""

    count: int | None = None  # of every row; None: boxes and polygons
    dimensions: int = 2  # numbers of a point


def read_rows(path: str, data: bytes, columns: Columns, image: str = "", *, line: int = 1, start: int = 0) -> Labels:
    """The rows of a file, or of the piece of one that begins at `line` and at byte `start`."""
    mark = start == 0 and data.startswith(codecs.BOM_UTF8)
    position = 3 if mark else 0
    rows = []
    undecodable = []
    returns = 0
    for raw, mark_of_end in _lines(data, position):
        end = position + len(raw) + len(mark_of_end)
        returns += mark_of_end == b"\r\n"
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            undecodable.append(line)
            text = raw.decode("utf-8", "backslashreplace")
        if tokens := text.split():
            rows.append(_row(tokens, columns, line, start + position, start + end, image))
        position, line = end, line + 1
    return Labels(
        YOLO,
        path,
        tuple(rows),
        mark=mark,
        carriage_returns=returns,
        undecodable=tuple(undecodable),
        columns=columns.count,
        dimensions=columns.dimensions,
        is_empty=not rows,
    )


def _lines(data: bytes, position: int) -> Iterator[tuple[bytes, bytes]]:
    """Each line with its end."""
    for found in _LINE_END.finditer(data, position):
        yield data[position : found.start()], found.group()
        position = found.end()
    yield data[position:], b""


def _row(tokens: list[str], columns: Columns, line: int, start: int, end: int, image: str) -> Row:
    text = " ".join(tokens[:40])
    if len(text) > SHOWN:
        text = f"{text[:SHOWN]}..."
    label = _label(tokens[0])
    numbers = []
    for token in tokens[1:]:
        try:
            numbers.append(float(token))
        except ValueError:
            fault = f"'{token[:SHOWN]}' is no number"
            return Row(line, start, end, text, label, tuple(numbers), "broken", None, fault, image=image)
    form = _form(len(tokens), columns)
    values = tuple(numbers)
    return Row(line, start, end, text, label, values, form, _box(form, values), image=image)


def _label(token: str) -> int | float | str:
    if _WHOLE.fullmatch(token):
        return int(token)
    try:
        number = float(token)
    except ValueError:
        return token[:SHOWN]
    return int(number) if number.is_integer() and abs(number) < 1e18 else number


def _form(count: int, columns: Columns) -> str:
    if columns.count is not None:
        return "pose" if count == columns.count else "broken"
    if count == 5:
        return "box"
    return "polygon" if count >= 7 and count % 2 else "broken"


def _box(form: str, numbers: tuple[float, ...]) -> Box | None:
    """The box that a trainer makes of a row."""
    if form in ("box", "pose"):
        return numbers[0], numbers[1], numbers[2], numbers[3]
    if form == "polygon":
        left, right = min(numbers[::2]), max(numbers[::2])
        top, bottom = min(numbers[1::2]), max(numbers[1::2])
        return (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
    return None
