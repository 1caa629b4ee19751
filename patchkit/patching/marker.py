"""The marker of a patched distribution: `patchkit.json` in its dist-info, with a row in its RECORD.

There a scanner finds it, and whoever uninstalls by RECORD removes it. It says what the ledger says of the patches that
hold, and nothing else: `verify --fast` compares it byte by byte, hence plain json.
"""

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from patchkit.errors import StateCorrupt, TargetRefused
from patchkit.patching.distinfo import Record, distribution_of, new_row
from patchkit.patching.ledger import Ledger, Receipt, sha256_of
from patchkit.patching.state_folder import MARKER
from patchkit.patching.unreceipted import unreceipted

if TYPE_CHECKING:
    from patchkit.patching.draft import Draft

SCHEMA = 1
# They remove what their own lists name, not what RECORD names, and would leave a folder with the marker alone.
FOREIGN_INSTALLERS = {b"conda", b"debian"}

Read = Callable[[str], bytes | None]  # the bytes of a path relative to the root; None if it is absent


def records(receipts: Iterable[Receipt]) -> list[str]:
    """The RECORDs in which the patches have rows, relative to the root."""
    return sorted({row.record for receipt in receipts for file in receipt.files for row in file.records})


def marker_of(record: str) -> str:
    return _beside(record, MARKER)


@dataclass(frozen=True)
class Marker:
    """A marker that belongs beside a RECORD, as it is found there."""

    path: str  # relative to the root
    fault: str  # empty if it is right


def mark(draft: "Draft", ledger: Ledger) -> None:
    """Bring the markers of every distribution that a ledger names, or named, in line with the draft.

    Raises   TargetRefused for a file of that name that is not ours; StateCorrupt if a marker names patches that no
             receipt knows.
    """
    holding = _holding(draft, ledger)
    for record in records((*draft.ledger.receipts, *ledger.receipts)):
        lost = unreceipted(distribution_of((draft.root / record).parent))
        if lost is not None:
            raise lost
        _mark(draft, record, contents(draft.read, holding, record))


def contents(read: Read, holding: Iterable[Receipt], record: str) -> bytes | None:
    """The marker that belongs beside a RECORD; None if no patch that holds has a row there."""
    patches = []
    for receipt in holding:
        files = [file for file in receipt.files if any(row.record == record for row in file.records)]
        if files:
            patches.append(
                {
                    "patch": receipt.patch,
                    "version": receipt.version,
                    "title": receipt.title,
                    "pack": receipt.pack,
                    "room_sha256": receipt.room_sha256,
                    "references": [asdict(reference) for reference in receipt.references],
                    "files": [
                        {"path": file.path, "before_sha256": file.before_sha256, "after_sha256": file.after_sha256}
                        for file in files
                    ],
                }
            )
    if not patches or (read(_beside(record, "INSTALLER")) or b"").strip() in FOREIGN_INSTALLERS:
        return None
    return (json.dumps({"schema": SCHEMA, "patches": patches}, indent=1, sort_keys=True) + "\n").encode()


def marker_beside(root: Path, holding: Iterable[Receipt], record: str) -> Marker | None:
    """The marker that belongs beside a RECORD, with what is wrong with it; None if none belongs there."""

    def read(path: str) -> bytes | None:
        try:
            return (root / path).read_bytes()
        except OSError:
            return None

    path = marker_of(record)
    wanted = contents(read, holding, record)
    return None if wanted is None else Marker(path, _fault(path, read(path), wanted, record, read(record) or b""))


def _fault(path: str, found: bytes | None, wanted: bytes, record: str, rows: bytes) -> str:
    if found is None:
        return "missing: the metadata of the distribution does not say that it is patched"
    if found != wanted:
        return "not what the receipts say"
    return "" if new_row(path, wanted, "").encode() in rows.splitlines() else f"{record} has no row for it, or another"


def _holding(draft: "Draft", ledger: Ledger) -> list[Receipt]:
    """The patches whose every file will have the bytes of the receipt, or of a patch on top of it."""
    return [
        receipt
        for receipt in ledger.receipts
        if all(
            sha256_of(draft.read(file.path) or b"") in {stacked.after_sha256 for stacked in ledger.stack(file)}
            for file in receipt.files
        )
    ]


def _beside(record: str, name: str) -> str:
    return f"{record.rpartition('/')[0]}/{name}"


def _mark(draft: "Draft", record: str, wanted: bytes | None) -> None:
    marker, data = marker_of(record), draft.read(record)
    if data is None:  # installed anew or removed, and the marker with it
        return
    with suppress(StateCorrupt):  # a damaged RECORD: nothing is made worse, and `verify` tells it
        rows = Record(data, draft.root / record)
        row = rows.row(marker)
        if row is None and not _is_ours(draft.read(marker)):
            if wanted is None:
                return
            raise TargetRefused(
                f"{draft.root / marker} is there, and patchkit did not write it",
                "move it away and run this command again: patchkit records under this name what it changes",
            )
        if row is not None:
            data = rows.replaced(row.text, "")
        if wanted is not None:
            data = Record(data, draft.root / record).with_row_before(record, marker, wanted)
        draft.write(record, data)
        if draft.read(marker) != wanted:
            draft.write(marker, wanted)


def _is_ours(data: bytes | None) -> bool:
    """True for a marker, and where there is none."""
    if data is None:
        return True
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and {"schema", "patches"} <= set(found)
