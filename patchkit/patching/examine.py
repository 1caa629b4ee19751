"""What a room's codemod finds in the files of a target, and who owns them. Nothing is written here."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from patchkit.errors import BrokenPack, PatchkitError, SourceUnreadable, TargetRefused
from patchkit.patching.allowed import Allowed
from patchkit.patching.distinfo import Distribution, Record, owners
from patchkit.patching.draft import Draft
from patchkit.patching.locate import refuse_foreign, source_files
from patchkit.patching.manifest import TargetSpec
from patchkit.patching.notebook import SUFFIX, NotebookCodemod
from patchkit.patching.packs import Room
from patchkit.patching.sites import REPORT_HINT, Rewrite
from patchkit.patching.tested import known_forms


@dataclass(frozen=True)
class Claim:
    """Who owns a file, by the RECORDs that list it."""

    agreeing: tuple[tuple[Distribution, Record], ...]  # their hash is that of the bytes
    others: tuple[tuple[Distribution, Record], ...]

    @property
    def all(self) -> tuple[tuple[Distribution, Record], ...]:
        return (*self.agreeing, *self.others)


@dataclass(frozen=True)
class PatchedFile:
    """One file under a codemod."""

    path: str
    before: bytes
    rewrite: Rewrite
    claim: Claim | None = None  # None: a tree, which has no RECORD

    @property
    def is_recorded(self) -> bool:
        return self.claim is None or bool(self.claim.agreeing)


def distribution_files(room: Room, spec: TargetSpec, draft: Draft, allowed: Allowed) -> list[PatchedFile]:
    """The files that the manifest lists for a distribution; all of them exist."""
    files = []
    for path in spec.files:
        refuse_foreign(draft.root, path, allowed)
        data = draft.read(path) or b""
        claim = claim_of(draft, path, data)
        _refuse_disagreement(draft.root / path, claim, allowed)
        done = rewrite(room, spec, path, data, str(draft.root / path), allow_drift=allowed.drift)
        files.append(PatchedFile(path, data, done, claim))
    return files


def tree_files(
    room: Room, spec: TargetSpec, kind: str, within: str, draft: Draft, allowed: Allowed
) -> list[PatchedFile]:
    """The files of a tree, or the one file, in which the codemod finds a site."""
    if kind == "file":
        found = [(within, draft.read(within) or b"")]
    else:
        found = list(source_files(draft.root, within, spec.patterns, room.codemod().anchors))
    files = []
    visited = {draft.root / path for path, _ in found if not (draft.root / path).is_symlink()}
    for path, data in found:
        now = draft.remember(path, data)
        try:
            done = rewrite(room, spec, path, now, str(draft.root / path), allow_drift=allowed.drift)
        except SourceUnreadable as error:
            others = "" if kind == "file" else ", or patch the other files one by one with --path FILE"
            raise SourceUnreadable(error.message, f"{_repaired(error.hint)}{others}") from error
        link = draft.root / path
        if done.sites and (not link.is_symlink() or _is_to_be_replaced(draft.root, link, visited, allowed)):
            files.append(PatchedFile(path, now, done))
    return files


def _repaired(hint: str) -> str:
    """The hint for a file of the user's own, which no package brings back."""
    return hint.removesuffix(", or reinstall the package that it belongs to")


def layout_files(room: Room, spec: TargetSpec, within: str, draft: Draft, allowed: Allowed) -> list[PatchedFile]:
    """The files of every place in a tree that is laid out as the manifest says; it lists all sites.

    Raises   TargetRefused if such a place lacks one of the files, or it is outside of what was named.
    """
    files = []
    for base in _bases(draft.root, within, spec):
        for name in spec.files:
            place = base / name
            path = _inside(draft.root, within, place)
            data = draft.read(path) if path else None
            if path is None or data is None:
                raise TargetRefused(
                    f"{room.id} changes {len(spec.files)} files together, and {place} is not there to be changed",
                    f"name the folder that holds them all: patchkit apply {room.id} --path {base}",
                )
            if (draft.root / path).is_symlink() and not allowed.symlinks:
                raise TargetRefused(f"{place} is a link", "replace it by the file itself, or add --allow-symlinks")
            done = rewrite(room, spec, name, data, str(place), allow_drift=allowed.drift)
            files.append(PatchedFile(path, data, done))
    return files


def _bases(root: Path, within: str, spec: TargetSpec) -> Iterator[Path]:
    """The folders from which the first file of the manifest lies where it should."""
    first = PurePosixPath(spec.files[0])
    found = source_files(root, within, (first.name,), ()) if (root / within).is_dir() else [(within, b"")]
    for path, _ in found:
        place = root / path
        if PurePosixPath(place).parts[-len(first.parts) :] == first.parts:
            yield place.parents[len(first.parts) - 1]


def _inside(root: Path, within: str, place: Path) -> str | None:
    """The path relative to the root, if the place is meant by the target."""
    if not place.is_relative_to(root / within):
        return None
    return place.relative_to(root).as_posix()


def rewrite(room: Room, spec: TargetSpec, file: str, data: bytes, place: str, *, allow_drift: bool) -> Rewrite:
    """What the room's codemod makes of a file; `file` is its name in the manifest, `place` where it lies.

    Raises   SourceUnreadable, or BrokenPack for whatever a codemod raises besides.
    """
    required = tuple(site.symbol for site in spec.sites if site.file == file)
    known = frozenset(spec.known) | known_forms(room.folder)
    codemod = room.codemod()
    try:
        if place.endswith(SUFFIX):
            codemod = NotebookCodemod(codemod)
        return codemod.rewrite_file(data, place, required=required, known=known, allow_drift=allow_drift)
    except PatchkitError:
        raise
    except (Exception, SystemExit) as error:  # a codemod of a third party need not build on ours
        raise BrokenPack(f"{place}: the codemod failed: {error!r}", REPORT_HINT) from error


def _is_to_be_replaced(root: Path, link: Path, visited: set[Path], allowed: Allowed) -> bool:
    """False for a link to a file that is visited itself; one to any other place needs leave to be replaced."""
    place = link.resolve()
    if place in visited:
        return False
    if allowed.symlinks:
        return True
    reason = "which the search passes over" if place.is_relative_to(root) else "outside the tree"
    raise TargetRefused(
        f"{link} is a link to {place}, {reason}",
        "name that place with --path, or replace the link by a patched file of its own with --allow-symlinks",
    )


def claim_of(draft: Draft, path: str, data: bytes) -> Claim:
    agreeing: list[tuple[Distribution, Record]] = []
    others: list[tuple[Distribution, Record]] = []
    for owner in owners(draft.root, path):
        record = Record(draft.read(record_path(draft.root, owner)) or b"", owner.record)
        row = record.row(path)
        if row is not None:
            (agreeing if row.agrees_with(data) else others).append((owner, record))
    return Claim(tuple(agreeing), tuple(others))


def _refuse_disagreement(file: Path, claim: Claim, allowed: Allowed) -> None:
    if claim.agreeing and claim.others and not allowed.owners:
        right, wrong = claim.agreeing[0][0], claim.others[0][0]
        raise TargetRefused(
            f"{file} is listed by two distributions: {right.label}, whose file it is, and {wrong.label}, "
            "which installed another one",
            f"uninstall one of them, or patch the file of {right.name} with --allow-two-owners",
        )


def record_path(root: Path, owner: Distribution) -> str:
    return owner.record.relative_to(root).as_posix()
