"""The images and annotations of a COCO file, piece by piece.

Annotations are decoded by msgspec with types that say what a sound one is. What it refuses is decoded again with types
that take anything, and what is no JSON at all is taken apart by its brackets, so that every other record is still read.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import truediv
from typing import Any

from patchkit.subjects.dataset.coco_file import CocoFile, Columns, are_inside, centre, is_inside
from patchkit.subjects.dataset.coco_record import (
    IMAGES,
    JSON,
    LOOSE,
    LOOSE_IMAGES,
    RECORD,
    REFUSED,
    SOUND,
    UNREADABLE,
    Frame,
    Image,
    Loose,
    LooseImage,
    Sound,
    as_float,
    broken,
    category_fault,
    fault_of,
    frame_of,
    image_faults,
    image_of,
    is_box,
    is_known,
    is_sound,
    loose_of,
    relative,
    short,
    shown,
    value_of,
)
from patchkit.subjects.dataset.json_elements import Damaged, Element, Piece, elements, objects
from patchkit.subjects.dataset.labels import CATEGORY_TWICE, COCO, EDGE, IMAGE_TWICE, Labels, Row
from patchkit.subjects.dataset.seen import Repeats, SeenIds
from patchkit.subjects.dataset.tally import Extent
from patchkit.subjects.dataset.yolo_batch import cell, count_rows

NOWHERE = (1.0, 1.0, 0.0, 0.0)  # for an image that is not there


Show = Callable[[Labels], None]
Tell = Callable[[Damaged, str], None]  # what is no JSON, with the variant of the fault


class Pieces:
    """Reads pieces of the arrays of a file. Each method gives how many bytes of the piece are whole records."""

    def __init__(
        self,
        coco: CocoFile,
        show: Show,
        tell: Tell,
        folder: str,
        detailed: bool,
        repeated: frozenset[int] | set[int] = frozenset(),
    ) -> None:
        self.coco = coco
        self.repeats = Repeats()
        self._show = show
        self._tell = tell
        self._folder = folder
        self._detailed = detailed
        self._repeated = repeated  # only these annotations are shown, from the second on
        self._met: set[int] = set()
        self._ids = SeenIds()
        self._frames: dict[tuple[float, float], Frame] = {}  # one for all images of a size
        self.expected: dict[Any, str] = {}  # categories that seem to stand after the annotations
        self.judged_by: dict[Any, str] | None = None  # the categories, when annotations were read

    def is_ready(self, keys: Sequence[str]) -> bool:
        """True if annotations can be held against images and categories, after these members of the file."""
        if self.judged_by is None and "images" in keys:
            self.judged_by = self.coco.categories or self.expected or None
        return self.judged_by is not None

    def categories(self, piece: Piece) -> int:
        """Keep ids and names of categories; show those that have no id, or that of another."""
        categories, rows = self.coco.categories, []
        places, end = self._elements(piece)
        for place in places:
            value = value_of(piece.text[place.start : place.end])
            if fault := category_fault(value):
                rows.append(broken(piece, place, fault, RECORD))
                self.coco.unread.add("categories")
                continue
            if value["id"] in categories:
                fault = f"a category before it has the id {short(value['id'])} too"
                rows.append(broken(piece, place, fault, CATEGORY_TWICE))
            categories[value["id"]] = str(value.get("name", ""))
        self._show_records(rows)
        return end

    def images(self, piece: Piece) -> int:
        """Keep the sizes and names of images; show those that lack some of it, or have the id of another."""
        text = b"[%b]" % piece.text
        end = len(piece.text)
        places: dict[int, Element] = {}
        found: Sequence[Image | LooseImage | None]
        try:
            images = IMAGES.decode(text)
            if self._keep(images):
                return end
            found = images
        except REFUSED:
            try:
                found = LOOSE_IMAGES.decode(text)
            except REFUSED:
                exact, end = self._elements(piece)
                places = dict(enumerate(exact))
                found = [image_of(piece.text[place.start : place.end]) for place in exact]
        faults = [(index, fault) for index, one in enumerate(found) for fault in self._image_faults(one)]
        if faults:
            places = places or objects(piece.text, len(found), (index for index, _ in faults))
            self._show_records([broken(piece, places[index], *fault) for index, fault in faults])
        return end

    def _keep(self, images: Sequence[Image]) -> bool:
        """True if each image has an id of its own; else none is kept."""
        coco = self.coco
        ids = [image.id for image in images]
        if not coco.frames.keys().isdisjoint(ids) or len(set(ids)) != len(ids):
            return False
        for image in images:
            size = (image.width, image.height)
            coco.frames[image.id] = self._frames.get(size) or self._frame(size)
            coco.names[image.id] = image.file_name
        return True

    def _frame(self, size: tuple[float, float]) -> Frame:
        frame = (*size, size[0] * (1 + EDGE), size[1] * (1 + EDGE))
        return self._frames.setdefault(size, frame)

    def _image_faults(self, image: Image | LooseImage | None) -> Iterator[tuple[str, str]]:
        """What is wrong with an image, which is kept. Boxes are compared with neither of two that have the same id."""
        coco = self.coco
        if image is None:
            coco.unread.add("images")
            yield "the image is no JSON object, or is nested too deeply", RECORD
            return
        one = LooseImage(image.id, image.file_name, image.width, image.height)
        yield from image_faults(one)
        if not isinstance(one.id, (int, float, str)):
            coco.unread.add("images")
            return
        size = frame_of(one)
        frame = self._frame(size) if size else None
        name = one.file_name if isinstance(one.file_name, str) else None
        if one.id in coco.frames and (coco.frames[one.id], coco.names.get(one.id)) != (frame, name):
            yield f"an image before it has the id {short(one.id)} too, and another file or size", IMAGE_TWICE
            frame = None
        coco.frames[one.id] = frame
        if name is not None:
            coco.names[one.id] = name

    def _show_records(self, rows: Sequence[Row]) -> None:
        if rows:
            self._show(Labels(COCO, self.coco.path, tuple(rows), of_images=True))

    def _elements(self, piece: Piece) -> tuple[list[Element], int]:
        """The elements of a piece that is no JSON, and where they end; commas between them are told."""
        found, end, _, faults = elements(piece.text, is_piece=True)
        for place, reason in faults:
            self._tell(piece.damaged(place, reason), JSON)
        return found, end

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
                exact, end = self._elements(piece)
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
        images: Sequence[Any] = [one.image_id for one in found]
        labels: Sequence[Any] = [one.category_id for one in found]
        boxes = [one.bbox for one in found]
        hashes = list(map(hash, zip(images, labels, boxes, strict=True)))
        if self._repeated:
            return self._again(hashes)
        self.repeats.add(hashes)
        seen = self._ids.repeated([one.id for one in found])
        frames = list(map(self.coco.frames.get, images))
        odd, unframed = set(seen), set()
        if None in frames:
            unframed = {index for index, frame in enumerate(frames) if frame is None}
            odd |= {index for index in unframed if images[index] not in self.coco.frames}
            frames = [frame or NOWHERE for frame in frames]
        categories = self.judged_by
        if categories and not categories.keys() >= set(labels):
            odd |= {index for index, label in enumerate(labels) if label not in categories}
        columns: Columns = (*zip(*boxes, strict=True), *zip(*frames, strict=True))
        if not are_inside(columns):
            outside = {index for index, values in enumerate(zip(*columns, strict=True)) if not is_inside(*values)}
            odd |= outside - unframed
        if unframed:
            self._count_labels(*_chosen(unframed - odd, images, labels))
        if odd or unframed:
            sound = [index for index in range(len(found)) if index not in odd and index not in unframed]
            images, labels, *columns = _chosen(sound, images, labels, *columns)
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

    def _count(self, images: Sequence[Any], labels: Sequence[Any], columns: Columns) -> None:
        self._count_labels(images, labels)
        tally = self.coco.tally
        xs, ys, widths, heights, across, down, _, _ = columns
        if not labels:
            return
        wide, high = list(map(truediv, widths, across)), list(map(truediv, heights, down))
        tally.width.merge(Extent(len(wide), sum(wide), min(wide), max(wide)))
        tally.height.merge(Extent(len(high), sum(high), min(high), max(high)))
        if self._detailed:
            tally.places.update(map(cell, map(centre, ys, heights, down), map(centre, xs, widths, across)))
            tally.sizes.update(map(cell, high, wide))

    def _count_labels(self, images: Sequence[Any], labels: Sequence[Any]) -> None:
        tally = self.coco.tally
        self.coco.objects.update(images)
        tally.objects += len(labels)
        tally.classes.update(labels)
        tally.forms["box"] += len(labels)

    def _row(self, one: Loose | Sound, piece: Piece, place: Element, is_repeated: bool) -> Row:
        coco = self.coco
        row = broken(piece, place, fault_of(one, coco.frames))
        box = row.box
        is_in_image = is_known(one.image_id, coco.frames)
        frame = coco.frames[one.image_id] if is_in_image else None
        numbers = tuple(map(as_float, one.bbox)) if is_box(one.bbox) else ()
        if frame is not None and numbers:
            box = relative(numbers, frame)
        if not self._repeated:
            coco.tally.objects += 1
            if is_in_image:
                coco.objects[one.image_id] += 1
        name = coco.names.get(one.image_id, "") if is_in_image else short(one.image_id)
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
            f"{self._folder}/{name}" if is_in_image and name and self._folder else name,
            row.column,
            is_repeated=is_repeated,
            is_duplicate=bool(self._repeated),
            variant=RECORD if one.bbox is UNREADABLE else "",
        )


def _chosen(indices: Iterable[int], *columns: Sequence[Any]) -> list[Sequence[Any]]:
    order = list(indices)
    return [[column[index] for index in order] for column in columns]
