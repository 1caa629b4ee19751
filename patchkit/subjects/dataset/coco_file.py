"""What a COCO file says, and where its boxes lie in their images."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import add, le, truediv
from typing import Any

from patchkit.subjects.dataset.coco_record import Frame
from patchkit.subjects.dataset.labels import TINY
from patchkit.subjects.dataset.tally import Tally

Columns = Sequence[Sequence[float]]  # left, top, width, height of each box, and the four of its frame


@dataclass
class CocoFile:
    """What a COCO file says."""

    path: str
    frames: dict[Any, Frame | None] = field(default_factory=dict)  # of every image that has an id
    names: dict[Any, str] = field(default_factory=dict)  # of the images
    categories: dict[Any, str] = field(default_factory=dict)
    objects: Counter[Any] = field(default_factory=Counter)  # of each image
    tally: Tally = field(default_factory=Tally)
    annotations: int = 0  # that could be told from each other
    has_categories: bool = False
    unread: set[str] = field(default_factory=set)  # members not read to their end, or with records without id


def are_inside(columns: Columns) -> bool:
    xs, ys, widths, heights, across, down, right, bottom = columns
    return (
        all(map(le, map(add, xs, widths), right))
        and all(map(le, map(add, ys, heights), bottom))
        and min(map(truediv, widths, across)) >= TINY
        and min(map(truediv, heights, down)) >= TINY
    )


def is_inside(
    x: float, y: float, width: float, height: float, across: float, down: float, right: float, bottom: float
) -> bool:
    return x + width <= right and y + height <= bottom and width / across >= TINY and height / down >= TINY


def centre(start: float, size: float, whole: float) -> float:
    return (start + size / 2) / whole
