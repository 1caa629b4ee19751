"""Packs of patch rooms: packages behind the entry-point group `patchkit.packs`, our own among them."""

import hashlib
import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from patchkit.errors import BrokenPack, UnknownPatch
from patchkit.patching.distinfo import normalised

if TYPE_CHECKING:
    from patchkit.patching.manifest import Manifest
    from patchkit.patching.sites import FileCodemod

GROUP = "patchkit.packs"
OWN_PACK = "patchkit.patches"
HINT = "repair or uninstall the pack"
MANIFEST = "patch.yaml"


@dataclass(frozen=True)
class Room:
    """One folder with all of one patch."""

    pack: str  # module name of the pack
    folder: Path
    manifest: "Manifest"

    @property
    def id(self) -> str:
        return self.manifest.id

    @property
    def readme(self) -> str:
        try:
            return (self.folder / "README.md").read_text(encoding="utf-8")
        except (OSError, UnicodeError) as error:
            raise BrokenPack(f"{self.folder}: the room has no README.md that can be read", HINT) from error

    def codemod(self) -> "FileCodemod":
        """The room's codemod, imported now: this is what loads LibCST."""
        name = f"{self.pack}.{self.folder.name}.codemod"
        try:
            module = importlib.import_module(name)
            codemod: FileCodemod = module.Codemod()
            if not all(isinstance(anchor, bytes) for anchor in codemod.anchors):
                raise TypeError("its anchors are not a tuple of bytes")  # noqa: TRY301
        except (Exception, SystemExit) as error:  # whatever the code of a third party raises
            raise BrokenPack(f"{name}: the codemod cannot be loaded: {error}", HINT) from error
        return codemod


def all_rooms() -> list[Room]:
    """Every room of every installed pack, by id."""
    rooms = [_room(pack, folder) for pack in _packs() for folder in _folders(pack)]
    ids = [room.id for room in rooms]
    for id in ids:
        if ids.count(id) > 1:
            raise BrokenPack(f"two packs define '{id}'", "uninstall one of them")
    return sorted(rooms, key=lambda room: room.id)


def find_room(id: str) -> Room:
    """The room of patch `id`; only its manifest is read.

    Raises   UnknownPatch, with the nearest id as hint.
    """
    places = [(pack, folder) for pack in _packs() for folder in _folders(pack)]
    matches = [(pack, folder) for pack, folder in places if _id(folder) == id]
    if not matches:
        from difflib import get_close_matches

        near = get_close_matches(id, [_id(folder) for _, folder in places], n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise UnknownPatch(f"no patch is called '{id}'", f"{hint}'patchkit list' shows every patch")
    if len(matches) > 1:
        raise BrokenPack(f"two packs define '{id}': {matches[0][0]} and {matches[1][0]}", "uninstall one of them")
    return _room(*matches[0])


@dataclass(frozen=True)
class Place:
    """Where a room lies, before anything of it is parsed."""

    pack: str
    folder: Path

    @property
    def id(self) -> str:
        return _id(self.folder)

    @property
    def title(self) -> str:
        """The title of the patch; its manifest is parsed only where the line is not plain text."""
        text = (self.folder / MANIFEST).read_text(encoding="utf-8", errors="replace")
        plain = re.search(r"^title: ([^\W_][^\n]*)$", text, re.MULTILINE)
        return plain[1].strip() if plain and not re.search(r":\s| #", plain[1]) else self.room().manifest.title

    def room(self) -> Room:
        return _room(self.pack, self.folder)

    def names_one(self, distributions: Collection[str]) -> bool:
        """False if the manifest can name none of these: it has no such key, or no such word."""
        text = (self.folder / MANIFEST).read_text(encoding="utf-8", errors="replace")
        return "distribution" in text and any(
            normalised(word) in distributions for word in set(re.findall(r"[A-Za-z0-9][\w.-]*", text))
        )


def places() -> list[Place]:
    """Where every room of every pack lies, by id. Metadata is parsed only where another pack is installed."""
    packs = [OWN_PACK] if _has_own_pack_alone() else _packs()
    return sorted((Place(pack, folder) for pack in packs for folder in _folders(pack)), key=lambda place: place.id)


def _has_own_pack_alone() -> bool:
    """True if our own distribution is the only one on the import path that has an entry point of the group."""
    found = []
    for place in sys.path:
        try:
            with os.scandir(place or ".") as entries:
                names = [entry.path for entry in entries if entry.name.endswith((".dist-info", ".egg-info"))]
        except OSError:
            continue
        for name in names:
            try:
                with open(f"{name}/entry_points.txt", "rb") as file:  # noqa: PTH123 - some hundred times
                    if GROUP.encode() in file.read():
                        found.append(os.path.basename(name))  # noqa: PTH119
            except OSError:
                continue
    return bool(found) and all(name.startswith("patchkit_cv") for name in found)


def room_digest(pack: str, id: str) -> str | None:
    """SHA-256 over manifest and codemod of a room, found without reading metadata; None if it is gone."""
    try:
        # A name out of a ledger is imported only if it is that of an installed pack.
        known = pack == OWN_PACK or pack in _packs()
        folder = next((folder for folder in _folders(pack) if _id(folder) == id), None) if known else None
    except BrokenPack:
        return None
    return None if folder is None else digest(folder)


def digest(folder: Path) -> str:
    """SHA-256 over what decides a result: the manifest and the modules of a room."""
    total = hashlib.sha256()
    for path in sorted([folder / MANIFEST, *folder.glob("*.py")]):
        total.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _id(folder: Path) -> str:
    return folder.name.replace("_", "-")


def _room(pack: str, folder: Path) -> Room:
    from patchkit.patching.manifest import load_manifest

    return Room(pack, folder, load_manifest(folder / MANIFEST))


def _packs() -> list[str]:
    from importlib.metadata import entry_points

    packs = sorted({point.value for point in entry_points(group=GROUP)})
    if not packs:
        raise BrokenPack("no pack of patches is installed", "install patchkit itself: pip install patchkit-cv")
    return packs


def _folders(pack: str) -> list[Path]:
    try:
        spec = importlib.util.find_spec(pack)
    except (Exception, SystemExit) as error:  # importing the parent of the pack runs code of a third party
        raise BrokenPack(f"the pack '{pack}' cannot be imported: {error!r}", HINT) from error
    if spec is None or not spec.submodule_search_locations:
        raise BrokenPack(f"the pack '{pack}' is not a package", HINT)
    folders = {
        folder.parent for place in spec.submodule_search_locations for folder in Path(place).glob(f"*/{MANIFEST}")
    }
    return sorted(folders)
