"""`sbom`: read a target, hold its patches against it, and write the document."""

from collections.abc import Sequence
from pathlib import Path

from patchkit.errors import PatchkitError, StateCorrupt
from patchkit.patching.distinfo import normalised
from patchkit.patching.settle import refuse_unfinished
from patchkit.patching.state import patch_states
from patchkit.patching.target import Target
from patchkit.patching.transaction import timestamp
from patchkit.patching.unreceipted import refuse_unreceipted
from patchkit.sbom.packages import Package, packages
from patchkit.sbom.patched import AppliedPatch, applied_patches


def sbom(target: Target) -> str:
    """The CycloneDX document of a target, as JSON text.

    Raises   StateCorrupt if a patch does not hold; PatchkitError if cyclonedx-python-lib is not installed.
    """
    try:
        from patchkit.sbom.document import Listed, document, tree_package
    except ImportError as error:
        raise PatchkitError("sbom needs cyclonedx-python-lib", "pip install 'patchkit-cv[sbom]'") from error
    for root in target.roots:
        refuse_unfinished(root, target.arguments)
    patches = applied_patches(target, patch_states(target))
    if target.kind == "environment":
        refuse_unreceipted(target.roots)
    found = packages(target.roots) if target.kind == "environment" else []
    owned = {id(package): tuple(patch for patch in patches if _owns(package, patch)) for package in found}
    trees = _trees(target, patches, found)
    for patch in patches:
        if patch.root not in trees and not any(patch in mine for mine in owned.values()):
            raise StateCorrupt(
                f"{patch.root}: no metadata says that {patch.receipt.distribution} is installed, which "
                f"{patch.receipt.patch} patched",
                f"'patchkit status{target.arguments}' shows the files",
            )
    listed = [Listed(package, owned[id(package)]) for package in _distinct(found, owned)]
    listed += [
        Listed(tree_package(tree), tuple(patch for patch in patches if patch.root == tree), is_tree=True)
        for tree in trees
    ]
    return document(listed, timestamp())


def _owns(package: Package, patch: AppliedPatch) -> bool:
    """True for the distributions whose RECORD has rows of the patch; without such rows, for the one it was made for."""
    receipt = patch.receipt
    if package.tree is not None and package.tree.resolve() == patch.root:
        return True
    if package.root != patch.root or receipt.kind != "distribution":
        return False
    records = {row.record for file in receipt.files for row in file.records}
    if records:
        return f"{package.info.name}/RECORD" in records
    return package.key == (normalised(receipt.distribution or ""), receipt.distribution_version)


def _trees(target: Target, patches: Sequence[AppliedPatch], found: Sequence[Package]) -> list[Path]:
    """The source trees that are components of their own: the target itself, and patched ones of no package."""
    if target.kind != "environment":
        return list(target.roots)
    editable = {package.tree.resolve() for package in found if package.tree is not None}
    roots = [patch.root for patch in patches if patch.receipt.kind != "distribution" and patch.root not in editable]
    return list(dict.fromkeys(roots))


def _distinct(found: Sequence[Package], owned: dict[int, tuple[AppliedPatch, ...]]) -> list[Package]:
    """Without what stands there twice: the same release further down the import path, say."""
    seen: set[tuple[str, str | None]] = set()
    kept = []
    for package in found:
        if package.key not in seen or owned[id(package)]:
            kept.append(package)
        seen.add(package.key)
    return kept
