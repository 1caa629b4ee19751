"""Write what a command planned for one root: the sources, what follows from them, and the ledger."""

from patchkit.patching.draft import Draft
from patchkit.patching.interpreter import Interpreter
from patchkit.patching.ledger import Ledger
from patchkit.patching.marker import mark
from patchkit.patching.renew import renew_bytecode
from patchkit.patching.transaction import commit, timestamp


def store(
    draft: Draft, ledger: Ledger, originals: dict[str, bytes], interpreter: Interpreter | None, *, ignore_in_git: bool
) -> None:
    """Complete the draft and write all of it, or nothing; a draft that changes nothing is left at that.

    The caller holds the lock of the root.

    Raises   WriteFailed, with the target as it was before.
    """
    mark(draft, ledger)
    mtime = timestamp()
    renew_bytecode(draft, ledger, interpreter, mtime)
    if not draft.changed() and ledger == draft.ledger:
        return
    draft.record(ledger, originals, ignore_in_git=ignore_in_git)
    commit(draft.root, draft.changes(), mtime)
