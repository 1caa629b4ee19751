"""Numbers of a YOLO row that are beyond the image, as the checks of its trainers see them.

Of a polygon they check the box that is made of it, not its points. Of a pose they check the points, and only below 0
the box too. ultralytics lets both be beyond by a hundredth of the image (since 8.3.163), the YOLOv10 fork by nothing.
What passes is clipped to the image by the transforms of the training, and filtered out if little of it is left.
"""

from dataclasses import dataclass
from math import isfinite

from patchkit.subjects.dataset.labels import Row

TOLERANCE = 0.01
LEFT = {"polygon": 0.01}  # the part of a box that must be in the image; of others 0.1
# Variants of what is found. Without one, no trainer keeps the image.
TOLERATED, TOLERATED_LOST, LOST = "tolerated", "tolerated-lost", "pose"
IN_PIXELS = ("", LOST)  # what coordinate-in-pixels tells in place of coordinate-outside


@dataclass(frozen=True)
class Beyond:
    """A number that a trainer does not take as it is."""

    number: float
    variant: str = ""


def beyond(row: Row, dimensions: int) -> Beyond | None:
    """The first number that is beyond, and what comes of it. A negative size is left out: size-negative tells it.

    None if every trainer keeps the image and enough of the box: at most an edge is outside.
    """
    if row.box is None or (min(row.numbers) >= 0 and max(row.numbers) <= 1):
        return None
    checked = [number for number in _checked(row, dimensions) if isfinite(number)]
    far = [number for number in checked if number > 1 + TOLERANCE or number < -TOLERANCE]
    if far:
        return Beyond(far[0])
    near = [number for number in checked if not 0 <= number <= 1]
    if near:
        return Beyond(near[0], TOLERATED if _is_kept(row) else TOLERATED_LOST)
    large = [number for number in row.box if number > 1 and all(map(isfinite, row.box))]
    return Beyond(large[0], LOST) if large and not _is_kept(row) else None


def _checked(row: Row, dimensions: int) -> list[float]:
    """The numbers that are compared with both bounds; of the box of a pose only those that are below 0."""
    x, y, width, height = row.box or (0.0, 0.0, 0.0, 0.0)
    if row.form != "pose":
        return [x, y, *(size for size in (width, height) if size > 0)]
    points = row.numbers[4:]
    if dimensions == 3:
        visible = (number for number in points[2::3] if number < 0)
        points = (*(number for index, number in enumerate(points) if index % 3 != 2), *visible)
    return [*(number for number in (x, y) if number < 0), *points]


def _is_kept(row: Row) -> bool:
    """True if the transforms leave enough of the box when they clip it to the image."""
    x, y, width, height = row.box or (0.0, 0.0, 0.0, 0.0)
    inside = [
        max(min(centre + size / 2, 1) - max(centre - size / 2, 0), 0) for centre, size in ((x, width), (y, height))
    ]
    return inside[0] * inside[1] > LEFT.get(row.form, 0.1) * width * height


def is_unchecked(row: Row, dimensions: int) -> bool:
    """True for a pose in which nothing but the box or a visibility is inf: no trainer checks these for it."""
    bad = [index for index, number in enumerate(row.numbers) if not isfinite(number)]
    is_beside = all(index < 4 or (dimensions == 3 and index % 3 == 0) for index in bad)
    return row.form == "pose" and is_beside and all(row.numbers[index] > 0 for index in bad)
