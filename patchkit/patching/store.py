"""All that one root gets when a command is done: the sources, what follows from them, and the ledger."""

from patchkit.patching.draft import Draft
from patchkit.patching.interpreter import Interpreter
from patchkit.patching.journal import Change
from patchkit.patching.ledger import Ledger
from patchkit.patching.renew import renew_bytecode


def changes(
    draft: Draft,
    ledger: Ledger,
    originals: dict[str, bytes],
    interpreter: Interpreter | None,
    mtime: int,
    *,
    ignore_in_git: bool,
) -> list[Change]:
    """The changes of a draft whose sources and markers are as they will be, with bytecode, originals and ledger.

    Empty if the draft changes nothing. Units: mtime in whole seconds, as the files will have it.
    """
    renew_bytecode(draft, ledger, interpreter, mtime)
    if not draft.changed() and ledger == draft.ledger:
        return []
    draft.record(ledger, originals, ignore_in_git=ignore_in_git)
    return draft.changes()
