"""What the marker of a patched distribution says, held against the receipts."""

import os
from collections.abc import Iterable
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
    marker = _read(package)
    if marker is None:
        return ()
    receipts = [state.receipt for state in environment.patches if state.root == package.root]
    return marked_without_receipt(package.info, marker, receipts)


def marked(package: Package) -> tuple[Marked, ...]:
    """All patches that its marker names, for where no receipt can be believed; none if their code is not there.

    Raises   SourceUnreadable if the marker may not be read.
    """
    marker = _read(package)
    return marked_without_receipt(package.info, marker, ()) if marker is not None else ()


def _read(package: Package) -> bytes | None:
    place = f"{package.root}/{package.folder}/{MARKER}"
    # Of every distribution there is: what raises takes twice to five times as long.
    return read(place) if os.access(place, os.F_OK) else None


def applied_again(environment: Environment, patches: Iterable[Marked]) -> list[str]:
    """The step that applies those which a pack here has, in their order; no step if there are none."""
    from patchkit.patching.packs import places

    known = {place.id for place in places()}
    ids = dict.fromkeys(patch.patch for patch in patches if patch.patch in known)
    return [environment.commands.patchkit("apply", *ids)] if ids else []


def in_doubt(environment: Environment, root: Path, distribution: str | None, patch: str) -> Skipped | None:
    """Why nothing can be said of a patch: another one without a receipt is in the files of its distribution there."""
    name = normalised(distribution) if distribution else None
    for package in environment.packages:
        if (package.root, package.name) != (root, name):
            continue
        lost = [one.label for one in without_receipt(environment, package) if not one.has_receipt]
        if lost:
            return Skipped(
                f"{patch}: {package.label} is patched with {', '.join(lost)}, without a receipt; "
                f"see the finding of {TOLD_BY}, or 'patchkit explain {TOLD_BY}'"
            )
    return None
