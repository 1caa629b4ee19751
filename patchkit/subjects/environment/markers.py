"""What the marker of a patched distribution says, held against the receipts."""

import os
from pathlib import Path

from patchkit.findings import Skipped
from patchkit.patching.distinfo import normalised
from patchkit.patching.state_folder import MARKER
from patchkit.patching.unreceipted import Marked, marked_without_receipt
from patchkit.subjects.environment.environment import Environment
from patchkit.subjects.environment.package import Package, read

TOLD_BY = "patch-without-receipt"  # the rule


def without_receipt(environment: Environment, package: Package) -> tuple[Marked, ...]:
    """All patches that its marker names, where some have no receipt and their code is there; else none.

    Raises   SourceUnreadable if the marker may not be read; StateCorrupt, TargetRefused as `status` does.
    """
    place = f"{package.root}/{package.folder}/{MARKER}"
    if not os.access(place, os.F_OK):  # of every distribution there is: what raises takes twice to five times as long
        return ()
    receipts = {state.receipt.patch for state in environment.patches if state.root == package.root}
    return marked_without_receipt(package.info, read(place) or b"", receipts)


def in_doubt(environment: Environment, root: Path, distribution: str | None, patch: str) -> Skipped | None:
    """Why nothing can be said of a patch: another one without a receipt is in the files of its distribution there."""
    name = normalised(distribution) if distribution else None
    for package in environment.packages:
        if (package.root, package.name) != (root, name):
            continue
        lost = [marked.label for marked in without_receipt(environment, package) if not marked.has_receipt]
        if lost:
            return Skipped(
                f"{patch}: {package.label} is patched with {', '.join(lost)}, without a receipt; "
                f"see the finding of {TOLD_BY}, or 'patchkit explain {TOLD_BY}'"
            )
    return None
