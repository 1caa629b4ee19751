"""A distribution is patched, and the receipt of the patch is gone.

What         The marker patchkit.json in the metadata of a distribution names a patch, its code is in the files, and the
             state folder .patchkit has no receipt of it.
Why          The folder was deleted, or not copied with the packages: `cp -r site-packages/* DIR` leaves out what begins
             with a dot. The patch works, but nobody can revert it, and what `apply`, `status`, `verify`, `lock`, `sync`
             and `sbom` would say of the package is not known: they refuse it.
Example      patchkit apply yolov10-dfl && rm -r site-packages/.patchkit
Fix safety   the package is installed anew, which takes other edits away as well, and patched again.
References   "Provenance" in the README of patchkit: what the marker says.
"""

from collections.abc import Iterator, Sequence

from patchkit.errors import PatchkitError
from patchkit.findings import Finding, Severity, Skipped, Span
from patchkit.patching.state_folder import LEDGER, MARKER
from patchkit.patching.unreceipted import Marked
from patchkit.rule import Example, Rule
from patchkit.rules.environment.patch_lost import HELD, PATCHED
from patchkit.subjects.environment.environment import ENVIRONMENT, Environment
from patchkit.subjects.environment.machine import Machine
from patchkit.subjects.environment.markers import applied_again, without_receipt
from patchkit.subjects.environment.package import Package

Patched = tuple[Package, tuple[Marked, ...]]


def check(environment: Environment, _: Machine) -> Iterator[Finding | Skipped]:
    found: list[Patched] = []
    for package in environment.packages:
        try:
            marked = without_receipt(environment, package)
        except PatchkitError as error:
            yield Skipped.of(error)
            continue
        if marked:
            found.append((package, marked))
    for package, marked in found:
        yield _finding(environment, package, marked, [one for one in found if _share_files((package, marked), one)])


def _share_files(one: Patched, other: Patched) -> bool:
    """True for owners of the same files: what one of them installs anew must be what the other one has."""
    ids = [{patch.patch for patch in marked} for _, marked in (one, other)]
    return one[0].root == other[0].root and not ids[0].isdisjoint(ids[1])


def _finding(
    environment: Environment, package: Package, marked: Sequence[Marked], together: Sequence[Patched]
) -> Finding:
    from patchkit.patching.packs import places

    marker, ledger = package.info / MARKER, package.root / LEDGER
    lost = [patch.label for patch in marked if not patch.has_receipt]
    names, them = ", ".join(lost), "it" if len(lost) == 1 else "them"
    known = {place.id for place in places()}
    unknown = [patch.patch for patch in marked if patch.patch not in known]
    message = f"{package.label} is patched with {names}, and there is no receipt of {them}: nobody can revert {them}"
    if unknown:
        message += f"; no pack that is installed here has {', '.join(unknown)}, which a reinstall takes away for good"
    is_there = f"has no receipt of {them}" if ledger.exists() else "is not there"
    steps = [environment.commands.reinstall(owner) for owner, _ in together]
    steps += applied_again(environment, (patch for _, theirs in together for patch in theirs))
    return Finding(
        message, Span(str(marker)), f"{marker} names {names}; {ledger} {is_there}", commands=(" && ".join(steps),)
    )


_MARKER = (
    "-- site/ultralytics-8.2.50.dist-info/patchkit.json --\n"
    '{"schema": 1, "patches": [{"patch": "yolov10-dfl", "version": "1.0.0", "files": [\n'
    '{"path": "ultralytics/utils/loss.py",\n'
    '"before_sha256": "4ccc8c03064941cf16ddb4dd004193737f0e182a376c10205c706a0467fe8bd1",\n'
    '"after_sha256": "d4384a212657d938c0999313ccf491eeb5edd4de1d964d942934b012bd8e6fbb"}]}]}\n'
)
RULE = Rule(__name__, Severity.WARNING, (ENVIRONMENT,), check, (Example(f"{PATCHED}\n{_MARKER}", f"{HELD}{_MARKER}"),))
