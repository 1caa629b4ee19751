"""One record of a COCO file: what a sound one is, what is made of any other, and how it is shown."""

import json
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from patchkit.subjects.dataset.json_stream import Element, Piece
from patchkit.subjects.dataset.labels import NO_IMAGE, Box, Row

SHOWN = 160  # characters of an annotation
UNREADABLE = object()
FAR = 1e9  # pixels: what is beyond is looked at
_Part = Annotated[float, Meta(ge=0, le=FAR)]
_Size = Annotated[float, Meta(gt=0, le=FAR)]


class Sound(msgspec.Struct, gc=False):
    """An annotation that only its image and its category can make wrong."""

    image_id: int
    category_id: int
    bbox: tuple[_Part, _Part, _Size, _Size]
    id: int


class Loose(msgspec.Struct, gc=False):
    """An annotation as it is."""

    image_id: Any = None
    category_id: Any = None
    bbox: Any = None
    id: Any = None


class Image(msgspec.Struct, gc=False):
    """An image whose boxes can be looked at."""

    id: int
    file_name: str
    width: _Size
    height: _Size


SOUND = msgspec.json.Decoder(list[Sound])
LOOSE = msgspec.json.Decoder(list[Loose])
IMAGES = msgspec.json.Decoder(list[Image])
REFUSED = (msgspec.DecodeError, RecursionError, OverflowError, ValueError)


Frame = tuple[float, float, float, float]  # width and height of an image, and how far a box may reach, in pixels


def value_of(text: bytes) -> Any:
    """What a record holds. NaN and Infinity, which are no JSON, are numbers for Python's writer and so for us."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def loose_of(text: bytes) -> Loose:
    """The annotation of a record that is no JSON, or not by our types."""
    value = value_of(text)
    if not isinstance(value, dict):
        return Loose(bbox=UNREADABLE)
    return Loose(value.get("image_id"), value.get("category_id"), value.get("bbox"), value.get("id"))


def is_sound(one: Loose) -> bool:
    """True for what `Sound` takes."""
    box = one.bbox
    if not type(one.image_id) is type(one.category_id) is type(one.id) is int or not is_box(box):
        return False
    x, y, width, height = box
    return bool(0 <= x < FAR and 0 <= y < FAR and 0 < width < FAR and 0 < height < FAR)


def as_float(number: float) -> float:
    """The number; infinite where it is a whole one of too many digits."""
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")


def is_box(value: Any) -> bool:
    if not isinstance(value, (list, tuple)) or len(value) != 4:
        return False
    return {int, float}.issuperset(map(type, value))


def fault_of(one: Loose | Sound, frames: dict[Any, Frame]) -> str:
    """Why an annotation cannot be understood; empty if it can."""
    if one.bbox is UNREADABLE:
        return "the annotation is no JSON object, or is nested too deeply"
    if not is_box(one.bbox):
        return f"bbox is {short(one.bbox)}, and no list of four numbers"
    if not isinstance(one.category_id, (int, str)) or isinstance(one.category_id, bool):
        return f"category_id is {short(one.category_id)}"
    if not isinstance(one.image_id, (int, str)) or one.image_id not in frames:
        return NO_IMAGE
    if not isinstance(one.id, (int, str)) or isinstance(one.id, bool):
        return f"id is {short(one.id)}"
    return ""


def shown(one: Loose | Sound) -> str:
    """The members of an annotation that trainers read."""
    values = {"id": one.id, "image_id": one.image_id, "category_id": one.category_id, "bbox": one.bbox}
    return ", ".join(f"{name} {short(value)}" for name, value in values.items())


def short(value: Any) -> str:
    return "missing" if value is None else json.dumps(value, default=str)[:60]


def relative(numbers: tuple[float, ...], frame: Frame) -> Box:
    """A box of pixels in parts of its image."""
    x, y, width, height = numbers
    across, down, _, _ = frame
    return (x + width / 2) / across, (y + height / 2) / down, width / across, height / down


def broken(piece: Piece, place: Element, fault: str) -> Row:
    """A row for the record at a place, of which only the place is known."""
    raw = piece.text[place.start : place.end]
    text = raw[: 4 * SHOWN].decode("utf-8", "backslashreplace")
    shown = " ".join(text.split())
    shown = f"{shown[:SHOWN]}..." if len(shown) > SHOWN else shown
    before = piece.text[: place.start]
    line = piece.line + before.count(b"\n")
    column = place.start - before.rfind(b"\n") if b"\n" in before else piece.column + place.start
    start = piece.offset + place.start
    return Row(line, start, start + len(raw), shown, None, (), "broken", None, fault, column=column)
