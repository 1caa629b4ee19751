"""What the planner knows of a place in a source file: its state, its form, and why it is refused. No LibCST here."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Protocol

REPORT_HINT = "report this to the authors of the patch"
NOTHING_IMPORTED: Mapping[str, str] = MappingProxyType({})


class SiteState(str, Enum):
    """What stands at a site."""

    PRISTINE = "pristine"  # the precondition holds
    APPLIED = "applied"  # the postcondition holds
    DRIFTED = "drifted"  # the symbol is there, its form is unknown
    MISSING = "missing"  # the symbol is not there


@dataclass(frozen=True)
class Site:
    """One place in a file."""

    symbol: str  # qualified name: Class.method
    line: int  # 1-based; 0 if missing
    state: SiteState
    tested: bool = False  # its fingerprint is among the known ones, or it has no form to know
    rewritable: bool = False  # the codemod can rewrite it, though a precondition failed
    failed: tuple[str, ...] = ()  # preconditions that do not hold
    nearest: str = ""  # source of the closest match
    fingerprint: str = ""  # of its form; empty where there is none to tell apart


@dataclass(frozen=True)
class Rewrite:
    """One file after a codemod; if nothing changes, the new bytes and sites are the old ones."""

    sites: tuple[Site, ...]  # as found
    source: bytes  # new bytes
    after: tuple[Site, ...]  # as they stand in the new bytes
    changes: tuple[tuple[int, int, str], ...] | None = (
        None  # first and last line, and what replaces them; None: not told
    )


class FileCodemod(Protocol):
    """What the planner asks of a room's codemod, whatever the language of the file."""

    anchors: tuple[bytes, ...]  # every file that holds a site holds all of these

    def rewrite_file(
        self,
        source: bytes,
        path: str,
        *,
        required: tuple[str, ...],
        known: frozenset[str],
        allow_drift: bool,
        names: Mapping[str, str] = NOTHING_IMPORTED,
    ) -> Rewrite:
        """The sites of the file and its rewritten bytes; required symbols that are absent are MISSING sites.

        `names` is what the other cells of a notebook import: {"nn": "torch.nn"}.
        """
        ...
