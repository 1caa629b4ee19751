"""The images and annotations of a COCO file, piece by piece.

Annotations are decoded by msgspec with types that say what a sound one is. What it refuses is decoded again with types
that take anything, and what is no JSON at all is taken apart by its brackets, so that every other record is still read.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from patchkit.subjects.dataset.json_stream import Damaged, Element, Piece, elements
from patchkit.subjects.dataset.labels import COCO, EDGE, NO_IMAGE, TINY, Box, Labels, Row
from patchkit.subjects.dataset.seen import Repeats, SeenIds
from patchkit.subjects.dataset.tally import Extent, Tally
from patchkit.subjects.dataset.yolo_batch import cell, count_rows

SHOWN = 160  # characters of an annotation
UNREADABLE = object()
_Part = Annotated[float, Meta(ge=0)]
_Size = Annotated[float, Meta(gt=0)]


class _Sound(msgspec.Struct, gc=False):
    image_id: int
    category_id: int
    bbox: tuple[_Part, _Part, _Size, _Size]
    id: int


class _Any(msgspec.Struct, gc=False):
    image_id: Any = None
    category_id: Any = None
    bbox: Any = None
    id: Any = None


class _Image(msgspec.Struct, gc=False):
    id: int
    file_name: str
    width: _Size
    height: _Size


_SOUND = msgspec.json.Decoder(list[_Sound])
_ANY = msgspec.json.Decoder(list[_Any])
_IMAGES = msgspec.json.Decoder(list[_Image])
_REFUSED = (msgspec.DecodeError, RecursionError, OverflowError, ValueError)


@dataclass(frozen=True)
class Frame:
    """The size of an image, and the limits of boxes that are sound in it. In pixels."""

    width: float
    height: float
    right: float
    bottom: float
    narrow: float
    flat: float


@dataclass
class CocoFile:
    """What a COCO file says."""

    path: str
    frames: dict[Any, Frame] = field(default_factory=dict)  # by image id
    names: dict[Any, str] = field(default_factory=dict)  # of the images
    categories: dict[Any, str] = field(default_factory=dict)
    objects: Counter[Any] = field(default_factory=Counter)  # of each image
    tally: Tally = field(default_factory=Tally)
    annotations: int = 0  # that could be told from each other
    keys: list[str] = field(default_factory=list)


Show = Callable[[Labels], None]


class Pieces:
    """Reads pieces of the arrays of a file. Each method gives how many bytes of the piece are whole records."""

    def __init__(
        self,
        coco: CocoFile,
        show: Show,
        folder: str,
        detailed: bool,
        repeated: frozenset[int] | set[int] = frozenset(),
    ) -> None:
        self.coco = coco
        self.repeats = Repeats()
        self._show = show
        self._folder = folder
        self._detailed = detailed
        self._repeated = repeated  # only these annotations are shown, from the second on
        self._met: set[int] = set()
        self._ids = SeenIds()
        self._frames: dict[tuple[float, float], Frame] = {}

    def images(self, piece: Piece) -> int:
        """Keep the sizes and names of images; show those that have none."""
        text = b"[%b]" % piece.text
        try:
            self._keep(_IMAGES.decode(text))
            return len(piece.text)
        except _REFUSED:
            pass
        places, end, _ = elements(piece.text)
        rows = []
        for place in places:
            value = _value(piece.text[place.start : place.end])
            try:
                self._keep([msgspec.convert(value, _Image)])
            except (msgspec.ValidationError, OverflowError):
                fault = "the image has no id, no file_name, or no width and height above 0"
                rows.append(_broken(piece, place, fault))
        if rows:
            self._show(Labels(COCO, self.coco.path, tuple(rows)))
        return end

    def _keep(self, images: Sequence[_Image]) -> None:
        coco = self.coco
        for image in images:
            size = (image.width, image.height)
            frame = self._frames.get(size)
            if frame is None:
                frame = self._frames[size] = _frame(*size)
            coco.frames[image.id] = frame
            coco.names[image.id] = image.file_name

    def annotations(self, piece: Piece) -> int:
        """Count annotations, and show those that may not be sound."""
        text = b"[%b]" % piece.text
        end = len(piece.text)
        places = None
        try:
            found: Sequence[Any] = _SOUND.decode(text)
            odd = self._odd(found)
        except _REFUSED:
            try:
                found = _ANY.decode(text)
            except _REFUSED:
                places, end, _ = elements(piece.text)
                found = [_any(piece.text[place.start : place.end]) for place in places]
            odd = self._odd_of_any(found)
        self.coco.annotations += len(found)
        if odd:
            places = places or elements(piece.text)[0]
            rows = tuple(self._row(found[index], piece, places[index], id_is_new) for index, id_is_new in odd)
            if not self._repeated:
                count_rows(rows, self.coco.tally, detailed=self._detailed)
            self._show(Labels(COCO, self.coco.path, rows))
        return end

    def _odd(self, found: Sequence[_Sound]) -> list[tuple[int, bool]]:
        """Count what is sound; indices of the others, and whether their id is new."""
        frames, categories, is_new = self.coco.frames, self.coco.categories, self._ids.is_new
        odd = []
        hashes, labels, images = [], [], []
        xs, ys, widths, heights = [], [], [], []
        for index, one in enumerate(found):
            frame = frames.get(one.image_id)
            x, y, width, height = one.bbox
            hashes.append(hash((one.image_id, one.category_id, one.bbox)))
            id_is_new = is_new(one.id)
            if (
                frame is None
                or not id_is_new
                or x + width > frame.right
                or y + height > frame.bottom
                or width < frame.narrow
                or height < frame.flat
                or one.category_id not in categories
            ):
                odd.append((index, id_is_new))
                continue
            images.append(one.image_id)
            labels.append(one.category_id)
            xs.append((x + width / 2) / frame.width)
            ys.append((y + height / 2) / frame.height)
            widths.append(width / frame.width)
            heights.append(height / frame.height)
        if self._repeated:
            return self._again(hashes)
        self.repeats.add(hashes)
        self._count(images, labels, (xs, ys, widths, heights))
        return odd

    def _again(self, hashes: list[int]) -> list[tuple[int, bool]]:
        """Of a second reading: annotations that stood before."""
        odd = []
        for index, one in enumerate(hashes):
            if one in self._repeated:
                if one in self._met:
                    odd.append((index, True))
                self._met.add(one)
        return odd

    def _odd_of_any(self, found: Sequence[_Any]) -> list[tuple[int, bool]]:
        """The same for a piece in which some annotation is none by its types."""
        sound, places, odd = [], [], []
        for index, one in enumerate(found):
            try:
                sound.append(msgspec.convert(_fields(one), _Sound))
                places.append(index)
            except (msgspec.ValidationError, OverflowError):
                odd.append((index, self._ids.is_new(one.id) if one.id is not None else True))
        if self._repeated:
            return [(places[index], is_new) for index, is_new in self._odd(sound)]
        return sorted(odd + [(places[index], is_new) for index, is_new in self._odd(sound)])

    def _count(self, images: list[int], labels: list[int], columns: tuple[list[float], ...]) -> None:
        tally = self.coco.tally
        self.coco.objects.update(images)
        tally.objects += len(labels)
        tally.classes.update(labels)
        tally.forms["box"] += len(labels)
        xs, ys, widths, heights = columns
        if labels:
            tally.width.merge(Extent(len(widths), sum(widths), min(widths), max(widths)))
            tally.height.merge(Extent(len(heights), sum(heights), min(heights), max(heights)))
        if self._detailed:
            tally.places.update(map(cell, ys, xs))
            tally.sizes.update(map(cell, heights, widths))

    def _row(self, one: _Any | _Sound, piece: Piece, place: Element, id_is_new: bool) -> Row:
        coco = self.coco
        row = _broken(piece, place, _fault(one, coco.frames))
        box = row.box
        frame = coco.frames.get(one.image_id) if isinstance(one.image_id, (int, str)) else None
        numbers = tuple(one.bbox) if _is_box(one.bbox) else ()
        if frame is not None and numbers:
            box = _relative(numbers, frame)
        if not self._repeated:
            coco.tally.objects += 1
            if frame is not None:
                coco.objects[one.image_id] += 1
        name = coco.names.get(one.image_id, "") if frame is not None else str(one.image_id)
        return Row(
            row.line,
            row.start,
            row.end,
            row.text,
            one.category_id if isinstance(one.category_id, (int, float, str)) else None,
            numbers,
            "broken" if row.fault else "box",
            box,
            row.fault,
            one.id if isinstance(one.id, (int, str)) else None,
            f"{self._folder}/{name}" if frame is not None and self._folder else name,
            row.column,
            is_repeated=not id_is_new,
            is_duplicate=bool(self._repeated),
        )

    def tell_damage(self, damage: Damaged) -> None:
        """Show how far the file was sound."""
        fault = f"{damage.reason}; {self.coco.annotations} annotations before byte {damage.offset} are sound records"
        if not self._repeated:
            row = Row(damage.line, damage.offset, damage.offset, "", None, (), "broken", None, fault)
            self._show(Labels(COCO, self.coco.path, (row,)))


def _frame(width: float, height: float) -> Frame:
    return Frame(width, height, width * (1 + EDGE), height * (1 + EDGE), width * TINY, height * TINY)


def _value(text: bytes) -> Any:
    """What a record holds. NaN and Infinity, which are no JSON, are numbers for Python's writer and so for us."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _any(text: bytes) -> _Any:
    value = _value(text)
    if not isinstance(value, dict):
        return _Any(bbox=UNREADABLE)
    return _Any(value.get("image_id"), value.get("category_id"), value.get("bbox"), value.get("id"))


