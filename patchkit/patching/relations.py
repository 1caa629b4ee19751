"""What patches say of each other in their manifests: `requires` and `conflicts`."""

from collections.abc import Sequence
from dataclasses import replace

from patchkit.errors import BrokenPack, UnknownPatch
from patchkit.patching import results as r
from patchkit.patching.ledger import Ledger
from patchkit.patching.packs import Room, find_room
from patchkit.patching.results import Result


def refuse_unrelated(planned: Sequence[Result], rooms: Sequence[Room], ledger: Ledger, arguments: str) -> list[Result]:
    """The results, with a conflict where a required patch is missing, or one that is excluded is there.

    It does not matter which of two patches excludes the other, nor in which order they are named or were applied.
    """
    there = {receipt.patch for receipt in ledger.receipts}
    there |= {result.patch for result in planned if result.outcome in r.DONE}
    others = [room for id in there - {room.id for room in rooms} if (room := _installed(id)) is not None]
    checked = []
    for result, room in zip(planned, rooms, strict=True):
        missing = [id for id in room.manifest.requires if id not in there]
        excluded = [id for id in room.manifest.conflicts if id in there]
        excluded += [
            other.id for other in (*rooms, *others) if room.id in other.manifest.conflicts and other.id in there
        ]
        message = hint = ""
        if missing:
            message, hint = f"{room.id} requires {missing[0]}", f"patchkit apply {missing[0]} {room.id}{arguments}"
        elif excluded:
            message, hint = f"{room.id} and {excluded[0]} exclude each other", _way_out(excluded[0], ledger, arguments)
        is_refused = bool(message) and result.outcome not in r.REFUSED
        checked.append(replace(result, outcome=r.CONFLICT, message=message, hint=hint) if is_refused else result)
    return checked


def requiring(id: str, staying: Sequence[str]) -> str | None:
    """The first of the patches that stay which requires a patch."""
    rooms = filter(None, map(_installed, staying))
    return next((room.id for room in rooms if id in room.manifest.requires), None)


def _way_out(id: str, ledger: Ledger, arguments: str) -> str:
    return f"patchkit revert {id}{arguments}" if ledger.receipt(id) else "apply one of them alone"


def _installed(id: str) -> Room | None:
    """The room of an applied patch; None if its pack is gone, and with it what it said."""
    try:
        return find_room(id)
    except (UnknownPatch, BrokenPack):
        return None
