"""A patch is for the code that is installed, and it is not applied.

What         The release of ultralytics, paddledet or torchvision holds the code that a patch mends, as its file has it
             by RECORD, and there is no receipt of the patch.
Why          The defect is there, whether or not this training meets it. It is a note, because `patchkit show ID` also
             says when not to apply a patch.
Example      ultralytics 8.2.50 without yolov10-dfl
Fix safety   `patchkit apply` checks the code itself before it writes, and `patchkit revert` brings the bytes back.
References   tested.json of each patch, which `patchkit matrix` writes: what was found in the published wheels.
"""

import os
from collections.abc import Iterator

from patchkit.errors import PatchkitError, SourceUnreadable
from patchkit.findings import Finding, Severity, Skipped, Span
from patchkit.rule import Example, Rule
from patchkit.subjects.environment.environment import ENVIRONMENT, ULTRALYTICS, Environment
from patchkit.subjects.environment.machine import Machine
from patchkit.subjects.environment.markers import in_doubt
from patchkit.subjects.environment.package import unreadable
from patchkit.subjects.environment.rooms import Concern, Known, examined, known
from patchkit.subjects.environment.ultralytics import is_of_the_fork


def check(environment: Environment, _: Machine) -> Iterator[Finding | Skipped]:
    applied = {state.receipt.patch for state in environment.patches}
    for concern in environment.concerns:
        if concern.id not in applied:
            try:
                yield from _look(environment, concern)
            except PatchkitError as error:
                yield Skipped.of(error, concern.id)


def _look(environment: Environment, concern: Concern) -> Iterator[Finding | Skipped]:
    package = concern.package
    if doubt := in_doubt(environment, package.root, package.name, concern.id):
        yield doubt
        return
    is_release = package.origin is None and not (package.name in ULTRALYTICS and is_of_the_fork(package.root))
    found = known(concern) if is_release else None
    if found is None:
        found = examined(environment, concern)
    elif found.is_to_be_patched:
        _refuse_unlike(environment, concern, found)
    if found.is_to_be_patched:
        message = f"{package.label} holds the code that {concern.id} mends: {concern.place.title}"
        place = Span(str(package.root / found.files[0]) if found.files else str(package.info))
        yield Finding(message, place, found.source, commands=_cures(environment, concern))
    elif found.is_a_conflict:
        check_it = environment.commands.patchkit("apply", concern.id, "--check")
        raise SourceUnreadable(f"a conflict: {found.source}", found.hint or f"'{check_it}' tells more")


def _refuse_unlike(environment: Environment, concern: Concern, found: Known) -> None:
    """Raises   PatchkitError if the files are not known to be those of the release."""
    package = concern.package
    again = environment.commands.reinstall(package)
    for file in found.files:
        try:
            os.stat(package.root / file)  # noqa: PTH116
        except (FileNotFoundError, NotADirectoryError) as error:
            raise SourceUnreadable(f"{package.root / file} is not there", again) from error
        except OSError as error:
            raise unreadable(package.root / file, error) from error
    edits = environment.edits[package.info]
    if edits.fault is not None:
        raise edits.fault
    for edited in edits.files:
        if edited.path in found.files:
            raise SourceUnreadable(f"{package.root / edited.path} is not what was installed: {edited.how}", again)


def _cures(environment: Environment, concern: Concern) -> tuple[str, ...]:
    origin = concern.package.origin
    if origin is not None and origin.editable is not None:
        import shlex

        return (f"patchkit apply {concern.id} --path {shlex.quote(str(origin.editable))}",)
    return (environment.commands.patchkit("apply", concern.id),)


# The hash is that of the stand-in for loss.py.
_RELEASE = (
    "-- site/ultralytics/utils/loss.py --\n# loss\n"
    "-- site/ultralytics-{0}.dist-info/METADATA --\nName: ultralytics\n"
    "-- site/ultralytics-{0}.dist-info/RECORD --\n"
    "ultralytics/utils/loss.py,sha256=TMyMAwZJQc8W3bTdAEGTc38OGCo3bBAgXHBqBGf-i9E,7\n"
)
RULE = Rule(
    __name__,
    Severity.NOTE,
    (ENVIRONMENT,),
    check,
    (Example(_RELEASE.format("8.2.50"), _RELEASE.format("0.0.44")),),
)
