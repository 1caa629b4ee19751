"""The images and categories of a COCO file, piece by piece: what its annotations refer to."""

from collections.abc import Iterator, Sequence

from patchkit.subjects.dataset.coco_reading import Reading
from patchkit.subjects.dataset.coco_record import (
    CATEGORY_NAME,
    IMAGES,
    LOOSE_IMAGES,
    RECORD,
    REFUSED,
    Frame,
    Image,
    LooseImage,
    broken,
    category_fault,
    frame_of,
    image_faults,
    image_of,
    label_of,
    name_fault,
    odd_id,
    short,
    value_of,
)
from patchkit.subjects.dataset.json_elements import Element, Piece, objects
from patchkit.subjects.dataset.labels import CATEGORY_TWICE, EDGE, IMAGE_TWICE

ODD = "no whole number, as trainers want it; others like it are not told one by one"


def read_categories(reading: Reading, piece: Piece) -> int:
    """Keep ids and names of categories; show those that have no id, or that of another."""
    categories, rows = reading.coco.categories, []
    places, end = reading.elements(piece)
    for place in places:
        value = value_of(piece.text[place.start : place.end])
        if fault := category_fault(value):
            rows.append(broken(piece, place, fault, RECORD))
            reading.coco.unread.add("categories")
            continue
        if value["id"] in categories:
            fault = f"a category before it has the id {short(value['id'])} too"
            rows.append(broken(piece, place, fault, CATEGORY_TWICE))
        variant = odd_id(value["id"], "category")
        if variant and variant not in {row.variant for row in rows}:
            rows.append(broken(piece, place, f"the id of a category is {short(value['id'])}: {ODD}", variant))
        if fault := name_fault(value):
            rows.append(broken(piece, place, fault, CATEGORY_NAME))
        name = value.get("name")
        categories[label_of(value["id"])] = str(name) if name is not None else ""
    reading.show_records(rows)
    return end


class Images:
    """Reads pieces of the array of images."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._frames: dict[tuple[float, float], Frame] = {}  # one for all images of a size
        self._told: set[str] = set()  # variants of ids

    def read(self, piece: Piece) -> int:
        """Keep the sizes and names of images; show those that lack some of it, or have the id of another."""
        text = b"[%b]" % piece.text
        end = len(piece.text)
        places: dict[int, Element] = {}
        found: Sequence[Image | LooseImage | None]
        try:
            images = IMAGES.decode(text)
            if self._keep(images) and (self._told or str not in {type(image.id) for image in images}):
                return end
            found = images
        except REFUSED:
            try:
                found = LOOSE_IMAGES.decode(text)
            except REFUSED:
                exact, end = self._reading.elements(piece)
                places = dict(enumerate(exact))
                found = [image_of(piece.text[place.start : place.end]) for place in exact]
        faults = [(index, fault) for index, one in enumerate(found) for fault in self._image_faults(one)]
        if faults:
            places = places or objects(piece.text, len(found), (index for index, _ in faults))
            self._reading.show_records([broken(piece, places[index], *fault) for index, fault in faults])
        return end

    def _keep(self, images: Sequence[Image]) -> bool:
        """True if each image has an id of its own; else none is kept."""
        coco = self._reading.coco
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
        coco = self._reading.coco
        if image is None:
            coco.unread.add("images")
            yield "the image is no JSON object, or is nested too deeply", RECORD
            return
        one = LooseImage(image.id, image.file_name, image.width, image.height)
        yield from image_faults(one)
        if not isinstance(one.id, (int, float, str)):
            coco.unread.add("images")
            return
        variant = odd_id(one.id, "image")
        if variant and variant not in self._told:
            self._told.add(variant)
            yield f"the id of an image is {short(one.id)}: {ODD}", variant
        size = frame_of(one)
        frame = self._frame(size) if size else None
        name = one.file_name if isinstance(one.file_name, str) else None
        if one.id in coco.frames and (coco.frames[one.id], coco.names.get(one.id)) != (frame, name):
            yield f"an image before it has the id {short(one.id)} too, and another file or size", IMAGE_TWICE
            frame = None
        coco.frames[one.id] = frame
        if name is not None:
            coco.names[one.id] = name
