"""A COCO file as a stream: its images and categories are kept, its annotations only counted and, if odd, shown."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from patchkit.subjects.dataset.coco_annotations import Annotations
from patchkit.subjects.dataset.coco_file import CocoFile
from patchkit.subjects.dataset.coco_images import Images, read_categories
from patchkit.subjects.dataset.coco_reading import NoCoco, Reading
from patchkit.subjects.dataset.coco_record import JSON, MEMBER, NO_CATEGORIES, short
from patchkit.subjects.dataset.json_elements import Damaged, Piece, elements
from patchkit.subjects.dataset.json_stream import PIECE, JsonFile
from patchkit.subjects.dataset.labels import COCO, Labels, Row
from patchkit.subjects.dataset.spool import Spool
from patchkit.subjects.dataset.tally import Tally

TAIL = 4 << 20  # bytes: where COCO has its categories
NO_JSON = "no-json"
HINT = "name a file with images, annotations and categories"
LIST = "it is a list, as files of detection results are, and no COCO file"
SHOWN = 5  # keys of a file that is no COCO
MEMBERS = ("images", "annotations", "categories")


def read_coco(path: str, *, folder: str = "", detailed: bool = False) -> tuple[CocoFile, Iterator[Labels]]:
    """A file, and its rows that may not be sound, in their order. `folder` is where its images are.

    The file is read once if images come before annotations and the categories are at its begin or end, as is usual,
    else twice; once more if annotations stand twice in it.

    Raises   OSError; NoCoco if it is no COCO file.
    """
    faults = _Faults(path)
    coco = CocoFile(path)
    shown = Spool()
    annotations = Annotations(Reading(coco, shown.append, faults.tell), folder, detailed=detailed)
    keys = _read(annotations, MEMBERS, faults, expected=_last_categories(path))
    for member in ("images", "annotations"):
        if member not in keys and faults.end is not None:
            raise NoCoco(f"{path}: it is no JSON: {faults.end.reason.partition(';')[0]}", HINT, NO_JSON)
        if member not in keys:
            has = ", ".join(map(short, keys[:SHOWN])) + (", ..." if len(keys) > SHOWN else "")
            reason = f"it has no {member}, but {has or 'no key at all'}"
            raise NoCoco(f"{path}: it is no COCO file: {reason}", HINT, f"no-{member}")
    if annotations.categories != coco.categories:
        of_images = [labels for labels in shown if labels.of_images]
        coco, shown = _again(coco), Spool()
        for labels in of_images:
            shown.append(labels)
        reading = Reading(coco, shown.append, faults.tell)
        annotations = Annotations(reading, folder, detailed=detailed, categories=coco.categories)
        _read(annotations, ("annotations",), faults)
    if repeated := annotations.repeats.repeated():
        known = _again(coco)
        reading = Reading(known, shown.append, faults.tell)
        again = Annotations(reading, folder, repeated=repeated, categories=coco.categories)
        _read(again, ("annotations",), faults)
    for labels in annotations.members.shown(path, coco.annotations):
        shown.append(labels)
    for labels in faults.shown():
        shown.append(labels)
    if not coco.has_categories and faults.end is None:
        fault = "the file has no categories"
        shown.append(Labels(COCO, path, (Row(1, 0, 0, "", None, (), "broken", None, fault, variant=NO_CATEGORIES),)))
    tally = coco.tally
    tally.files, tally.images = 1, len(coco.frames)
    tally.empty = len(coco.frames) - len(coco.objects)
    tally.objects_per_image.update(coco.objects.values())
    tally.objects_per_image[0] += tally.empty
    if faults.end is not None:
        coco.unread.add("annotations")
    if 0 < tally.empty < tally.images and "annotations" not in coco.unread:
        shown.append(_unannotated(coco))
    unread = frozenset(coco.unread)
    return coco, (replace(labels, unread=unread) for labels in shown)


def _unannotated(coco: CocoFile) -> Labels:
    """A row for all images that have no annotation."""
    first = next(id for id in coco.frames if id not in coco.objects)
    name = coco.names.get(first) or short(first)
    fault = f"{coco.tally.empty} of {coco.tally.images} images have no annotation; the first is {name}"
    row = Row(1, 0, 0, "", None, (), "broken", None, fault)
    return Labels(COCO, coco.path, (row,), is_empty=True, rules=("label-empty",))


def _again(coco: CocoFile) -> CocoFile:
    """The same file, of which the annotations are read again."""
    return replace(coco, objects=Counter(), tally=Tally(), annotations=0)


class _Faults:
    """Where a file is no JSON, or not that of COCO: each place once, however often it is read."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._places: dict[int, tuple[Damaged, str]] = {}
        self.end: Damaged | None = None  # what keeps the rest of the file from being read

    def tell(self, damage: Damaged, variant: str) -> None:
        self._places[damage.offset] = (damage, variant)

    def shown(self) -> list[Labels]:
        rows = [
            Row(
                *(damage.line, damage.offset, damage.offset, "", None, (), "broken", None, damage.reason),
                column=damage.column,
                variant=variant,
            )
            for _, (damage, variant) in sorted(self._places.items())
        ]
        return [Labels(COCO, self._path, tuple(rows))] if rows else []


