"""What became of the lock file."""

from dataclasses import dataclass, field
from pathlib import Path

WRITTEN, UNCHANGED, STALE, REFUSED = "written", "unchanged", "stale", "refused"
Changes = list[tuple[str, str]]  # id of a patch, or nothing, and how its entry changed


@dataclass(frozen=True)
class LockReport:
    """The lock file when a command has ended."""

    path: Path
    state: str  # written, unchanged, stale (and not written) or refused
    changes: Changes = field(default_factory=list)
