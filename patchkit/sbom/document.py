"""A CycloneDX 1.6 document, by cyclonedx-python-lib.

Names, references between components and package URLs are those that cyclonedx-py gives the same environment, so that
both documents can be merged or compared. A package that comes from a local folder or file gets no package URL: what an
index has under its name need not be the same code.
"""

import base64
import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cyclonedx.exception.model import CycloneDxModelException
from cyclonedx.model import AttachedText, Encoding, ExternalReference, ExternalReferenceType, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType, Diff, Patch, PatchClassification, Pedigree
from cyclonedx.model.issue import IssueClassification, IssueType, IssueTypeSource
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.requirements import InvalidRequirement, Requirement

import patchkit
from patchkit.patching.distinfo import normalised
from patchkit.patching.ledger import Receipt
from patchkit.sbom.packages import Package
from patchkit.sbom.patched import AppliedPatch

INDEX = "://files.pythonhosted.org/"  # where packages come from that nobody fetched by URL
_LINK = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\x00-\x20\"<>\\^`{|}\[\]]+")
_ISSUE_PLACES = {"issues", "pull", "discussions"}


@dataclass(frozen=True)
class Listed:
    """One component to be: a package, or a source tree, with its patches."""

    package: Package
    patches: tuple[AppliedPatch, ...]
    is_tree: bool = False


def document(listed: Sequence[Listed], seconds: int) -> str:
    """The JSON text.

    Units    seconds since 1970: the time of the document.
    """
    bom = Bom()
    bom.metadata.timestamp = datetime.fromtimestamp(seconds, timezone.utc)
    bom.metadata.tools.components.add(_this_tool())
    components = list(_components(listed))
    for component, _ in components:
        bom.components.add(component)
    _add_dependencies(bom, components)
    # The same content has the same number: two image builds write the same document.
    bom.serial_number = uuid.UUID(int=0)
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, _rendered(bom))
    return _rendered(bom) + "\n"


def _rendered(bom: Bom) -> str:
    return make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2)


def _this_tool() -> Component:
    return Component(
        type=ComponentType.APPLICATION,
        bom_ref=f"tool:{patchkit.DISTRIBUTION}",
        name=patchkit.DISTRIBUTION,
        version=patchkit.__version__,
        purl=PackageURL("pypi", name=patchkit.DISTRIBUTION, version=patchkit.__version__),
    )


def _components(listed: Sequence[Listed]) -> Iterator[tuple[Component, Package]]:
    taken: dict[str, int] = {}
    for one in listed:
        package = one.package
        name = package.name if package.version is None else f"{package.name}=={package.version}"
        taken[name] = taken.get(name, 0) + 1
        ref = name if taken[name] == 1 else f"{name}#{taken[name]}"
        component = _component(package, ref, is_tree=one.is_tree)
        for reference in _sources(package):
            component.external_references.add(reference)
        if one.patches:
            component.pedigree = _pedigree(one, ref)
        yield component, package


def _component(package: Package, ref: str, *, is_tree: bool) -> Component:
    return Component(
        type=ComponentType.APPLICATION if is_tree else ComponentType.LIBRARY,
        bom_ref=ref,
        name=package.name,
        version=package.version,
        description=package.summary,
        purl=None if is_tree else _package_url(package),
    )


def _package_url(package: Package) -> PackageURL | None:
    origin, qualifiers = package.origin, {}
    url = origin.get("url", "")
    if package.tree is not None or url.startswith("file://"):
        return None
    vcs = _table(origin, "vcs_info")
    if vcs:
        qualifiers["vcs_url"] = f"{vcs.get('vcs')}+{url}@{vcs.get('commit_id')}"
    elif "archive_info" in origin and INDEX not in url:
        qualifiers["download_url"] = url
    subpath = origin.get("subdirectory")
    return PackageURL(
        "pypi",
        name=package.name,
        version=package.version,
        qualifiers=qualifiers or None,
        subpath=subpath if isinstance(subpath, str) else None,
    )


