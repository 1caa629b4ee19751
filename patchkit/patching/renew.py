"""Bring bytecode, and the RECORD rows that list it, in line with the sources a draft changes."""

from patchkit.patching.bytecode import compiled_copies, renewed, stale_copies
from patchkit.patching.distinfo import Record, owners, row_for
from patchkit.patching.draft import Draft
from patchkit.patching.interpreter import Interpreter, own_interpreter
from patchkit.patching.ledger import Ledger


def renew_bytecode(draft: Draft, ledger: Ledger, interpreter: Interpreter | None, mtime: int) -> None:
    """Renew or remove every compiled copy of each changed `.py` file, and stale ones of patched files that stay.

    Units    mtime in whole seconds, as the sources will have it.
    """
    patched = [file.path for receipt in ledger.receipts for file in receipt.files]
    for path in dict.fromkeys([*draft.changed(), *patched]):
        text = draft.read(path)
        if not path.endswith(".py") or text is None:
            continue
        source = draft.root / path
        copies = compiled_copies(source) if draft.is_changed(path) else stale_copies(source)
        if not copies:
            continue
        for place, data in renewed(copies, source, text, mtime, interpreter or own_interpreter()).items():
            compiled = place.relative_to(draft.root).as_posix()
            draft.write(compiled, data)
            if data is not None:
                _rewrite_row(draft, compiled, data)


def _rewrite_row(draft: Draft, compiled: str, data: bytes) -> None:
    """Installers leave the rows of bytecode without a hash; where one has a hash, it must be the new one."""
    for owner in owners(draft.root, compiled):
        place = owner.record.relative_to(draft.root).as_posix()
        record = Record(draft.read(place) or b"", owner.record)
        row = record.row(compiled)
        if row is not None and row.digest:
            draft.write(place, record.replaced(row.text, row_for(row, data)))
