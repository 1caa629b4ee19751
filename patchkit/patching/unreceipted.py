"""Patches that a marker names and no receipt: the state folder was deleted, or not copied with the packages.

Their bytes look like a release that holds the fix itself, but nobody can take them back, and their hashes are none
of the release.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from patchkit.errors import StateCorrupt
from patchkit.patching.distinfo import Distribution, distribution_of
from patchkit.patching.ledger import load_ledger, sha256_of
from patchkit.patching.state_folder import MARKER, STATE


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
        named = json.loads(marker.read_bytes())["patches"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    receipts = load_ledger(root).receipts
    known = {receipt.patch for receipt in receipts}
    received = {(file.path, file.before_sha256, file.after_sha256) for one in receipts for file in one.files}
    try:
        lost = [patch for patch in named if patch["patch"] not in known]
        names = ", ".join(f"{patch['patch']} {patch['version']}" for patch in lost)
        files = {
            (file["path"], file["before_sha256"], file["after_sha256"]) for patch in lost for file in patch["files"]
        } - received
        if all(_is_original(distribution, path, files) for path, _, _ in files):
            return None
    except (KeyError, TypeError, ValueError):  # no marker of ours
        return None
    return StateCorrupt(
        f"{distribution.label} was patched by patchkit with {names}, as {marker} says; the receipt and the originals, "
        f"which were in {root / STATE}, are gone",
        f"{distribution.reinstall_hint}; then run this command again",
    )


def _is_original(distribution: Distribution, path: str, files: Iterable[tuple[str, str, str]]) -> bool:
    """True if a file has the bytes that the lowest patch found; those between two patches on it are not original."""
    before = {old for name, old, _ in files if name == path}
    after = {new for name, _, new in files if name == path}
    try:
        return sha256_of((distribution.info.parent / path).read_bytes()) in before - after
    except OSError:
        return False
