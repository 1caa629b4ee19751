"""A patched file was edited since, or the state of the patches is damaged.

What         A file that a receipt speaks of has neither the bytes of the patch nor those of the package; or the ledger
             cannot be read, or a command was killed half-way.
Why          Nobody knows what runs: the patch may have been edited away. patchkit refuses to write over it.
Example      patchkit apply yolov10-dfl, then an editor
Fix safety   reinstalling takes the edit away: look at it first.
References   `patchkit status` and `patchkit verify`, which say the same.
"""

import shlex
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from patchkit.errors import StateCorrupt
from patchkit.findings import Finding, Severity, Skipped, Span
from patchkit.patching.ledger import hint_for
from patchkit.patching.state import DRIFTED
from patchkit.patching.state_folder import LEDGER, STATE
from patchkit.rule import Example, Rule
from patchkit.rules.environment.patch_lost import EDITED, HELD
from patchkit.subjects.environment.environment import ENVIRONMENT, Environment
from patchkit.subjects.environment.machine import Machine
from patchkit.subjects.environment.markers import applied_again, in_doubt, marked


def check(environment: Environment, _: Machine) -> Iterator[Finding | Skipped]:
    try:
        states = environment.patches
    except StateCorrupt as error:
        root = _named(environment.roots, error.message)
        commands = _anew(environment, root) if error.hint == hint_for(root / STATE) else ()
        message = f"the state of the patches cannot be trusted: {error.message}"
        message += "" if commands else f"; {error.hint}"
        commands = commands or (environment.commands.patchkit("status"),)
        yield Finding(message, Span(str(root / LEDGER)), error.message, severity=Severity.ERROR, commands=commands)
        return
    for state in (state for state in states if state.state == DRIFTED):
        receipt = state.receipt
        if doubt := in_doubt(environment, state.root, receipt.distribution, receipt.patch):
            yield doubt
            continue
        file = next(stacked for stacked in state.files if stacked.state == DRIFTED)
        place = state.root / file.file.path
        message = f"{receipt.patch} {receipt.version}: {file.file.path} was edited after it was patched"
        evidence = f"{place} has not the sha256 of the receipt, {file.top.after_sha256[:12]}"
        package = environment.find(receipt.distribution) if receipt.distribution else None
        again = environment.commands.patchkit("apply", receipt.patch)
        steps = (
            [environment.commands.reinstall(package), again] if package else [environment.commands.patchkit("status")]
        )
        yield Finding(message, Span(str(place)), evidence, commands=(" && ".join(steps),))


def _named(roots: Sequence[Path], message: str) -> Path:
    """The root that a message is about; one may lie in another."""
    return max((root for root in roots if str(root) in message), key=lambda root: len(str(root)), default=roots[0])


def _anew(environment: Environment, root: Path) -> tuple[str, ...]:
    """Bring back what may be patched, forget the state, and apply what the markers name: the ledger says nothing."""
    packages = {concern.package.info: concern.package for concern in environment.concerns}
    mine = [package for package in packages.values() if package.root == root]
    if not mine:
        return ()
    steps = [environment.commands.reinstall(package) for package in mine]
    steps.append(f"rm -r {shlex.quote(str(root / STATE))}")
    return (" && ".join([*steps, *applied_again(environment, chain.from_iterable(map(marked, mine)))]),)


RULE = Rule(__name__, Severity.WARNING, (ENVIRONMENT,), check, (Example(EDITED, HELD),))
