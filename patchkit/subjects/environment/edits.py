"""What was edited in place in the distributions that patches are for."""

from collections.abc import Iterator
from dataclasses import dataclass

from patchkit.errors import PatchkitError
from patchkit.subjects.environment.environment import Environment
from patchkit.subjects.environment.package import Package
from patchkit.subjects.environment.records import Edited, edited_files, record_of
from patchkit.subjects.environment.rooms import concerns, patched_files, receipt_paths


@dataclass(frozen=True)
class Edits:
    """One distribution with the files of it that are not what was installed."""

    package: Package
    files: tuple[Edited, ...]
    patches: tuple[str, ...]  # that change one of these files


def edits(environment: Environment) -> Iterator[Edits | PatchkitError]:
    """Every such distribution once; an error for one whose files cannot be held against its RECORD."""
    explained = set(receipt_paths(environment))
    rooms = {concern.package.info: concern.package for concern in concerns(environment)}
    for package in rooms.values():
        mine = [concern.room for concern in concerns(environment) if concern.package.info == package.info]
        hashed = {file for room in mine for file in patched_files(room)}
        try:
            if package.origin is not None and package.origin.editable is not None:
                continue
            found = edited_files(package.root, record_of(package), hashed)
        except PatchkitError as error:
            yield error
            continue
        files = tuple(one for one in found if one.path not in explained)
        touched = {one.path for one in files}
        yield Edits(package, files, tuple(room.id for room in mine if touched & patched_files(room)))
