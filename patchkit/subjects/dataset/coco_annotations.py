"""The annotations of a COCO file, piece by piece.

They are decoded by msgspec with types that say what a sound one is. What it refuses is decoded again with types that
take anything, and what is no JSON at all is taken apart by its brackets, so that every other record is still read.
"""

import contextlib
import re
from collections.abc import Iterable, Sequence
from operator import truediv
from typing import Any

from msgspec import UNSET

from patchkit.subjects.dataset.coco_file import Columns, are_inside, centre, is_inside
from patchkit.subjects.dataset.coco_layout import has_boxes
from patchkit.subjects.dataset.coco_members import Members
from patchkit.subjects.dataset.coco_reading import NoCoco, Reading
from patchkit.subjects.dataset.coco_record import (
    LOOSE,
    PARTIAL,
    REFUSED,
    UNREADABLE,
    WHOLE,
    Loose,
    Sound,
    as_float,
    broken,
    fault_of,
    is_box,
    is_known,
    is_sound,
    label_of,
    loose_of,
    relative,
    short,
    shown,
    value_of,
)
from patchkit.subjects.dataset.json_elements import Element, Piece, objects
from patchkit.subjects.dataset.labels import COCO, IS_WHOLE, Labels, Row
from patchkit.subjects.dataset.seen import Repeats, SeenIds
from patchkit.subjects.dataset.tally import Extent
from patchkit.subjects.dataset.yolo_batch import cell, count_rows

CAPTIONS, SEGMENTS = "captions", "segments"  # variants of files of other tasks
HINT_OF_OBJECTS = "name the file of the same images whose annotations have boxes: instances_*.json"
OTHER_TASKS = {"caption": CAPTIONS, "segments_info": SEGMENTS}  # by what annotations have instead of a box
NOWHERE = (1.0, 1.0, 0.0, 0.0)  # for an image that is not there
OF_MEMBERS = re.compile("area|iscrowd")  # in what the decoder says of the first fault: a box may still be one


class Annotations:
    """Reads pieces of the array of annotations, which are held against images and categories."""

    def __init__(
        self,
        reading: Reading,
        folder: str,
        *,
        detailed: bool = False,
        categories: dict[Any, str] | None = None,
        repeated: frozenset[int] | set[int] = frozenset(),
    ) -> None:
        self.reading = reading
        self.categories = categories  # those that annotations are held against; the file may turn out to have others
        self.members = Members()
        self.repeats = Repeats()
        self._coco = reading.coco
        self._folder = folder
        self._detailed = detailed
        self._repeated = repeated  # only these annotations are shown, from the second on
        self._met: set[int] = set()
        self._ids = SeenIds()

    def read(self, piece: Piece) -> int:
        """Count annotations, and show those that may not be sound.

        Raises   NoCoco for captions, or panoptic segments, of another task.
        """
        text = b"[%b]" % piece.text
        end = len(piece.text)
        places: dict[int, Element] = {}
        new: dict[str, int] = {}  # the first annotation of each fault of area or iscrowd
        found, is_whole = _decoded(text)
        if found is None:
            exact, end = self.reading.elements(piece)
            places = dict(enumerate(exact))
            found = [loose_of(piece.text[place.start : place.end]) for place in exact]
        if not self._coco.annotations and found and all(one.bbox is UNSET or one.bbox is UNREADABLE for one in found):
            places = places or objects(piece.text, len(found), range(len(found)))
            self._require_objects([piece.text[place.start : place.end] for place in places.values()])
        if not is_whole and not self._repeated:
            new = self.members.count(found)
        odd = self._odd_of_any(found) if found and type(found[0]) is Loose else self._odd(found)
        self._coco.annotations += len(found)
        if odd or new:
            places = places or objects(piece.text, len(found), [*(index for index, _ in odd), *new.values()])
            self.members.keep(new, piece, places)
        if odd:
            rows = tuple(self._row(found[index], piece, places[index], is_repeated) for index, is_repeated in odd)
            if not self._repeated:
                count_rows(rows, self._coco.tally, detailed=self._detailed)
            only = ("row-duplicate",) if self._repeated else None  # whatever else there is was told the first time
            self.reading.show(Labels(COCO, self._coco.path, rows, rules=only))
        return end

    def _require_objects(self, records: Sequence[bytes]) -> None:
        """Hold the first annotations, of which none has a box that can be read, against those of other tasks."""
        path, values = self._coco.path, [value for value in map(value_of, records) if isinstance(value, dict)]
        task = next((task for key, task in OTHER_TASKS.items() if values and all(key in value for value in values)), "")
        if task == CAPTIONS and not has_boxes(path):
            raise NoCoco(f"{path}: it has captions and no boxes", HINT_OF_OBJECTS, task)
        if task == SEGMENTS:
            reason = "its first annotations have segments and no box; the rest was not read"
            raise NoCoco(f"{path}: {reason}", HINT_OF_OBJECTS, task)

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
        frames = list(map(self._coco.frames.get, images))
        odd, unframed = set(seen), set()
        if None in frames:
            unframed = {index for index, frame in enumerate(frames) if frame is None}
            odd |= {index for index in unframed if images[index] not in self._coco.frames}
            frames = [frame or NOWHERE for frame in frames]
        categories = self.categories
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
        tally = self._coco.tally
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
        tally = self._coco.tally
        self._coco.objects.update(images)
        tally.objects += len(labels)
        tally.classes.update(labels)
        tally.forms["box"] += len(labels)

    def _row(self, one: Loose | Sound, piece: Piece, place: Element, is_repeated: bool) -> Row:
        coco = self._coco
        fault, variant = fault_of(one, coco.frames, piece.text[place.start : place.end])
        row = broken(piece, place, fault)
        if not fault and isinstance(one.category_id, (bool, float)):
            fault, variant = f"category_id is {short(one.category_id)}", IS_WHOLE
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
            label_of(one.category_id),
            numbers,
            "broken" if row.fault else "box",
            box,
            fault,
            label_of(one.id),
            f"{self._folder}/{name}" if is_in_image and name and self._folder else name,
            row.column,
            is_repeated=is_repeated,
            is_duplicate=bool(self._repeated),
            variant=variant,
        )


def _decoded(text: bytes) -> tuple[Sequence[Any] | None, bool]:
    """The annotations of a piece, None if it is no JSON, and whether each has an area and an iscrowd."""
    try:
        return WHOLE.decode(text), True
    except REFUSED as error:
        decoders = (PARTIAL, LOOSE) if OF_MEMBERS.search(str(error)) else (LOOSE,)
    for decoder in decoders:
        with contextlib.suppress(*REFUSED):
            return decoder.decode(text), False
    return None, False


def _chosen(indices: Iterable[int], *columns: Sequence[Any]) -> list[Sequence[Any]]:
    order = list(indices)
    return [[column[index] for index in order] for column in columns]
