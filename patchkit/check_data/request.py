"""What is asked of a check of a data set."""

from dataclasses import dataclass
from pathlib import Path

from patchkit.subjects.dataset.tally import Label

LEAST = 10  # objects of a class


@dataclass(frozen=True)
class Request:
    """What is asked, beside the data set."""

    data: Path
    nc: int | None = None
    trainers: tuple[str, ...] = ()  # as --for has them; none: those that are installed and read the format, else all
    installed: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    kind: str | None = None  # a word of FORMATS; None: told by what is there
    model: Path | None = None  # model yaml whose nc is compared
    pattern: str | None = None  # of file names, with the group `label`
    images: bool = False  # decode every image
    by_content: bool = False  # compare images of splits by their bytes
    least: int = LEAST
    jobs: int | None = None  # processes; None: one for each CPU
    engine: str = "local"
    detailed: bool = False  # count the maps of places and sizes


@dataclass(frozen=True)
class Part:
    """What a process needs to know of the request to look at a part of the labels."""

    rules: tuple[str, ...] | None  # ids; None: all
    nc: int | None
    source: str  # who says so
    labels: frozenset[Label] | None
    least: int
    detailed: bool
