"""One reading of a COCO file: what it says so far, and who is told what is odd in it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from patchkit.errors import SourceUnreadable
from patchkit.subjects.dataset.coco_file import CocoFile
from patchkit.subjects.dataset.coco_record import JSON
from patchkit.subjects.dataset.json_elements import Damaged, Element, Piece, elements
from patchkit.subjects.dataset.labels import COCO, Labels, Row

Show = Callable[[Labels], None]
Tell = Callable[[Damaged, str], None]  # what is no JSON, with the variant of the fault


class NoCoco(SourceUnreadable):
    """A file is no COCO file; `variant` says which kind of none."""

    def __init__(self, message: str, hint: str, variant: str) -> None:
        super().__init__(message, hint)
        self.variant = variant


@dataclass(frozen=True)
class Reading:
    """What the readers of images, categories and annotations share."""

    coco: CocoFile  # grows
    show: Show
    tell: Tell

    def show_records(self, rows: Sequence[Row]) -> None:
        """Show images or categories that are not sound."""
        if rows:
            self.show(Labels(COCO, self.coco.path, tuple(rows), of_images=True))

    def elements(self, piece: Piece) -> tuple[list[Element], int]:
        """The elements of a piece that is no JSON, and where they end; commas between them are told."""
        found, end, _, faults = elements(piece.text, is_piece=True)
        for place, reason in faults:
            self.tell(piece.damaged(place, reason), JSON)
        return found, end
