"""The marker of a patched distribution: `patchkit.json` in its dist-info, with a row in its RECORD.

There a scanner finds it, and whoever uninstalls by RECORD removes it. It says what the ledger says of the patches that
hold, and nothing else: `verify --fast` compares it byte by byte, hence plain json.
"""

import json
from collections.abc import Callable, Collection, Iterable
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
    can_be_mended: bool = True  # False: its RECORD is gone or damaged


def mark(draft: "Draft", ledger: Ledger, patches: Collection[str]) -> None:
    """Bring the markers of every distribution that has, or had, one of the patches in line with the draft.

    Raises   TargetRefused for a file of that name that is not ours; StateCorrupt if a marker names patches that no
             receipt knows.
    """
    holding = _holding(draft, ledger)
    concerned = [receipt for receipt in (*draft.ledger.receipts, *ledger.receipts) if receipt.patch in patches]
    for record in records(concerned):
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

    path, rows = marker_of(record), read(record) or b""
    wanted = contents(read, holding, record)
    if wanted is None:
        return None
    fault = _fault(path, read(path), wanted, record, rows)
    return Marker(path, fault, can_be_mended=not fault or _is_sound(root / record, rows))


def _is_sound(record: Path, rows: bytes) -> bool:
    try:
        Record(rows, record)
    except StateCorrupt:
        return False
    return True


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
    marker, rows = marker_of(record), _rows(draft, record)
    found, row = draft.read(marker), rows.row(marker) if rows is not None else None
    is_known = row is not None and _is_patched(draft, record)
    if found is not None and not is_known and not _is_ours(found):
        if wanted is None:
            return
        raise TargetRefused(
            f"{draft.root / marker} is there, and patchkit did not write it",
            "move it away and run this command again: patchkit records under this name what it changes",
        )
    if rows is None:  # nothing is made worse; `verify` tells it
        if wanted is None and found is not None:
            draft.write(marker, None)
        return
    data = draft.read(record) or b""
    if row is not None:
        data = rows.replaced(row.text, "")
    if wanted is not None:
        data = Record(data, draft.root / record).with_row_before(record, marker, wanted)
    draft.write(record, data)
    if found != wanted:
        draft.write(marker, wanted)


def _is_patched(draft: "Draft", record: str) -> bool:
    """True if a row of ours is in the RECORD on disk: it was not installed anew since."""
    data = draft.original(record) or b""
    changes = [row for receipt in draft.ledger.receipts for file in receipt.files for row in file.records]
    return any(row.record == record and row.after.encode("utf-8") in data for row in changes)


def _rows(draft: "Draft", record: str) -> Record | None:
    """The rows of a RECORD; None if it is damaged, or gone because the package was removed or installed anew."""
    data = draft.read(record)
    with suppress(StateCorrupt):
        return None if data is None else Record(data, draft.root / record)
    return None


def _is_ours(data: bytes) -> bool:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and {"schema", "patches"} <= set(found)