def _is_list(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(PIECE).lstrip()[:1] == b"["


def _last_categories(path: str) -> dict[Any, str]:
    """What seem to be the categories at the end of a file; whether they are is seen when it is read."""
    with open(path, "rb") as file:
        file.seek(max(os.fstat(file.fileno()).st_size - TAIL, 0))
        text = file.read()
    word = b'"categories"'
    place = text.rfind(word)
    text = text[place + len(word) :]
    start = text.find(b"[")
    if place < 0 or start < 0 or text[:start].strip() != b":":
        return {}
    _, end, is_last, _ = elements(text[start + 1 :])
    coco = CocoFile(path)
    reading = Reading(coco, lambda labels: None, lambda damage, variant: None)
    read_categories(reading, Piece(text[start + 1 : start + 1 + end], 0, 1, 1))
    return coco.categories if is_last else {}


def _read(
    annotations: Annotations,
    wanted: tuple[str, ...],
    faults: _Faults,
    expected: dict[Any, str] | None = None,  # categories that seem to stand after the annotations
) -> list[str]:
    """Read some of the members of a file, and give the keys of all. Annotations wait for images and categories."""
    reading, coco = annotations.reading, annotations.reading.coco
    keys: list[str] = []
    readers: dict[str, Callable[[Piece], int]] = {
        "images": Images(reading).read,
        "categories": partial(read_categories, reading),
        "annotations": annotations.read,
    }
    with open(coco.path, "rb") as raw:
        file = JsonFile(raw)
        try:
            for key in file.members():
                keys.append(key)
                if key == "annotations" and annotations.categories is None and "images" in keys:
                    annotations.categories = coco.categories or expected or None
                if key not in wanted or (key == "annotations" and annotations.categories is None):
                    continue
                coco.has_categories |= key == "categories"
                if file.peek() != b"[":
                    faults.tell(file.damaged(f"{key} is no list"), MEMBER)
                    coco.unread.add(key)
                    continue
                for piece in file.pieces():
                    file.cut(piece, readers[key](piece))
        except Damaged as damage:
            if not keys:
                reason = LIST if _is_list(coco.path) else damage.reason
                raise NoCoco(f"{coco.path}: {reason}", HINT, NO_JSON) from damage
            reason = f"{damage.reason}; {coco.annotations} annotations before byte {damage.offset} are sound records"
            faults.end = Damaged(reason, damage.offset, damage.line, damage.column)
        for fault in [*file.faults, *([faults.end] if faults.end else [])]:
            faults.tell(fault, JSON)
    return keys
