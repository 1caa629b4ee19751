"""What went into a quarantine, or came out of it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Moved:
    """How much a quarantine has taken in, or given back."""

    folder: Path
    rows: int
    files: int
    emptied: int  # files that have no row any more
    caches: int
    untouched: tuple[str, ...] = ()  # files that --fix did not come to: they are left as they are
