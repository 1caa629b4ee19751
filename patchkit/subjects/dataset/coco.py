"""A COCO file as a stream: its images and categories are kept, its annotations only counted and, if odd, shown."""

import json
from typing import Any

from patchkit.errors import SourceUnreadable
from patchkit.subjects.dataset.coco_pieces import CocoFile, Pieces, Show
from patchkit.subjects.dataset.json_stream import LARGEST, PIECE, Damaged, JsonFile, elements


def read_coco(path: str, show: Show, *, folder: str = "", detailed: bool = False) -> CocoFile:
    """Read a file once; twice if it names its categories several times, or if annotations stand twice in it.

    Shapes   `folder` is where its images are. `show` gets the rows that may not be sound, in the order of the file.
    Raises   OSError; SourceUnreadable if it is no COCO file.
    """
    coco = CocoFile(path)
    reader = Pieces(coco, show, folder, detailed)
    categories = _only_categories(path)
    if categories is not None and _stands_before(path, b'"images"', b'"annotations"'):
        coco.categories = categories
        keys = _read(coco, reader, ("images", "annotations"))
    else:
        _read(coco, reader, ("images", "categories"))
        keys = _read(coco, reader, ("annotations",))
    if not {"images", "annotations"} <= set(keys):
        raise SourceUnreadable(f"{path}: it is no COCO file: it has no images, or no annotations", "name another file")
    if repeated := reader.repeats.repeated():
        known = CocoFile(path, coco.frames, coco.names, coco.categories)
        _read(known, Pieces(known, show, folder, False, repeated), ("annotations",))
    tally = coco.tally
    tally.files, tally.images = 1, len(coco.frames)
    tally.empty = len(coco.frames) - len(coco.objects)
    tally.objects_per_image.update(coco.objects.values())
    tally.objects_per_image[0] += tally.empty
    return coco


def _only_categories(path: str) -> dict[Any, str] | None:
    """The categories, if the file has this word once, followed by what can be them."""
    word = b'"categories"'
    place, offset, rest = -1, 0, b""
    with open(path, "rb") as file:
        while data := file.read(PIECE):
            text = rest + data
            if (found := text.find(word)) >= 0:
                if place >= 0 or text.find(word, found + 1) >= 0:
                    return None
                place = offset - len(rest) + found
                rest = b""
            else:
                rest = text[-len(word) + 1 :]
            offset += len(data)
        if place < 0:
            return None
        file.seek(place + len(word))
        text = file.read(LARGEST)
    start = text.find(b"[")
    if start < 0 or text[:start].strip() != b":":
        return None
    found_elements, end, is_last = elements(text[start + 1 :])
    try:
        values = json.loads(text[start : start + 1 + end] + b"]")
    except (ValueError, RecursionError):
        return None
    return _categories(values) if is_last and len(found_elements) == len(values) else None


def _categories(values: Any) -> dict[Any, str]:
    if not isinstance(values, list):
        return {}
    return {
        value["id"]: str(value.get("name", ""))
        for value in values
        if isinstance(value, dict) and isinstance(value.get("id"), (int, str))
    }


def _stands_before(path: str, first: bytes, second: bytes) -> bool:
    """True if the first word is met first."""
    rest = b""
    with open(path, "rb") as file:
        while data := file.read(PIECE):
            text = rest + data
            places = [place for place in (text.find(first), text.find(second)) if place >= 0]
            if places:
                return text.find(first) == min(places)
            rest = text[-len(second) :]
    return False


def _read(coco: CocoFile, pieces: Pieces, wanted: tuple[str, ...]) -> list[str]:
    """Read some of the members of a file, and give the keys of all."""
    keys = []
    with open(coco.path, "rb") as raw:
        file = JsonFile(raw)
        try:
            for key in file.members():
                keys.append(key)
                if key not in wanted:
                    continue
                if key == "categories":
                    coco.categories = _categories(file.value())
                elif file.peek() == b"[":
                    read = pieces.images if key == "images" else pieces.annotations
                    for piece in file.pieces():
                        file.cut(piece, read(piece))
        except Damaged as damage:
            if not keys:
                raise SourceUnreadable(f"{coco.path}: {damage.reason}", "name a COCO file") from damage
            pieces.tell_damage(damage)
    return keys
