"""What a command planned for one target, and the step that writes it: for several targets, all of it or nothing."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from patchkit.errors import PatchkitError
from patchkit.patching import results as r
from patchkit.patching.results import Result
from patchkit.patching.target import Target

if TYPE_CHECKING:
    from patchkit.patching.draft import Draft
    from patchkit.patching.journal import Change
    from patchkit.patching.ledger import Ledger

Plan = TypeVar("Plan")
UNDONE = {r.APPLIED: r.WOULD_APPLY, r.REVERTED: r.WOULD_REVERT}


@dataclass
class Prepared:
    """Results that hold once they were written by `results_of`; until then nothing of them is on disk."""

    target: Target
    results: list[Result]
    draft: "Draft | None" = None  # None: there is nothing to write
    ledger: "Ledger | None" = None
    originals: dict[str, bytes] = field(default_factory=dict)
    ignore_in_git: bool = False

    def mark(self) -> None:
        """Bring the markers in the draft in line with what is planned.

        Raises   TargetRefused, StateCorrupt for a marker that must not be replaced.
        """
        if self.draft is not None and self.ledger is not None:
            from patchkit.patching.marker import mark

            mark(self.draft, self.ledger, {result.patch for result in self.results})

    def changes(self, mtime: int) -> "list[Change]":
        """All that is to be written. Units: mtime in whole seconds."""
        if self.draft is None or self.ledger is None:
            return []
        from patchkit.patching.store import changes

        interpreter = self.target.interpreter
        return changes(self.draft, self.ledger, self.originals, interpreter, mtime, ignore_in_git=self.ignore_in_git)


def of_each(
    targets: Sequence[Target], plan: Callable[[Target, ExitStack | None], Plan], stack: ExitStack | None
) -> list[Plan]:
    """What a command planned for each target; locks are held in the stack.

    Raises   PatchkitError that names its target, if there are several.
    """
    planned = []
    for target in targets:
        with _naming(target, targets):
            planned.append(plan(target, stack))
    return planned


def results_of(prepared: Sequence[Prepared], *, write: bool) -> list[list[Result]]:
    """Write what was planned, unless a patch was refused anywhere; the results of each target.

    Raises   PatchkitError, with all targets as they were before.
    """
    refused = any(result.outcome in r.REFUSED for one in prepared for result in one.results)
    if not refused:
        for one in prepared:
            with _naming(one.target, prepared):
                one.mark()
    if refused or not write:
        return [[_not_written(result, refused=refused) for result in one.results] for one in prepared]
    _write_all(prepared)
    return [one.results for one in prepared]


def _write_all(prepared: Sequence[Prepared]) -> None:
    if all(one.draft is None for one in prepared):
        return
    from patchkit.patching.transaction import Part, commit, timestamp

    mtime = timestamp()
    parts: list[Part] = []
    for one in prepared:
        with _naming(one.target, prepared):
            changes = one.changes(mtime)
        if one.draft is not None and changes:
            parts.append((one.draft.root, changes))
    if parts:
        commit(parts, mtime)


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


@contextmanager
def _naming(target: Target, among: Sequence[object]) -> Iterator[None]:
    """Let failures say which of several targets they are of."""
    try:
        yield
    except PatchkitError as error:
        if len(among) == 1:
            raise
        raise type(error)(f"{target.label}: {error.message}", error.hint) from error


def _not_written(result: Result, *, refused: bool) -> Result:
    """What a patch that was not written reports: its sites as they were found."""
    if result.outcome not in UNDONE:
        return result
    is_patched = all(file.before_sha256 == file.after_sha256 for file in result.files)
    if refused and result.outcome == r.APPLIED and is_patched:  # what lies beside its files stays as it is
        return replace(result, outcome=r.ALREADY_APPLIED)
    message = "nothing was written, because another patch of this command was refused" if refused else result.message
    files = tuple(replace(file, sites=file.found) for file in result.files)
    return replace(result, outcome=UNDONE[result.outcome], files=files, message=message)