def _sources(package: Package) -> Iterator[ExternalReference]:
    """Where a package comes from that is not from an index; folders of this machine stay unnamed."""
    url, vcs = package.origin.get("url", ""), _table(package.origin, "vcs_info")
    if not url or url.startswith("file://"):
        return
    if vcs and (link := _link(f"{url}#{vcs.get('commit_id')}")):
        yield ExternalReference(type=ExternalReferenceType.VCS, url=link)
    elif "archive_info" in package.origin and (link := _link(url)):
        hashes = _table(_table(package.origin, "archive_info"), "hashes")
        known = [HashType.from_hashlib_alg(name, value) for name, value in hashes.items() if _is_sha256(name, value)]
        yield ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=link, hashes=known)


def _is_sha256(name: str, value: object) -> bool:
    return name == "sha256" and isinstance(value, str) and re.fullmatch(r"[0-9a-fA-F]{64}", value) is not None


def _link(url: str) -> XsUri | None:
    """The URL as the schema takes it; None for text that is none."""
    try:
        link = XsUri(url)
    except CycloneDxModelException:
        return None
    return link if _LINK.fullmatch(str(link)) else None


def _table(data: dict[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _pedigree(one: Listed, ref: str) -> Pedigree:
    names = ", ".join(f"{patch.receipt.patch} {patch.receipt.version}" for patch in one.patches)
    return Pedigree(
        # What is installed is derived from what was released; a tree was not released.
        ancestors=[] if one.is_tree else [_component(one.package, f"{ref}#original", is_tree=False)],
        patches=[_patch(patch) for patch in one.patches],
        notes=f"Patched by patchkit, in this order: {names}",
    )


def _patch(patch: AppliedPatch) -> Patch:
    return Patch(
        type=PatchClassification.UNOFFICIAL, diff=Diff(text=_text(patch.diff)), resolves=_issues(patch.receipt)
    )


def _text(diff: bytes) -> AttachedText:
    try:
        return AttachedText(content=diff.decode("utf-8"), content_type="text/x-diff")
    except UnicodeDecodeError:
        content = base64.b64encode(diff).decode("ascii")
        return AttachedText(content=content, content_type="text/x-diff", encoding=Encoding.BASE_64)


def _issues(receipt: Receipt) -> Iterator[IssueType]:
    """The issues that a patch names; where it names none, the patch speaks for itself."""
    title = receipt.title or receipt.patch
    links = [(reference, link) for reference in receipt.references if (link := _link(reference.url))]
    issues = [(reference, link) for reference, link in links if reference.kind == "issue"]
    others = [link for reference, link in links if reference.kind != "issue"]
    for reference, link in issues:
        yield IssueType(
            type=IssueClassification.DEFECT,
            id=_issue_id(str(link)),
            name=title,
            description=reference.title,
            source=IssueTypeSource(name=urlsplit(str(link)).netloc, url=link),
            references=[link, *others],
        )
    if not issues:
        yield IssueType(type=IssueClassification.DEFECT, id=receipt.patch, name=title, references=others)


def _issue_id(url: str) -> str:
    """`owner/repository#number`, as people cite it; the link itself where it has another form."""
    parts = urlsplit(url).path.strip("/").split("/")
    return f"{parts[0]}/{parts[1]}#{parts[3]}" if len(parts) >= 4 and parts[2] in _ISSUE_PLACES else url


def _add_dependencies(bom: Bom, components: Sequence[tuple[Component, Package]]) -> None:
    """Requirements that are installed; the first of a name is the one that is imported."""
    by_name: dict[str, Component] = {}
    for component, package in components:
        by_name.setdefault(normalised(package.name), component)
    for component, package in components:
        needed = {by_name[name] for name in _required(package) if name in by_name}
        bom.register_dependency(component, sorted(needed - {component}))


def _required(package: Package) -> Iterator[str]:
    for text in package.requires:
        with suppress(InvalidRequirement):
            yield normalised(Requirement(text).name)


def tree_package(root: Path) -> Package:
    return Package(root.name, None, None, root, root)
