"""The images and annotations of a COCO file, piece by piece.

Annotations are decoded by msgspec with types that say what a sound one is. What it refuses is decoded again with types
that take anything, and what is no JSON at all is taken apart by its brackets, so that every other record is still read.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import add, le, truediv
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from patchkit.subjects.dataset.json_stream import Damaged, Element, Piece, elements, objects
from patchkit.subjects.dataset.labels import COCO, EDGE, NO_IMAGE, TINY, Box, Labels, Row
from patchkit.subjects.dataset.seen import Repeats, SeenIds
from patchkit.subjects.dataset.tally import Extent, Tally
from patchkit.subjects.dataset.yolo_batch import cell, count_rows

SHOWN = 160  # characters of an annotation
UNREADABLE = object()
NOWHERE = (1.0, 1.0, 0.0, 0.0)  # for an image that is not there
FAR = 1e9  # pixels: what is beyond is looked at
_Part = Annotated[float, Meta(ge=0, le=FAR)]
_Size = Annotated[float, Meta(gt=0, le=FAR)]


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


Frame = tuple[float, float, float, float]  # width and height of an image, and how far a box may reach, in pixels


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
    has_categories: bool = False


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
        self._frames: dict[tuple[float, float], Frame] = {}  # one for all images of a size
        self.judged_by: dict[Any, str] | None = None  # the categories, when annotations were read

    def is_ready(self, keys: Sequence[str]) -> bool:
        """True if annotations can be held against images and categories, after these members of the file."""
        if self.judged_by is None and "images" in keys and self.coco.categories:
            self.judged_by = self.coco.categories
        return self.judged_by is not None

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
            self._show(Labels(COCO, self.coco.path, tuple(rows), of_images=True))
        return end

    def _keep(self, images: Sequence[_Image]) -> None:
        coco = self.coco
        for image in images:
            size = (image.width, image.height)
            frame = self._frames.get(size)
            if frame is None:
                frame = self._frames[size] = (*size, size[0] * (1 + EDGE), size[1] * (1 + EDGE))
            coco.frames[image.id] = frame
            coco.names[image.id] = image.file_name

    def annotations(self, piece: Piece) -> int:
        """Count annotations, and show those that may not be sound."""
        text = b"[%b]" % piece.text
        end = len(piece.text)
        places: dict[int, Element] = {}
        try:
            found: Sequence[Any] = _SOUND.decode(text)
            odd = self._odd(found)
        except _REFUSED:
            try:
                found = _ANY.decode(text)
            except _REFUSED:
                exact, end, _ = elements(piece.text)
                places = dict(enumerate(exact))
                found = [_any(piece.text[place.start : place.end]) for place in exact]
            odd = self._odd_of_any(found)
        self.coco.annotations += len(found)
        if odd:
            places = places or objects(piece.text, len(found), (index for index, _ in odd))
            rows = tuple(self._row(found[index], piece, places[index], is_repeated) for index, is_repeated in odd)
            if not self._repeated:
                count_rows(rows, self.coco.tally, detailed=self._detailed)
            only = ("row-duplicate",) if self._repeated else None  # whatever else there is was told the first time
            self._show(Labels(COCO, self.coco.path, rows, rules=only))
        return end

    def _odd(self, found: Sequence[_Sound]) -> list[tuple[int, bool]]:
        """Count what is sound; indices of the others, and whether their id was seen before."""
        if not found:
            return []
        images = [one.image_id for one in found]
        labels = [one.category_id for one in found]
        boxes = [one.bbox for one in found]
        hashes = list(map(hash, zip(images, labels, boxes, strict=True)))
        if self._repeated:
            return self._again(hashes)
        self.repeats.add(hashes)
        seen = self._ids.repeated([one.id for one in found])
        frames = list(map(self.coco.frames.get, images))
        odd = {index for index, frame in enumerate(frames) if frame is None} if None in frames else set()
        if odd:
            frames = [frame or NOWHERE for frame in frames]
        categories = self.coco.categories
        if categories and not categories.keys() >= set(labels):
            odd |= {index for index, label in enumerate(labels) if label not in categories}
        columns = (*zip(*boxes, strict=True), *zip(*frames, strict=True))
        if not _are_inside(columns):
            odd |= {index for index, values in enumerate(zip(*columns, strict=True)) if not _is_inside(*values)}
        odd |= seen
        if odd:
            sound = [index for index in range(len(found)) if index not in odd]
            images, labels = [images[index] for index in sound], [labels[index] for index in sound]
            columns = tuple([column[index] for index in sound] for column in columns)
        self._count(images, labels, columns)
        return [(index, index in seen) for index in sorted(odd)]

    def _again(self, hashes: list[int]) -> list[tuple[int, bool]]:
        """Of a second reading: annotations that stood before."""
        odd = []
        for index, one in enumerate(hashes):
            if one in self._repeated:
                if one in self._met:
                    odd.append((index, False))
                self._met.add(one)
        return odd

    def _odd_of_any(self, found: Sequence[_Any]) -> list[tuple[int, bool]]:
        """The same for a piece in which some annotation is none by its types."""
        sound, places, others = [], [], []
        for index, one in enumerate(found):
            if _is_sound(one):
                sound.append(_Sound(one.image_id, one.category_id, tuple(one.bbox), one.id))
                places.append(index)
            else:
                others.append(index)
        odd = [(places[index], is_repeated) for index, is_repeated in self._odd(sound)]
        if self._repeated:
            return odd
        seen = self._ids.repeated([found[index].id for index in others])
        return sorted(odd + [(index, place in seen) for place, index in enumerate(others)])

    def _count(self, images: list[int], labels: list[int], columns: "Columns") -> None:
        tally = self.coco.tally
        self.coco.objects.update(images)
        tally.objects += len(labels)
        tally.classes.update(labels)
        tally.forms["box"] += len(labels)
        xs, ys, widths, heights, across, down, _, _ = columns
        if not labels:
            return
        wide, high = list(map(truediv, widths, across)), list(map(truediv, heights, down))
        tally.width.merge(Extent(len(wide), sum(wide), min(wide), max(wide)))
        tally.height.merge(Extent(len(high), sum(high), min(high), max(high)))
        if self._detailed:
            tally.places.update(map(cell, map(_centre, ys, heights, down), map(_centre, xs, widths, across)))
            tally.sizes.update(map(cell, high, wide))

    def _row(self, one: _Any | _Sound, piece: Piece, place: Element, is_repeated: bool) -> Row:
        coco = self.coco
        row = _broken(piece, place, _fault(one, coco.frames))
        box = row.box
        frame = coco.frames.get(one.image_id) if isinstance(one.image_id, (int, str)) else None
        numbers = tuple(map(_float, one.bbox)) if _is_box(one.bbox) else ()
        if frame is not None and numbers:
            box = _relative(numbers, frame)
        if not self._repeated:
            coco.tally.objects += 1
            if frame is not None:
                coco.objects[one.image_id] += 1
        name = coco.names.get(one.image_id, "") if frame is not None else _short(one.image_id)
        return Row(
            row.line,
            row.start,
            row.end,
            row.text if one.bbox is UNREADABLE else _shown(one),
            one.category_id if isinstance(one.category_id, (int, float, str)) else None,
            numbers,
            "broken" if row.fault else "box",
            box,
            row.fault,
            one.id if isinstance(one.id, (int, str)) else None,
            f"{self._folder}/{name}" if frame is not None and self._folder else name,
            row.column,
            is_repeated=is_repeated,
            is_duplicate=bool(self._repeated),
        )

    def tell(self, damage: Damaged) -> None:
        """Show where the file is not sound."""
        if not self._repeated:
            place = (damage.line, damage.offset, damage.offset)
            row = Row(*place, "", None, (), "broken", None, damage.reason, column=damage.column)
            self._show(Labels(COCO, self.coco.path, (row,)))


Columns = tuple[Sequence[float], ...]  # left, top, width, height of each box, and the four of its frame


def _are_inside(columns: Columns) -> bool:
    xs, ys, widths, heights, across, down, right, bottom = columns
    return (
        all(map(le, map(add, xs, widths), right))
        and all(map(le, map(add, ys, heights), bottom))
        and min(map(truediv, widths, across)) >= TINY
        and min(map(truediv, heights, down)) >= TINY
    )


def _is_inside(
    x: float, y: float, width: float, height: float, across: float, down: float, right: float, bottom: float
) -> bool:
    return x + width <= right and y + height <= bottom and width / across >= TINY and height / down >= TINY


def _centre(start: float, size: float, whole: float) -> float:
    return (start + size / 2) / whole


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


def _is_sound(one: _Any) -> bool:
    """True for what `_Sound` takes."""
    box = one.bbox
    if not type(one.image_id) is type(one.category_id) is type(one.id) is int or not _is_box(box):
        return False
    x, y, width, height = box
    return bool(0 <= x < FAR and 0 <= y < FAR and 0 < width < FAR and 0 < height < FAR)


def _float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")


def _is_box(value: Any) -> bool:
    if not isinstance(value, (list, tuple)) or len(value) != 4:
        return False
    return {int, float}.issuperset(map(type, value))


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


def _shown(one: _Any | _Sound) -> str:
    values = {"id": one.id, "image_id": one.image_id, "category_id": one.category_id, "bbox": one.bbox}
    return ", ".join(f"{name} {_short(value)}" for name, value in values.items())


def _short(value: Any) -> str:
    return "missing" if value is None else json.dumps(value, default=str)[:60]


def _relative(numbers: tuple[float, ...], frame: Frame) -> Box:
    x, y, width, height = numbers
    across, down, _, _ = frame
    return (x + width / 2) / across, (y + height / 2) / down, width / across, height / down


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
