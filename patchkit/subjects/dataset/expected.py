"""What labels are held against."""

from dataclasses import dataclass

from patchkit.subjects.dataset.tally import Label


@dataclass(frozen=True)
class Expected:
    """What is known beside the labels when they are read."""

    nc: int | None = None  # class indices are less than this; None: nobody says
    source: str = ""  # who says so: nc of data.yaml
    labels: frozenset[Label] | None = None  # category ids of COCO, class names of VOC; None: every one is as good
    least: int = 10  # objects of a class; fewer are told
