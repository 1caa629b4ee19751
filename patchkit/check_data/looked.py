"""What comes back from looking at a part of a data set."""

from dataclasses import dataclass, field

from patchkit.findings import Finding, Skipped
from patchkit.subjects.dataset.dataset import Unreadable
from patchkit.subjects.dataset.tally import Label, Tally


@dataclass
class Looked:
    """What was found and counted in a part. Parts come back in their order."""

    split: str
    amount: int  # of the part: what the progress counts
    findings: list[Finding] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    is_cut: bool = False  # not all of it could be read
    names: dict[Label, str] = field(default_factory=dict)  # of the categories that the part itself has
    images: list[str] = field(default_factory=list)  # that the part itself names
    file_names: list[str] = field(default_factory=list)  # of its images, where their folder is not known
