"""A data set as a whole, once its labels are read: what the rules for data sets look at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from patchkit.findings import Span
from patchkit.subjects.dataset.tally import Label, Tally

REFUSED = "refused"  # variant of an image that can be decoded, and that a trainer leaves out


@dataclass(frozen=True)
class Unreadable:
    """A folder, file or image that could not be read, or not to its end; or an image that a trainer does not take."""

    path: str
    reason: str
    line: int = 1
    is_image: bool = False
    variant: str = ""  # of the reason, where trainers do not do with it what they do with a file that is not there
    hint: str = ""  # the next step


@dataclass(frozen=True)
class Cache:
    """A labels.cache of ultralytics, and a label file that was changed after it."""

    path: str
    newer: str


@dataclass(frozen=True)
class Repeated:
    """Images that a split names again."""

    path: str  # the list that does, or the folder that they are in
    line: int  # of the list; that of the first of them
    first: str
    count: int = 1


@dataclass(frozen=True)
class Split:
    """The files of one part of a data set, and what does not fit together in them."""

    name: str  # train, val, test; or the name of the file that the labels are in
    tally: Tally
    span: Span  # where the data set names it
    without_label: tuple[str, ...] = ()  # images
    without_image: tuple[str, ...] = ()  # label files
    twins: tuple[tuple[str, str], ...] = ()  # images of one folder that share a label file
    repeated: tuple[Repeated, ...] = ()
    same_as: str = ""  # a split that names the same files
    partial: str = ""  # a folder or list of it that cannot be read, so that it has more than is known
    is_cut: bool = False  # some of its labels could not be read: what is missing may stand there


@dataclass(frozen=True)
class ClassCount:
    """A number of classes, and who says so."""

    count: int
    source: str  # nc, names, --nc, categories, the model
    span: Span
    is_of_model: bool = False  # it says how many outputs there are, the others which labels
    split: str = ""  # which has these categories; empty: all have


@dataclass(frozen=True)
class Renamed:
    """A category id that has another name in the file of another split."""

    label: Label
    split: str
    name: str
    first: str  # the split that was read before
    first_name: str


@dataclass(frozen=True)
class SharedNames:
    """File names of images that two splits have, whatever folders they are in."""

    first: str  # a split
    split: str
    count: int
    example: str


@dataclass(frozen=True)
class DataSet:
    """Everything that is known of a data set beside its single rows."""

    path: str
    format: str  # a word of FORMATS
    splits: tuple[Split, ...]
    names: Mapping[Label, str] = field(default_factory=dict)  # of classes; the key is what the labels have
    nc: int | None = None  # what labels are held against; None: nobody says
    counts: tuple[ClassCount, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    caches: tuple[Cache, ...] = ()
    shared: tuple[tuple[str, str, str, str], ...] = ()  # path and split, twice: one image in two splits
    shared_content: tuple[tuple[str, str, str, str], ...] = ()  # the same, found by the bytes of the images
    shifted: tuple[tuple[str, str], ...] = ()  # a class folder, and which other class has its number elsewhere
    category_gaps: tuple[int, ...] = ()  # ids of COCO between the first and the last that no category has
    missing: tuple[tuple[str, Span], ...] = ()  # splits that the data yaml must name, and where they belong
    odd_keys: tuple[tuple[str, Span], ...] = ()  # of names in the data yaml: those that are no whole numbers
    odd_counts: tuple[tuple[str, Span], ...] = ()  # nc or names of the data yaml, where no classes come of them
    repeated_keys: tuple[tuple[str, Span], ...] = ()  # of the data yaml: those that stand again further down
    odd_points: tuple[tuple[str, Span, str], ...] = ()  # kpt_shape or flip_idx of it, that cannot be followed
    renamed: tuple[Renamed, ...] = ()  # categories of COCO whose id means another one in another file
    shared_names: tuple[SharedNames, ...] = ()  # where it is not known where images are
    kind: ClassVar[str] = "dataset"

    def shown(self, label: Label) -> str:
        """A class with its name, where it has one."""
        return f"class {label} ({self.names[label]})" if self.names.get(label) else f"class {label}"
