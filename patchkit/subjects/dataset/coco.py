"""A COCO file as a stream: its images and categories are kept, its annotations only counted and, if odd, shown."""

import json
import os
from typing import Any

from patchkit.errors import SourceUnreadable
from patchkit.subjects.dataset.coco_pieces import CocoFile, Pieces
from patchkit.subjects.dataset.json_stream import PIECE, Damaged, JsonFile, elements
from patchkit.subjects.dataset.labels import COCO, Labels, Row

TAIL = 4 << 20  # bytes: where COCO has its categories
BOX = b'"bbox"'
MEMBERS = ("images", "annotations", "categories")


def read_coco(path: str, *, folder: str = "", detailed: bool = False) -> tuple[CocoFile, list[Labels]]:
    """A file, and its rows that may not be sound, in their order. `folder` is where its images are.

    The file is read once if images come before annotations and the categories are at its begin or end, as is usual,
    else twice; once more if annotations stand twice in it.

    Raises   OSError; SourceUnreadable if it is no COCO file.
    """
    coco, shown, pieces = _begun(CocoFile(path, categories=_last_categories(path) or {}), folder, detailed)
    keys = _read(coco, pieces, MEMBERS)
    if not {"images", "annotations"} <= set(keys):
        raise SourceUnreadable(f"{path}: it is no COCO file: it has no images, or no annotations", "name another file")
    if pieces.judged_by != coco.categories:
        of_images = [labels for labels in shown if labels.of_images]
        known = CocoFile(path, coco.frames, coco.names, coco.categories, has_categories=coco.has_categories)
        coco, shown, pieces = _begun(known, folder, detailed)
        pieces.judged_by = coco.categories
        _read(coco, pieces, ("annotations",))
        shown = of_images + shown
    if repeated := pieces.repeats.repeated():
        known = CocoFile(path, coco.frames, coco.names, coco.categories)
        _read(known, Pieces(known, shown.append, folder, False, repeated), ("annotations",))
    if not coco.has_categories:
        shown.append(Labels(COCO, path, (Row(1, 0, 0, "", None, (), "broken", None, "the file has no categories"),)))
    tally = coco.tally
    tally.files, tally.images = 1, len(coco.frames)
    tally.empty = len(coco.frames) - len(coco.objects)
    tally.objects_per_image.update(coco.objects.values())
    tally.objects_per_image[0] += tally.empty
    return coco, shown


def has_boxes(path: str) -> bool:
    """False for captions, sizes of images, and whatever else has no box.

    Raises   OSError.
    """
    rest = b""
    with open(path, "rb") as file:
        while data := file.read(PIECE):
            if BOX in rest + data:
                return True
            rest = data[-len(BOX) :]
    return False


def _begun(coco: CocoFile, folder: str, detailed: bool) -> tuple[CocoFile, list[Labels], Pieces]:
    shown: list[Labels] = []
    return coco, shown, Pieces(coco, shown.append, folder, detailed)


def _last_categories(path: str) -> dict[Any, str] | None:
    """What seem to be the categories at the end of a file; whether they are is seen when it is read."""
    with open(path, "rb") as file:
        file.seek(max(os.fstat(file.fileno()).st_size - TAIL, 0))
        text = file.read()
    word = b'"categories"'
    place = text.rfind(word)
    text = text[place + len(word) :]
    start = text.find(b"[")
    if place < 0 or start < 0 or text[:start].strip() != b":":
        return None
    _, end, is_last = elements(text[start + 1 :])
    try:
        return _categories(json.loads(text[start : start + 1 + end] + b"]")) if is_last else None
    except (ValueError, RecursionError):
        return None


def _categories(values: Any) -> dict[Any, str]:
    if not isinstance(values, list):
        return {}
    return {
        value["id"]: str(value.get("name", ""))
        for value in values
        if isinstance(value, dict) and isinstance(value.get("id"), (int, str))
    }


def _read(coco: CocoFile, pieces: Pieces, wanted: tuple[str, ...]) -> list[str]:
    """Read some of the members of a file, and give the keys of all."""
    keys: list[str] = []
    with open(coco.path, "rb") as raw:
        file = JsonFile(raw)
        try:
            for key in file.members():
                keys.append(key)
                if key not in wanted:
                    continue
                if file.peek() != b"[":
                    pieces.tell(file.damaged(f"{key} is no list"))
                elif key == "categories":
                    coco.categories, coco.has_categories = _categories(file.value()), True
                elif key == "images":
                    for piece in file.pieces():
                        file.cut(piece, pieces.images(piece))
                elif pieces.is_ready(keys):
                    for piece in file.pieces():
                        file.cut(piece, pieces.annotations(piece))
        except Damaged as damage:
            if not keys:
                raise SourceUnreadable(f"{coco.path}: {damage.reason}", "name a COCO file") from damage
            reason = f"{damage.reason}; {coco.annotations} annotations before byte {damage.offset} are sound records"
            pieces.tell(Damaged(reason, damage.offset, damage.line, damage.column))
        for fault in file.faults:
            pieces.tell(fault)
    return keys
