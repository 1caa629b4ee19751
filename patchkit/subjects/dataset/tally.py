"""What is counted while labels are read. Tallies of parts are merged into that of the whole."""

from collections import Counter
from dataclasses import dataclass, field

BINS = 32  # a side of the maps
Label = int | str


@dataclass
class Extent:
    """Least, greatest and mean of one number."""

    count: int = 0
    total: float = 0.0
    least: float = float("inf")
    greatest: float = float("-inf")

    @property
    def mean(self) -> float:
        return self.total / self.count if self.count else 0.0

    def merge(self, other: "Extent") -> None:
        self.count += other.count
        self.total += other.total
        self.least = min(self.least, other.least)
        self.greatest = max(self.greatest, other.greatest)


@dataclass
class Tally:
    """Counts of one split. Sizes and places are in parts of the image, and only those of sound boxes."""

    images: int = 0
    files: int = 0  # of labels; one for COCO
    empty: int = 0  # images that have no object
    objects: int = 0
    classes: Counter[Label] = field(default_factory=Counter)  # objects of each
    forms: Counter[str] = field(default_factory=Counter)
    width: Extent = field(default_factory=Extent)
    height: Extent = field(default_factory=Extent)
    objects_per_image: Counter[int] = field(default_factory=Counter)
    # Maps of BINS x BINS, by BINS * row + column; only where they are asked for.
    places: Counter[int] = field(default_factory=Counter)  # of centres: row is y, column is x
    sizes: Counter[int] = field(default_factory=Counter)  # row is height, column is width

    def merge(self, other: "Tally") -> None:
        self.images += other.images
        self.files += other.files
        self.empty += other.empty
        self.objects += other.objects
        self.width.merge(other.width)
        self.height.merge(other.height)
        self.classes.update(other.classes)
        self.forms.update(other.forms)
        self.objects_per_image.update(other.objects_per_image)
        self.places.update(other.places)
        self.sizes.update(other.sizes)
