"""What is to be patched in a target: installed distributions, or the files of a tree. Never imports the target."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from patchkit.errors import PatchkitError, TargetRefused
from patchkit.patching import results as r
from patchkit.patching.allowed import Allowed
from patchkit.patching.distinfo import Distribution, Record, normalised
from patchkit.patching.installed import find_installed
from patchkit.patching.manifest import TargetSpec
from patchkit.patching.packs import Room
from patchkit.patching.results import Result, TargetReport
from patchkit.patching.state_folder import STATE
from patchkit.patching.target import SITE_FOLDERS, Target

SKIPPED_FOLDERS = {"__pycache__", "node_modules", *SITE_FOLDERS}


@dataclass(frozen=True)
class Located:
    """A room with the root it goes to, or the reason why there is none."""

    room: Room
    root: Path
    spec: TargetSpec | None = None  # None: a tree
    distribution: Distribution | None = None
    refusal: Result | None = None


def locate(room: Room, target: Target, allowed: Allowed) -> Located:
    """Where a patch goes in a target.

    Raises   TargetRefused for an editable install.
    """
    if target.kind != "environment":
        return Located(room, target.roots[0])
    return _locate_installed(room, target, allowed)


def _locate_installed(room: Room, target: Target, allowed: Allowed) -> Located:
    manifest = room.manifest
    report = TargetReport("distribution", None, None, target.label)
    if not manifest.distributions:
        message = f"{room.id} is for source trees, not for installed packages"
        refusal = Result(room.id, manifest.version, r.NOT_APPLICABLE, report, (), message, "name the tree with --path")
        return Located(room, Path(), refusal=refusal)
    installed = find_installed(target, manifest.distributions)
    if not installed:
        message = f"{manifest.distributions[0]} is not installed in {target.label}"
        hint = absent_hint(target, manifest.distributions)
        refusal = Result(room.id, manifest.version, r.NOT_APPLICABLE, report, (), message, hint)
        return Located(room, Path(), refusal=refusal)
    for place in installed:
        source = place.distribution.editable
        if source is not None and not allowed.editable:
            raise TargetRefused(
                f"{place.distribution.label} is an editable install: its code is your own tree in {source}",
                f"patch the tree with --path {source}, or accept this with --allow-editable",
            )
        if source is not None:
            return Located(room, source.resolve())
    return _covered(room, [(place.root, place.distribution) for place in installed])


def _covered(room: Room, installed: list[tuple[Path, Distribution]]) -> Located:
    """The distribution that the patch covers and that owns the bytes; a refusal if no version is covered."""
    pairs = [
        (root, distribution, spec)
        for root, distribution in installed
        for spec in room.manifest.targets
        if normalised(distribution.name) in {normalised(name) for name in spec.distributions}
        and spec.covers(distribution.version)
    ]
    if not pairs:
        root, distribution = installed[0]
        report = TargetReport("distribution", distribution.name, distribution.version, str(root))
        ranges = " or ".join(spec.versions for spec in room.manifest.targets if spec.versions)
        message = f"{distribution.label} is outside the versions of {room.id}: {ranges}"
        hint = f"'patchkit show {room.id}' says what it mends; other releases do not hold that code"
        return Located(
            room, root, refusal=Result(room.id, room.manifest.version, r.NOT_APPLICABLE, report, (), message, hint)
        )
    root, distribution, spec = next((pair for pair in pairs if _owns(*pair)), pairs[0])
    return Located(room, root, spec, distribution)


def _owns(root: Path, distribution: Distribution, spec: TargetSpec) -> bool:
    try:
        record = Record(distribution.record.read_bytes(), distribution.record)
        rows = [(record.row(path), (root / path).read_bytes()) for path in spec.files]
    except (OSError, PatchkitError):
        return False
    return all(row is not None and row.agrees_with(data) for row, data in rows)


def absent_hint(target: Target, names: tuple[str, ...]) -> str:
    """The next step when none of the distributions is installed in the target."""
    for entry in target.interpreter.path if target.interpreter else ():
        if entry.is_file() and _zip_holds(entry, names):
            return f"{entry} holds it inside a zip archive, which cannot be patched: install it unpacked"
    venv = os.environ.get("VIRTUAL_ENV")
    if venv and Path(venv) != Path(sys.prefix) and target.named is None:
        return f"an environment is active elsewhere: --python {venv}/bin/python"
    return "name the environment that has it with --python EXE or --site-packages DIR, or a checkout with --path"


def _zip_holds(archive: Path, names: tuple[str, ...]) -> bool:
    import zipfile

    wanted = {normalised(name) for name in names}
    try:
        with zipfile.ZipFile(archive) as file:
            folders = {entry.split("/", 1)[0] for entry in file.namelist()}
    except (OSError, zipfile.BadZipFile):
        return False
    return any(normalised(folder.partition("-")[0]) in wanted for folder in folders)


def refuse_foreign(root: Path, path: str, allowed: Allowed) -> None:
    """Refuse a file of the system's packages, or one that lies outside the root through a folder link.

    Raises   TargetRefused.
    """
    file = root / path
    if not file.parent.resolve().is_relative_to(root.resolve()):
        raise TargetRefused(
            f"{file} lies outside the root: a folder on the way is a link to {file.parent.resolve()}",
            f"name that place itself with --path {file.parent.resolve()}",
        )
    owner = _dpkg_owner(file)
    if owner and not allowed.system:
        raise TargetRefused(
            f"{file} belongs to the system package '{owner}', which the next upgrade writes anew",
            "install the framework in a virtual environment, or accept this with --allow-system",
        )


def _dpkg_owner(file: Path) -> str | None:
    """The Debian package whose file list names the file, in the nearest root file system above it."""
    for base in file.resolve().parents:
        lists = base / "var/lib/dpkg/info"
        if not lists.is_dir():
            continue
        inside = "/" + file.resolve().relative_to(base).as_posix()
        # By policy no package puts files into /usr/local; environments lie elsewhere than /usr.
        if not inside.startswith("/usr/") or inside.startswith("/usr/local/"):
            return None
        needle = inside.encode()
        for path in lists.glob("*.list"):
            if needle in path.read_bytes().splitlines():
                return path.stem.partition(":")[0]
        return None
    return None


def source_files(
    root: Path, within: str, patterns: tuple[str, ...], anchors: tuple[bytes, ...]
) -> Iterator[tuple[str, bytes]]:
    """Path (relative to the root) and bytes of every file below `within` that holds all anchors.

    Folders of environments, caches and hidden folders are passed over; links are never followed to folders.

    Raises   TargetRefused if a folder or file cannot be read, or a folder keeps a patchkit state of its own.
    """
    from fnmatch import fnmatch

    top = root / within
    for folder, folders, files in os.walk(top, onerror=_refuse_unreadable):
        if STATE in folders and Path(folder) != root:
            raise TargetRefused(
                f"{folder} was patched on its own and keeps its state there",
                f"revert it first: patchkit revert --all --path {folder}; then apply to the whole tree",
            )
        if "pyvenv.cfg" in files:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS and not name.startswith("."))
        for name in sorted(name for name in files if any(fnmatch(name, pattern) for pattern in patterns)):
            path = os.path.join(folder, name)  # noqa: PTH118 - ten thousand times
            if not os.path.isfile(path):  # noqa: PTH113 - a pipe, or a link to nowhere
                continue
            try:
                with open(path, "rb") as file:  # noqa: PTH123
                    data = file.read()
            except OSError as error:
                _refuse_unreadable(error)
            if all(anchor in data for anchor in anchors):
                yield os.path.relpath(path, root), data


def _refuse_unreadable(error: OSError) -> NoReturn:
    raise TargetRefused(
        f"{error.filename} cannot be read: {error.strerror}", "run as a user who may read it"
    ) from error
