"""What was edited in place in the distributions that patches are for."""

from dataclasses import dataclass
from pathlib import Path

from patchkit.errors import PatchkitError
from patchkit.subjects.environment.environment import Environment
from patchkit.subjects.environment.package import Package
from patchkit.subjects.environment.records import Edited, edited_files, rows_of
from patchkit.subjects.environment.rooms import Concern


@dataclass(frozen=True)
class Edits:
    """One distribution with the files of it that are not what was installed, and that no receipt speaks of."""

    package: Package
    files: tuple[Edited, ...]
    patches: tuple[str, ...]  # that change one of these files
    fault: PatchkitError | None = None  # why its files could not be held against its RECORD


def edits_of(environment: Environment) -> dict[Path, Edits]:
    """Every distribution that a patch is for, by its metadata folder. An editable one has no files to look at."""
    groups: dict[Path, list[Concern]] = {}
    for concern in environment.concerns:
        groups.setdefault(concern.package.info, []).append(concern)
    explained = {path for state in environment.patches for path in state.receipt.paths}
    return {info: _edits(group[0].package, group, explained) for info, group in groups.items()}


def _edits(package: Package, group: list[Concern], explained: set[str]) -> Edits:
    hashed = {file for concern in group for file in concern.files}
    try:
        is_editable = package.origin is not None and package.origin.editable is not None
        found = [] if is_editable else edited_files(package.root, rows_of(package), hashed)
    except PatchkitError as error:
        return Edits(package, (), (), error)
    files = tuple(one for one in found if one.path not in explained)
    touched = {one.path for one in files}
    return Edits(package, files, tuple(concern.id for concern in group if touched & concern.files))