def _fields(one: _Any) -> dict[str, Any]:
    return {"image_id": one.image_id, "category_id": one.category_id, "bbox": one.bbox, "id": one.id}


def _is_box(value: Any) -> bool:
    if not isinstance(value, (list, tuple)) or len(value) != 4:
        return False
    return all(isinstance(number, (int, float)) and not isinstance(number, bool) for number in value)


def _fault(one: _Any | _Sound, frames: dict[Any, Frame]) -> str:
    if one.bbox is UNREADABLE:
        return "the annotation is no JSON object, or is nested too deeply"
    if not _is_box(one.bbox):
        return f"bbox is {_short(one.bbox)}, and no list of four numbers"
    if not isinstance(one.category_id, (int, str)) or isinstance(one.category_id, bool):
        return f"category_id is {_short(one.category_id)}"
    if not isinstance(one.image_id, (int, str)) or one.image_id not in frames:
        return NO_IMAGE
    if not isinstance(one.id, (int, str)) or isinstance(one.id, bool):
        return f"id is {_short(one.id)}"
    return ""


def _short(value: Any) -> str:
    return "missing" if value is None else json.dumps(value, default=str)[:60]


def _relative(numbers: tuple[float, ...], frame: Frame) -> Box:
    x, y, width, height = (float(number) for number in numbers)
    return (
        (x + width / 2) / frame.width,
        (y + height / 2) / frame.height,
        width / frame.width,
        height / frame.height,
    )


def _broken(piece: Piece, place: Element, fault: str) -> Row:
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
