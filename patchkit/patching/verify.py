"""`verify`: whether applied patches still hold, and whether the code that runs is the patched code.

The fast form reads and hashes only: it starts no process and needs no write access.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from patchkit.errors import StateCorrupt
from patchkit.patching import probe
from patchkit.patching.bytecode import compiled_copies, invalidation_form, is_of_source
from patchkit.patching.ledger import FileReceipt, read_blob
from patchkit.patching.packs import find_room
from patchkit.patching.settle import refuse_unfinished
from patchkit.patching.state import APPLIED, DRIFTED, LOST, PatchState, markers, patch_states, shadowing
from patchkit.patching.state_folder import BLOBS
from patchkit.patching.target import Target
from patchkit.patching.unreceipted import refuse_unreceipted

if TYPE_CHECKING:
    from patchkit.numerics.rows import Row
    from patchkit.patching.interpreter import Interpreter

INTEGRITY, RECORD, BYTECODE, EFFECT, NUMERICS = "integrity", "record", "bytecode", "effect", "numerics"


@dataclass(frozen=True)
class Check:
    """One thing that was proved, or was not."""

    patch: str
    check: str  # integrity, record, bytecode, effect or numerics
    path: str  # relative to the root
    ok: bool
    message: str
    hint: str = ""
    rows: "tuple[Row, ...] | None" = None  # of numerics: what was compared


def verify(target: Target, ids: Sequence[str], *, fast: bool, numerics: "Interpreter | None" = None) -> list[Check]:
    """Every check of the named patches, or of all applied ones. A patch that is not applied is a failed check.

    With an interpreter for `numerics`, the original and the patched functions are run in it and compared.

    Raises   StateCorrupt if a state cannot be read, or the receipts are gone; BrokenPack, UnknownPatch.
    """
    for root in target.roots:
        refuse_unfinished(root, target.arguments)
    everything = patch_states(target)
    states = [state for state in everything if not ids or state.receipt.patch in ids]
    found = {state.receipt.patch for state in states}
    missing = [id for id in ids if id not in found and find_room(id)] if ids or states else [""]
    if missing:
        refuse_unreceipted(target.roots)
    checks = [_not_applied(target, id) for id in missing]
    for state in states:
        checks += list(_fast_checks(target, state))
        checks += list(_marker_checks(target, state, everything))
        checks += list(_shadow_checks(target, state)) if fast else []
    if not fast:
        for root in dict.fromkeys(state.root for state in states):
            checks += _effect_checks(target, root, [state for state in states if state.root == root])
    if numerics is not None:
        checks += [_numerics_check(state, numerics, named=bool(ids)) for state in states if state.state == APPLIED]
    return checks


def _not_applied(target: Target, id: str) -> Check:
    what = f"{id} is not" if id else "no patch is"
    hint = f"patchkit apply {id}{target.arguments}" if id else "'patchkit list' shows the patches that there are"
    return Check(id, INTEGRITY, "", False, f"{what} applied in {target.label}", hint)


def _fast_checks(target: Target, state: PatchState) -> Iterator[Check]:
    patch = state.receipt.patch
    for stacked in state.files:
        file, now = stacked.file, stacked.state
        hint = f"patchkit apply {patch}{target.arguments}"
        if now == DRIFTED:
            hint = f"{_restore_hint(state)}, then {hint}"
        if now == APPLIED:
            yield Check(patch, INTEGRITY, file.path, True, f"sha256 {stacked.top.after_sha256[:12]} as in the receipt")
            yield from _original_checks(state, file)
            yield from _record_checks(target, state, stacked.top)
            yield from _bytecode_checks(state, stacked.top)
            continue
        reason = {
            LOST: "the package was installed anew or removed, and the patch went with it"
            if state.receipt.distribution
            else "the file is gone",
            "reverted": "the original file is back, but patchkit did not revert it",
        }.get(now, "the file was edited since")
        yield Check(patch, INTEGRITY, file.path, False, f"{now}: {reason}", hint)


def _original_checks(state: PatchState, file: FileReceipt) -> Iterator[Check]:
    """Silent when all is well: the original matters only to revert."""
    try:
        read_blob(state.root, file.before_sha256)
    except StateCorrupt as error:
        yield Check(state.receipt.patch, INTEGRITY, f"{BLOBS}/{file.before_sha256}", False, error.message, error.hint)


def _restore_hint(state: PatchState) -> str:
    receipt = state.receipt
    if receipt.distribution is None:
        return "undo the edit"
    return f"pip install --force-reinstall --no-deps '{receipt.distribution}=={receipt.distribution_version}'"


def _shadow_checks(target: Target, state: PatchState) -> Iterator[Check]:
    folder = shadowing(target, state)
    if folder is not None:
        message = f"a package of that name in {folder} comes first on the import path"
        hint = "start from another folder, or clear PYTHONPATH; 'patchkit verify' names the file that is loaded"
        yield Check(state.receipt.patch, EFFECT, state.files[0].file.path, False, message, hint)


def _record_checks(target: Target, state: PatchState, file: FileReceipt) -> Iterator[Check]:
    patch = state.receipt.patch
    for change in file.records:
        try:
            lines = (state.root / change.record).read_bytes().splitlines(keepends=True)
        except OSError:
            lines = []
        if change.after.encode("utf-8") in lines:
            yield Check(patch, RECORD, change.record, True, f"its row for {file.path} has the patched hash")
        else:
            hint = f"{_restore_hint(state)}, then patchkit apply {patch}{target.arguments}"
            yield Check(
                patch, RECORD, change.record, False, f"its row for {file.path} is not the one patchkit wrote", hint
            )


def _marker_checks(target: Target, state: PatchState, states: Sequence[PatchState]) -> Iterator[Check]:
    """Of patches that hold: of others there is worse to tell."""
    patch = state.receipt.patch
    for marker in markers(state, states) if state.state == APPLIED else ():
        message = marker.fault or "names the patches of the distribution, and is in its RECORD"
        hint = f"patchkit apply {patch}{target.arguments}"
        if not marker.can_be_mended:
            hint = f"{_restore_hint(state)}, then {hint}"
        yield Check(patch, RECORD, marker.path, not marker.fault, message, hint if marker.fault else "")


def _bytecode_checks(state: PatchState, file: FileReceipt) -> Iterator[Check]:
    """Unchecked bytecode runs whatever the source says, so it must carry the hash of the patched source.

    Of any interpreter: nothing is started or unmarshalled here.
    """
    patch, source = state.receipt.patch, state.root / file.path
    text = source.read_bytes()
    for copy in compiled_copies(source):
        if invalidation_form(copy.data) != probe.UNCHECKED:
            continue  # Python compares the others with the source itself
        place = copy.path.relative_to(state.root).as_posix()
        if is_of_source(copy.data, text):
            yield Check(patch, BYTECODE, place, True, "unchecked, of the patched source")
        else:
            message = "unchecked bytecode of other source: Python runs it instead of the patch"
            yield Check(patch, BYTECODE, place, False, message, f"delete {copy.path}")


def _effect_checks(target: Target, root: Path, states: list[PatchState]) -> list[Check]:
    files = [(state, stacked.file) for state in states for stacked in state.files if stacked.state == APPLIED]
    if target.interpreter is None:
        return [check for state, file in files for check in _tree_bytecode(state, file)]
    from patchkit.patching.effect import elsewhere, resolve

    first = "" if target.is_on_path else f" once {root} is on its path: nothing says that it is"
    in_tree = any(state.receipt.kind != "distribution" for state in states)
    paths = [file.path for _, file in files]
    found = resolve(target.interpreter, root, paths, on_path=target.is_on_path, in_tree=in_tree)
    checks = []
    for state, file in files:
        if file.path not in found:
            continue
        answer = found[file.path]
        other = elsewhere(target.interpreter, root / file.path, answer)
        if other is not None:
            checks.append(Check(state.receipt.patch, EFFECT, file.path, False, other.message, other.hint))
            continue
        message = f"{target.interpreter.executable} loads this file{first}"
        checks.append(Check(state.receipt.patch, EFFECT, file.path, True, message))
        checks += [_bytecode_check(state, root, item) for item in answer["bytecode"]]
    return checks


def _numerics_check(state: PatchState, interpreter: "Interpreter", *, named: bool) -> Check:
    """A room without a comparison says that its patch changes no maths; a patch that was named must have one."""
    from patchkit.patching.equivalence import EQUIVALENCE, compare

    patch = state.receipt.patch
    if not named and not (find_room(patch).folder / EQUIVALENCE).is_file():
        message = f"changes no maths: nothing to compare (its room has no {EQUIVALENCE})"
        return Check(patch, NUMERICS, "", True, message)
    on_path = state.root in {entry.resolve() for entry in interpreter.path}
    try:
        found = compare(interpreter, state, find_room(patch).folder, on_path=on_path)
    except StateCorrupt as error:
        return Check(patch, NUMERICS, "", False, f"not compared: {error.message}", error.hint)
    failed = [row for row in found.rows if not row.ok]
    message = f"{sum(row.compared for row in found.rows)} comparisons of original and patched functions"
    message += f", {len(failed)} failed" if failed else ""
    message += f" ({found.versions})" if found.versions else ""
    if found.error:
        message = f"not compared: {found.error}" if not found.rows else f"{message}; not all is compared: {found.error}"
    return Check(patch, NUMERICS, "", not failed and not found.error, message, found.hint, found.rows)


def _tree_bytecode(state: PatchState, file: FileReceipt) -> list[Check]:
    """A tree has no interpreter of its own; the bytecode of this one is checked."""
    message = "not proved: nothing says which Python runs a source tree, or from where"
    found = probe.bytecode_states(str(state.root / file.path))
    unproved = Check(state.receipt.patch, EFFECT, file.path, True, message)
    return [unproved, *(_bytecode_check(state, state.root, item) for item in found)]


def _bytecode_check(state: PatchState, root: Path, item: dict[str, str]) -> Check:
    place = os.path.relpath(item["path"], root)
    messages = {
        "current": "holds the patched code",
        "ignored": "is out of date, and Python compiles the patched source instead",
        "stale": "holds other code than the patched source, and Python would run it",
    }
    ok = item["state"] != "stale"
    hint = "" if ok else f"delete {item['path']}, then run the command again"
    return Check(state.receipt.patch, BYTECODE, place, ok, messages[item["state"]], hint)
