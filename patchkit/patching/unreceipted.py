"""Patches that a marker names and no receipt: the state folder was deleted, or not copied with the packages.

Their bytes look like a release that holds the fix itself, but nobody can take them back, and their hashes are none
of the release.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from patchkit.errors import StateCorrupt
from patchkit.patching.distinfo import Distribution, distribution_of
from patchkit.patching.ledger import Receipt, load_ledger, sha256_of
from patchkit.patching.state_folder import MARKER, STATE


@dataclass(frozen=True)
class Marked:
    """A patch that a marker names."""

    patch: str
    version: str
    has_receipt: bool

    @property
    def label(self) -> str:
        return f"{self.patch} {self.version}"


def refuse_unreceipted(roots: Sequence[Path]) -> None:
    """A package that is patched, without a word of how, is not told as one that is not patched.

    Raises   StateCorrupt.
    """
    for root in roots:
        for marker in sorted(root.glob(f"*.dist-info/{MARKER}")):
            lost = unreceipted(distribution_of(marker.parent))
            if lost is not None:
                raise lost


def unreceipted(distribution: Distribution) -> StateCorrupt | None:
    """What is wrong with a distribution whose marker names patches without receipts.

    None if the receipts account for its files, or the files are the original ones again.
    """
    root, marker = distribution.info.parent, distribution.info / MARKER
    try:
        data = marker.read_bytes()
    except OSError:
        return None
    marked = marked_without_receipt(distribution.info, data, load_ledger(root).receipts)
    if not marked:
        return None
    names = ", ".join(patch.label for patch in marked if not patch.has_receipt)
    return StateCorrupt(
        f"{distribution.label} was patched by patchkit with {names}, as {marker} says; the receipt and the originals, "
        f"which were in {root / STATE}, are gone",
        f"{distribution.reinstall_hint}; then run this command again",
    )


def marked_without_receipt(info: Path, marker: bytes, receipts: Sequence[Receipt]) -> tuple[Marked, ...]:
    """The patches that the marker in a metadata folder names, where some of them have no receipt.

    None where the receipts account for the files of those, they are the original ones again, or this is no marker.
    """
    known = {receipt.patch for receipt in receipts}
    received = {(file.path, file.before_sha256, file.after_sha256) for one in receipts for file in one.files}
    try:
        named = json.loads(marker)["patches"]
        lost = [patch for patch in named if patch["patch"] not in known]
        files = {
            (file["path"], file["before_sha256"], file["after_sha256"]) for patch in lost for file in patch["files"]
        } - received
        if all(_is_original(info.parent, path, files) for path, _, _ in files):
            return ()
        return tuple(Marked(_text(patch["patch"]), _text(patch["version"]), patch not in lost) for patch in named)
    except (ValueError, KeyError, TypeError, RecursionError):
        return ()


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def _is_original(root: Path, path: str, files: Iterable[tuple[str, str, str]]) -> bool:
    """True if a file has the bytes that the lowest patch found; those between two patches on it are not original."""
    before = {old for name, old, _ in files if name == path}
    after = {new for name, _, new in files if name == path}
    try:
        return sha256_of((root / path).read_bytes()) in before - after
    except OSError:
        return False
