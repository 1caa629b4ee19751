"""What a command planned for one target, and the step that writes it: for several targets, all of it or nothing."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from patchkit.errors import PatchkitError, WriteFailed
from patchkit.patching import results as r
from patchkit.patching.results import Result
from patchkit.patching.target import Target

if TYPE_CHECKING:
    from patchkit.patching.draft import Draft
    from patchkit.patching.ledger import Ledger

Plan = TypeVar("Plan")
UNDONE = {r.APPLIED: (r.WOULD_APPLY, "applied"), r.REVERTED: (r.WOULD_REVERT, "reverted")}


@dataclass
class Prepared:
    """Results that hold once `write` was called; until then nothing of them is on disk."""

    target: Target
    results: list[Result]
    draft: "Draft | None" = None  # None: there is nothing to write
    ledger: "Ledger | None" = None
    originals: dict[str, bytes] = field(default_factory=dict)
    ignore_in_git: bool = False

    def write(self) -> None:
        """Write the draft and the ledger in one transaction.

        Raises   WriteFailed, with the target as it was before.
        """
        if self.draft is None or self.ledger is None:
            return
        from patchkit.patching.store import store

        interpreter = self.target.interpreter
        store(self.draft, self.ledger, self.originals, interpreter, ignore_in_git=self.ignore_in_git)


def of_each(
    targets: Sequence[Target], plan: Callable[[Target, ExitStack | None], Plan], stack: ExitStack | None
) -> list[Plan]:
    """What a command planned for each target; locks are held in the stack.

    Raises   PatchkitError that names its target, if there are several.
    """
    planned = []
    for target in targets:
        try:
            planned.append(plan(target, stack))
        except PatchkitError as error:
            if len(targets) == 1:
                raise
            raise type(error)(f"{target.label}: {error.message}", error.hint) from error
    return planned


def results_of(prepared: Sequence[Prepared], *, write: bool) -> list[list[Result]]:
    """Write what was planned, unless a patch was refused anywhere; the results of each target.

    Raises   WriteFailed; of several targets it says which were written and which were not.
    """
    refused = any(result.outcome in r.REFUSED for one in prepared for result in one.results)
    if refused or not write:
        return [[_not_written(result, refused=refused) for result in one.results] for one in prepared]
    for number, one in enumerate(prepared):
        try:
            one.write()
        except PatchkitError as error:
            if len(prepared) == 1:
                raise
            done, left = prepared[:number], prepared[number:]
            written = f"; done before it: {_labels(done)}" if any(other.draft for other in done) else ""
            raise WriteFailed(
                f"{error.message}{written}; not done: {_labels(left)}",
                f"{error.hint}; then run the command again: it does what is left",
            ) from error
    return [one.results for one in prepared]


def in_each(
    targets: Sequence[Target], prepare: Callable[[Target, ExitStack | None], Prepared], *, write: bool
) -> list[list[Result]]:
    """Plan for every target, then write for every target; nothing is written if a patch is refused for one.

    `prepare` gets a stack for the locks it takes; without one, nothing will be written.
    """
    with ExitStack() as stack:
        return results_of(of_each(targets, prepare, stack if write else None), write=write)


def hold(stack: ExitStack | None, root: Path) -> None:
    """Lock a root that will be written until the command ends."""
    if stack is None:
        return
    from patchkit.patching.lock import locked
    from patchkit.patching.transaction import recover

    stack.enter_context(locked(root))
    recover(root)


def _labels(prepared: Sequence[Prepared]) -> str:
    return ", ".join(one.target.label for one in prepared if one.draft is not None)


def _not_written(result: Result, *, refused: bool) -> Result:
    """What a patch that was not written reports: its sites as they were found."""
    if result.outcome not in UNDONE:
        return result
    outcome, word = UNDONE[result.outcome]
    message = f"not {word}, because another patch of this command was refused" if refused else result.message
    files = tuple(replace(file, sites=file.found) for file in result.files)
    return replace(result, outcome=outcome, files=files, message=message)
