"""The area and the iscrowd of annotations: what is wrong with them is counted, and the first of each kind is kept.

A file whose writer knows neither has as many such annotations as annotations.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from msgspec import UNSET

from patchkit.subjects.dataset.coco_record import UNREADABLE, Loose, Partial, broken, is_sound
from patchkit.subjects.dataset.json_elements import Element, Piece
from patchkit.subjects.dataset.labels import COCO, Labels, Row

RULE = "annotation-incomplete"
# Variants of the fault.
AREA, CROWD, AREA_ZERO, CROWD_ODD = "area", "iscrowd", "area-zero", "iscrowd-odd"
FAULTS = {
    AREA: "no area",
    CROWD: "no iscrowd",
    AREA_ZERO: "an area that is not above 0",
    CROWD_ODD: "an iscrowd that is neither 0 nor 1",
}


class Members:
    """What is wrong with the members of the annotations that were read so far."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._first: dict[str, Row] = {}

    def count(self, found: Sequence[Partial | Loose]) -> dict[str, int]:
        """Count faults; the index of an annotation for each kind of which it is the first."""
        new = {}
        for index, one in enumerate(found):
            for variant in _faults(one):
                if variant not in self._counts:
                    new[variant] = index
                self._counts[variant] += 1
        return new

    def keep(self, new: dict[str, int], piece: Piece, places: dict[int, Element]) -> None:
        """Keep the first annotation of each kind."""
        for variant, index in new.items():
            self._first[variant] = broken(piece, places[index], "", variant)

    def shown(self, path: str, annotations: int) -> Iterator[Labels]:
        """One row for each kind of fault, at the first annotation that has it."""
        for variant, row in self._first.items():
            fault = f"{self._counts[variant]} of {annotations} annotations have {FAULTS[variant]}: this is the first"
            yield Labels(COCO, path, (replace(row, fault=fault),), rules=(RULE,))


def _faults(one: Partial | Loose) -> Iterator[str]:
    if type(one) is Loose and one.bbox is UNREADABLE:
        return
    if one.iscrowd is UNSET:
        yield CROWD
    elif one.iscrowd not in (0, 1):  # as Python compares them: 0.0 and false are 0
        yield CROWD_ODD
    if not isinstance(one.area, (int, float)):
        yield AREA
    elif not one.area > 0 and (type(one) is Partial or is_sound(one)):  # of other boxes another rule tells why
        yield AREA_ZERO
