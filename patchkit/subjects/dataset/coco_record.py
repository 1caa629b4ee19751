"""One record of a COCO file: what a sound one is, what is made of any other, and how it is shown."""

import json
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta

from patchkit.subjects.dataset.json_elements import Element, Piece
from patchkit.subjects.dataset.labels import NO_IMAGE, NO_IMAGE_ID, Box, Row

SHOWN = 160  # characters of an annotation
UNREADABLE = object()
_ENCODER = json.JSONEncoder(default=str)
FAR = 1e9  # pixels: what is beyond is looked at
_Part = Annotated[float, Meta(ge=0, le=FAR)]
_Size = Annotated[float, Meta(gt=0, le=FAR)]


class Sound(msgspec.Struct, gc=False):
    """An annotation that only its image and its category can make wrong."""

    image_id: int | str
    category_id: int | str
    bbox: tuple[_Part, _Part, _Size, _Size]
    id: int | str


class Whole(Sound, gc=False):
    """A sound annotation that has all that trainers read."""

    area: Annotated[float, Meta(gt=0)]
    iscrowd: Annotated[int, Meta(ge=0, le=1)]


class Partial(Sound, gc=False):
    """A sound annotation whose area and iscrowd must be looked at."""

    area: Any = UNSET
    iscrowd: Any = UNSET


class Loose(msgspec.Struct, gc=False):
    """An annotation as it is. What it lacks is UNSET where trainers take null for something else."""

    image_id: Any = None
    category_id: Any = None
    bbox: Any = UNSET
    id: Any = None
    area: Any = UNSET
    iscrowd: Any = UNSET


class Image(msgspec.Struct, gc=False):
    """An image whose boxes can be looked at."""

    id: int | str
    file_name: str
    width: _Size
    height: _Size


class LooseImage(msgspec.Struct, gc=False):
    """An image as it is."""

    id: Any = None
    file_name: Any = None
    width: Any = None
    height: Any = None


WHOLE = msgspec.json.Decoder(list[Whole])
PARTIAL = msgspec.json.Decoder(list[Partial])
LOOSE = msgspec.json.Decoder(list[Loose])
IMAGES = msgspec.json.Decoder(list[Image])
LOOSE_IMAGES = msgspec.json.Decoder(list[LooseImage])
REFUSED = (msgspec.DecodeError, RecursionError, OverflowError, ValueError)


Frame = tuple[float, float, float, float]  # width and height of an image, and how far a box may reach, in pixels
Frames = Mapping[Any, Frame | None]  # by image id; None: the file does not say how large the image is

# Faults with fates of their own.
JSON, RECORD, MEMBER, NO_CATEGORIES = "json", "record", "member", "no-categories"
NO_BOX = "no-box"
IMAGE_ID, FILE_NAME = "image-id", "image-file-name"
CATEGORY, ANNOTATION_ID, NULL_ID = "category-id", "annotation-id", "annotation-id-null"
CATEGORY_NAME = "category-name"
NO_SIZE, NEGATIVE_SIZE, ODD_SIZE = "image-no-size", "image-size-negative", "image-size-odd"


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
    return Loose(
        value.get("image_id"),
        value.get("category_id"),
        value.get("bbox", UNSET),
        value.get("id"),
        value.get("area", UNSET),
        value.get("iscrowd", UNSET),
    )


def is_sound(one: Loose | Sound) -> bool:
    """True for what `Sound` takes."""
    box = one.bbox
    if not {int, str}.issuperset(map(type, (one.image_id, one.category_id, one.id))) or not is_box(box):
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


def is_known(id: Any, known: Mapping[Any, Any]) -> bool:
    """True if a record has this id, as Python compares them: what is no number and no text is none."""
    return isinstance(id, (int, float, str)) and id in known


def image_of(text: bytes) -> LooseImage | None:
    """The image of a record that is no JSON; None if it is no object either."""
    value = value_of(text)
    if not isinstance(value, dict):
        return None
    return LooseImage(value.get("id"), value.get("file_name"), value.get("width"), value.get("height"))


def frame_of(one: LooseImage) -> tuple[float, float] | None:
    """Width and height, where they are numbers that boxes can be held against."""
    width, height = one.width, one.height
    if not {int, float}.issuperset((type(width), type(height))) or not (0 < width <= FAR and 0 < height <= FAR):
        return None
    return float(width), float(height)


