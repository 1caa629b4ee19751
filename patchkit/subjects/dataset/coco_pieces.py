"""The images and annotations of a COCO file, piece by piece.

Annotations are decoded by msgspec with types that say what a sound one is. What it refuses is decoded again with types
that take anything, and what is no JSON at all is taken apart by its brackets, so that every other record is still read.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import add, le, truediv
from typing import Any

import msgspec

from patchkit.subjects.dataset.coco_record import (
    IMAGES,
    LOOSE,
    REFUSED,
    SOUND,
    UNREADABLE,
    Frame,
    Image,
    Loose,
    Sound,
    as_float,
    broken,
    fault_of,
    is_box,
    is_sound,
    loose_of,
    relative,
    short,
    shown,
    value_of,
)
from patchkit.subjects.dataset.json_stream import Damaged, Element, Piece, elements, objects
from patchkit.subjects.dataset.labels import COCO, EDGE, TINY, Labels, Row
from patchkit.subjects.dataset.seen import Repeats, SeenIds
from patchkit.subjects.dataset.tally import Extent, Tally
from patchkit.subjects.dataset.yolo_batch import cell, count_rows

NOWHERE = (1.0, 1.0, 0.0, 0.0)  # for an image that is not there


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
            self._keep(IMAGES.decode(text))
            return len(piece.text)
        except REFUSED:
            pass
        places, end, _ = elements(piece.text)
        rows = []
        for place in places:
            value = value_of(piece.text[place.start : place.end])
            try:
                self._keep([msgspec.convert(value, Image)])
            except (msgspec.ValidationError, OverflowError):
                fault = "the image has no id, no file_name, or no width and height above 0"
                rows.append(broken(piece, place, fault))
        if rows:
            self._show(Labels(COCO, self.coco.path, tuple(rows), of_images=True))
        return end

    def _keep(self, images: Sequence[Image]) -> None:
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
            found: Sequence[Any] = SOUND.decode(text)
            odd = self._odd(found)
        except REFUSED:
            try:
                found = LOOSE.decode(text)
            except REFUSED:
                exact, end, _ = elements(piece.text)
                places = dict(enumerate(exact))
                found = [loose_of(piece.text[place.start : place.end]) for place in exact]
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

    def _odd(self, found: Sequence[Sound]) -> list[tuple[int, bool]]:
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

    def _odd_of_any(self, found: Sequence[Loose]) -> list[tuple[int, bool]]:
        """The same for a piece in which some annotation is none by its types."""
        sound, places, others = [], [], []
        for index, one in enumerate(found):
            if is_sound(one):
                sound.append(Sound(one.image_id, one.category_id, tuple(one.bbox), one.id))
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

    def _row(self, one: Loose | Sound, piece: Piece, place: Element, is_repeated: bool) -> Row:
        coco = self.coco
        row = broken(piece, place, fault_of(one, coco.frames))
        box = row.box
        frame = coco.frames.get(one.image_id) if isinstance(one.image_id, (int, str)) else None
        numbers = tuple(map(as_float, one.bbox)) if is_box(one.bbox) else ()
        if frame is not None and numbers:
            box = relative(numbers, frame)
        if not self._repeated:
            coco.tally.objects += 1
            if frame is not None:
                coco.objects[one.image_id] += 1
        name = coco.names.get(one.image_id, "") if frame is not None else short(one.image_id)
        return Row(
            row.line,
            row.start,
            row.end,
            row.text if one.bbox is UNREADABLE else shown(one),
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
