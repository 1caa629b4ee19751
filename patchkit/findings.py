"""What a check reports: plain values that rules make and renderers read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from patchkit.errors import PatchkitError


class Severity(str, Enum):
    """How much a finding matters; the words of SARIF."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a file, 1-based."""

    path: str
    line: int = 1
    column: int = 1


@dataclass(frozen=True, slots=True)
class Fix:
    """A change that takes a finding away. An unsafe one changes results in ways that may not be wanted."""

    title: str
    values: Mapping[str, Any] = field(default_factory=dict)  # keys of the subject and what they are set to
    removals: tuple[tuple[int, int], ...] = ()  # characters of the file to be taken out
    safe: bool = True


@dataclass(frozen=True, slots=True)
class Fate:
    """What a trainer does with what was found."""

    trainer: str  # as --for has it: ultralytics
    releases: str  # of it: ==8.4.190
    outcome: str  # a word of OUTCOMES in patchkit/check_data/fates.py
    account: str  # what happens, in one sentence
    evidence: str  # file and line of the release, or the measurement


@dataclass(frozen=True, slots=True)
class Region:
    """The part of an image that a finding is about."""

    image: str  # its path; empty if it is not known
    box: tuple[float, float, float, float]  # centre x, centre y, width, height, in parts of the image


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a rule found. The runner fills in the rule, and the severity where the rule left it open."""

    message: str
    location: Span
    evidence: str  # where it is known from: a table of a paper, a file and line of a release, a measured fact
    fix: Fix | None = None
    severity: Severity | None = None
    rule: str = ""
    variant: str = ""  # where a rule finds things of different fates
    region: Region | None = None
    fates: tuple[Fate, ...] = ()
    commands: tuple[str, ...] = ()  # of a shell, that cure it; the best first


@dataclass(frozen=True)
class Skipped:
    """A rule that could not run."""

    reason: str  # with the next step, where there is one
    rule: str = ""

    @classmethod
    def of(cls, error: PatchkitError, about: str = "") -> "Skipped":
        """A rule that a known failure stopped; `about` is what it was looking at."""
        fact = f"{about}: {error.message}" if about else error.message
        return cls(f"{fact}; {error.hint}" if error.hint else fact)


@dataclass(frozen=True)
class Report:
    """Everything that a check found, in the order of the file."""

    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...] = ()

    def count(self, severity: Severity) -> int:
        return sum(finding.severity is severity for finding in self.findings)
