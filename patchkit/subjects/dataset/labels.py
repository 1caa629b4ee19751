"""Labels as their files have them: what the rules for rows look at."""

from dataclasses import dataclass
from math import isfinite

from patchkit.findings import Finding, Fix, Region, Span

YOLO, COCO, VOC, FOLDER = FORMATS = ("yolo", "coco", "voc", "folder")
Box = tuple[float, float, float, float]  # centre x, centre y, width, height, in parts of the image

# Relative to the image. Labels are written with a few digits, so a box may end this far beyond the edge.
EDGE = 1e-3
TINY = 1e-3
ROUNDING = 1e-9
PIXELS = 2.0  # nobody means a box that begins two images away
IMAGE_TWICE, CATEGORY_TWICE = "image", "category"  # variants of a fault: a record before it has the same id
ID_NOT_INTEGER = ("of-image", "of-category", "number-of-image", "number-of-category")  # the first two are text
HAVE_RULES = (IMAGE_TWICE, CATEGORY_TWICE, *ID_NOT_INTEGER)  # of their own
NO_IMAGE = "no image"  # fault of an annotation whose image the file does not have
NO_IMAGE_ID = "no-id"  # variant of it: the annotation does not name one
IS_WHOLE = "whole"  # variant of a category that is written as 1.0 or true
LABEL_LIMIT = 1 << 24  # whole numbers below it are exact in float32


@dataclass(frozen=True, slots=True)
class Row:
    """One object of an image, as its file has it.

    A row of YOLO, an annotation of COCO, an object of VOC, or the label that a folder or a file name gives an image.
    """

    line: int
    start: int  # of its bytes in the file: what quarantine takes out
    end: int  # with the line end
    text: str  # as it is written, shortened
    label: (
        int | float | str | None
    )  # class index, category id of COCO, class name of VOC, as written; None: there is none
    numbers: tuple[float, ...] = ()  # what is written after the label
    form: str = "box"  # box, polygon, pose, label; broken: not to be understood, and `fault` says why
    box: Box | None = None  # around whatever the form is; None if it is not known
    fault: str = ""
    id: int | float | str | None = None  # of the annotation
    image: str = ""  # path; empty if it is not known
    column: int = 1
    is_repeated: bool = False  # an annotation before it has its id
    is_duplicate: bool = False  # an annotation before it has its image, category and box
    variant: str = ""  # of its fault, where trainers do not do with it what they do with others


@dataclass(frozen=True)
class Labels:
    """The rows of one file, or those of a large file that must be looked at."""

    kind: str  # a word of FORMATS
    path: str
    rows: tuple[Row, ...]
    mark: bool = False  # a byte order mark
    carriage_returns: int = 0  # lines that end in \\r\\n
    undecodable: tuple[int, ...] = ()  # lines that are no UTF-8
    columns: int | None = None  # of every row, where kpt_shape says so
    dimensions: int = 2  # numbers of a point of a pose
    is_empty: bool = False  # of COCO: the row is about images without annotation
    of_images: bool = False  # these are records of images or categories, not of objects: they are never moved
    unread: frozenset[str] = frozenset()  # "images", "categories": some could not be read, and may be what is missed
    rules: tuple[str, ...] | None = None  # ids of those that are asked; None: all

    def found(self, row: Row, message: str, evidence: str, *, variant: str = "", movable: bool = True) -> Finding:
        """A finding about a row, which quarantine can take out unless it is worth keeping."""
        has_bytes = movable and not self.of_images and row.end > row.start
        fix = Fix("move the row to quarantine", removals=((row.start, row.end),)) if has_bytes else None
        place = Span(row.image if self.kind == FOLDER else self.path, row.line, row.column)
        subject = f"annotation {row.id}: " if row.id is not None else ""
        region = Region(row.image, row.box) if row.box is not None else None
        return Finding(f"{subject}{message}", place, evidence, fix, variant=variant, region=region)


def size(labels: Labels, row: Row) -> tuple[float, ...]:
    """Width and height of a box; only their signs tell something where the size of a COCO image is not known."""
    if row.box is not None:
        return row.box[2:]
    return row.numbers[2:] if labels.kind == COCO and row.form == "box" else ()


def leaves_nothing(labels: Labels, row: Row) -> bool:
    """True if a box is outside of its image whole, so that clipping it to the image leaves nothing of it.

    Readers of VOC clip at the last pixel, those of COCO at the edge. A box without size is another defect.
    """
    if row.box is None or not all(map(isfinite, row.box)) or not (row.box[2] > 0 and row.box[3] > 0):
        return False
    x, y, width, height = row.box
    right = bottom = 1.0
    if labels.kind == VOC:
        right -= width / (row.numbers[2] - row.numbers[0])  # a pixel
        bottom -= height / (row.numbers[3] - row.numbers[1])
    inside = (x + width / 2, y + height / 2, right - (x - width / 2), bottom - (y - height / 2))
    return min(inside) <= ROUNDING


def places(labels: Labels, row: Row) -> tuple[float, ...]:
    """The numbers of a row that are parts of the image. The visibility of a point of a pose is none."""
    if row.form == "pose" and labels.dimensions == 3:
        return (*row.numbers[:4], *(number for index, number in enumerate(row.numbers[4:]) if index % 3 != 2))
    return row.numbers


def largest(labels: Labels, row: Row) -> float:
    """The largest number of a row that is a part of the image."""
    return max((number for number in places(labels, row) if isfinite(number)), default=0.0)
