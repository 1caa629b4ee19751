"""The manifest of a patch room: `patch.yaml`, data only, strict keys."""

import re
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from patchkit.errors import BrokenPack

PACK_HINT = "repair or uninstall the pack"
Severity = Literal["error", "warning", "note"]


class SiteRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One place that a target of this version range must hold."""

    file: str  # relative to the root, with forward slashes
    symbol: str  # qualified name inside the file: Class.method


class TargetSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a patch applies: a range of releases of a distribution, or source trees.

    The sites of a tree are wherever the codemod finds them; where the manifest lists them, in every folder of the tree
    from which their files lie as it says.
    """

    distribution: str | list[str] | None = None  # one name, or all that publish the same module
    tree: str | list[str] | None = None  # globs of the file names to search
    versions: str = ""  # PEP 440 specifiers; empty: every version
    sites: list[SiteRef] = []
    known: list[str] = []  # fingerprints of the functions that were tested

    @property
    def distributions(self) -> tuple[str, ...]:
        return _as_tuple(self.distribution)

    @property
    def patterns(self) -> tuple[str, ...]:
        return _as_tuple(self.tree)

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(site.file for site in self.sites))

    def covers(self, version: str) -> bool:
        """True if the range holds the version, pre-releases included.

        Raises   BrokenPack if the range is not PEP 440.
        """
        from packaging.specifiers import InvalidSpecifier, SpecifierSet
        from packaging.version import InvalidVersion, Version

        try:
            return SpecifierSet(self.versions).contains(Version(version), prereleases=True)
        except InvalidVersion:
            return False
        except InvalidSpecifier as error:
            raise BrokenPack(
                f"the versions '{self.versions}' of a patch are no range: {error}", "repair the pack"
            ) from error


class Reference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A public source of the patch."""

    kind: Literal["issue", "commit", "article", "paper", "documentation"]
    title: str
    url: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `patch.yaml`."""

    id: str
    version: str  # of the patch itself, semantic
    title: str
    severity: Severity
    targets: list[TargetSpec]
    symptoms: list[str] = []  # regular expressions of what a log shows
    requires: list[str] = []  # ids that must be applied before
    conflicts: list[str] = []  # ids that must not be applied
    references: list[Reference] = []

    @property
    def distributions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for target in self.targets for name in target.distributions))

    @property
    def trees(self) -> tuple[TargetSpec, ...]:
        return tuple(target for target in self.targets if target.patterns)


def load_manifest(path: Path) -> Manifest:
    """The manifest at `path`.

    Raises   BrokenPack if it is unreadable, has an unknown key, or contradicts itself.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        data: Any = yaml.load(path.read_bytes(), Loader=loader)
        manifest = msgspec.convert(data, Manifest)
    except (OSError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise BrokenPack(f"{path}: not a valid patch manifest: {error}", PACK_HINT) from error
    fault = _fault(manifest, path.parent.name)
    if fault:
        raise BrokenPack(f"{path}: {fault}", PACK_HINT)
    return manifest


def _fault(manifest: Manifest, folder: str) -> str:
    """What is wrong with a manifest whose keys and types are right; empty if nothing is."""
    if manifest.id != folder.replace("_", "-"):
        return f"id '{manifest.id}' does not agree with the folder name '{folder}'"
    if not re.fullmatch(r"\d+\.\d+\.\d+", manifest.version):
        return f"version '{manifest.version}' is not MAJOR.MINOR.PATCH"
    if not manifest.targets:
        return "no targets"
    faults = [*map(_symptom_fault, manifest.symptoms), *map(_target_fault, manifest.targets)]
    return next(filter(None, faults), "")


def _as_tuple(names: str | list[str] | None) -> tuple[str, ...]:
    return () if names is None else (names,) if isinstance(names, str) else tuple(names)


def _symptom_fault(symptom: str) -> str:
    try:
        re.compile(symptom)
    except re.error as error:
        return f"symptom {symptom!r} is not a regular expression: {error}"
    return ""


def _target_fault(target: TargetSpec) -> str:
    if bool(target.distributions) == bool(target.patterns):
        return "a target names either a distribution or a tree"
    if target.distributions and not target.sites:
        return f"the target {target.distributions[0]} {target.versions} lists no sites"
    if any(_escapes(file) for file in target.files):
        name = (target.distributions or target.patterns)[0]
        return f"the target {name} {target.versions}".rstrip() + " has a file outside the root"
    return ""


def _escapes(file: str) -> bool:
    return file.startswith("/") or "\\" in file or ".." in file.split("/")