def image_faults(one: LooseImage) -> Iterator[tuple[str, str]]:
    """What an image lacks, and the variant of each fault."""
    if not isinstance(one.id, (int, float, str)):
        yield "the image has no id" if one.id is None else f"the id of an image is {short(one.id)}", IMAGE_ID
    if not isinstance(one.file_name, str):
        fault = f"file_name is {short(one.file_name)}" if one.file_name is not None else "it has no file_name"
        yield f"image {short(one.id)}: {fault}", FILE_NAME
    if frame_of(one) is None:
        fault = f"width is {short(one.width)}, height is {short(one.height)}: its boxes are not compared with its edges"
        yield f"image {short(one.id)}: {fault}", _size_variant(one)


def _size_variant(one: LooseImage) -> str:
    """By what Python's float() makes of them, which is what PaddleDetection asks."""
    try:
        sides = [float(one.width), float(one.height)]
    except (TypeError, ValueError, OverflowError):
        return NO_SIZE
    return NEGATIVE_SIZE if min(sides) < 0 else ODD_SIZE


def category_fault(value: Any) -> str:
    """Why a category is none; empty if it is one."""
    if not isinstance(value, dict):
        return "the category is no JSON object, or is nested too deeply"
    id = value.get("id")
    if id is None:
        return "the category has no id"
    if not isinstance(id, (int, float, str)):
        return f"the id of a category is {short(id)}"
    return ""


def odd_id(id: Any, what: str) -> str:
    """The variant of an id of an image or a category that is no whole number; empty if it is one."""
    if type(id) is int:
        return ""
    return f"of-{what}" if isinstance(id, str) else f"number-of-{what}"


def name_fault(category: dict[str, Any]) -> str:
    """Why the name of a category is none; empty if it is one. Any value does that can be a key."""
    if "name" not in category:
        return f"category {short(category['id'])}: it has no name"
    name = category["name"]
    return f"category {short(category['id'])}: name is {short(name)}" if isinstance(name, (list, dict)) else ""


def fault_of(one: Loose | Sound, frames: Frames, record: bytes) -> tuple[str, str]:
    """Why an annotation cannot be understood, and the variant of the fault; empty if it can."""
    label, id = one.category_id, one.id
    if one.bbox is UNREADABLE:
        return "the annotation is no JSON object, or is nested too deeply", RECORD
    if not is_box(one.bbox):
        is_left_out = one.bbox is UNSET or one.bbox == []
        return f"bbox is {short(one.bbox)}, and no list of four numbers", NO_BOX if is_left_out else ""
    if not isinstance(label, (int, float, str)) or (isinstance(label, float) and not isfinite(label)):
        return f"category_id is {short(label)}", CATEGORY
    if not is_known(one.image_id, frames):
        is_lacking = isinstance(one.image_id, (list, dict)) or (one.image_id is None and _lacks(record, "image_id"))
        return NO_IMAGE, NO_IMAGE_ID if is_lacking else ""
    if id is None and not _lacks(record, "id"):
        return "id is null", NULL_ID
    return ("", "") if isinstance(id, (int, float, str)) else (f"id is {short(id)}", ANNOTATION_ID)


def _lacks(record: bytes, name: str) -> bool:
    """True if a record does not have a member, not even as null."""
    value = value_of(record)
    return not isinstance(value, dict) or name not in value


def label_of(value: Any) -> int | float | str | None:
    """The category of an annotation, where it is a number or text; whole ones as such: 1 for 1.0 and true."""
    if isinstance(value, (bool, float)):
        return int(value) if isfinite(value) and value == int(value) else value
    return value if isinstance(value, (int, str)) else None


def shown(one: Loose | Sound) -> str:
    """The members of an annotation that trainers read."""
    values = {"id": one.id, "image_id": one.image_id, "category_id": one.category_id, "bbox": one.bbox}
    return ", ".join(f"{name} {short(value)}" for name, value in values.items())


def short(value: Any) -> str:
    return "missing" if value is None or value is UNSET else _ENCODER.encode(value)[:60]


def relative(numbers: tuple[float, ...], frame: Frame) -> Box:
    """A box of pixels in parts of its image."""
    x, y, width, height = numbers
    across, down, _, _ = frame
    return (x + width / 2) / across, (y + height / 2) / down, width / across, height / down


def broken(piece: Piece, place: Element, fault: str, variant: str = "") -> Row:
    """A row for the record at a place, of which only the place is known."""
    raw = piece.text[place.start : place.end]
    text = raw[: 4 * SHOWN].decode("utf-8", "backslashreplace")
    shown = " ".join(text.split())
    shown = f"{shown[:SHOWN]}..." if len(shown) > SHOWN else shown
    at = piece.damaged(place.start, fault)
    end = at.offset + len(raw)
    return Row(at.line, at.offset, end, shown, None, (), "broken", None, fault, column=at.column, variant=variant)
