"""What `apply` and `revert` report: one result for each patch, as plain values that every renderer takes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

APPLIED = "applied"
ALREADY_APPLIED = "already-applied"
UPSTREAMED = "upstreamed"
NOT_APPLICABLE = "not-applicable"
CONFLICT = "conflict"
WOULD_APPLY = "would-apply"
REVERTED = "reverted"
WOULD_REVERT = "would-revert"
ABSENT = "absent"  # of `lock` and `sync`: the patch is optional, and its package is not installed

DONE = {APPLIED, ALREADY_APPLIED, UPSTREAMED, REVERTED}
REFUSED = {NOT_APPLICABLE, CONFLICT}


@dataclass(frozen=True)
class SiteReport:
    """One site as it stands when the command ends."""

    symbol: str
    line: int  # 1-based; 0 if it is not there
    state: str


@dataclass(frozen=True)
class FileReport:
    """One file of a result. Equal hashes: not changed."""

    path: str
    before_sha256: str
    after_sha256: str
    sites: tuple[SiteReport, ...] = ()
    found: tuple[SiteReport, ...] = ()  # the sites before the command
    before: bytes = field(default=b"", repr=False)  # for the diff only
    after: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class TargetReport:
    kind: str  # distribution, tree or file
    distribution: str | None
    version: str | None
    root: str
    arguments: str = ""  # of the command line, for the commands that hints name

    @property
    def label(self) -> str:
        return f"{self.distribution} {self.version}" if self.distribution else self.root


@dataclass(frozen=True)
class Result:
    """What became of one patch."""

    patch: str
    version: str | None
    outcome: str
    target: TargetReport
    files: tuple[FileReport, ...] = ()
    message: str = ""
    hint: str = ""


def exit_code(results: Sequence[Result]) -> int:
    """0 if all that was asked is done, 1 if it would be done, 2 if any patch was refused."""
    outcomes = {result.outcome for result in results}
    if outcomes & REFUSED or not outcomes:
        return 2
    return 1 if outcomes & {WOULD_APPLY, WOULD_REVERT} else 0
