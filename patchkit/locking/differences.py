"""In what two locks differ, patch by patch, as a person is told."""

from collections.abc import Iterator

from patchkit.locking.lockfile import Lock, LockedFile, LockedPatch
from patchkit.patching import results as r


def differences(old: Lock, new: Lock) -> list[tuple[str, str]]:
    """Id and reason for all that differs from the old lock; the id is empty for what concerns the list as a whole.

    An optional patch that was locked as applied, and whose package is absent now, is no difference.
    """
    found = []
    for patch in new.patches:
        found += [(patch.id, reason) for reason in entry_differences(old.patch(patch.id), patch)]
    listed = [patch.id for patch in new.patches]
    found += [(patch.id, "it is no longer listed") for patch in old.patches if patch.id not in listed]
    if not found and [patch.id for patch in old.patches] != listed:
        found.append(("", "the patches are listed in another order"))
    if not found and old.wanted_sha256 != new.wanted_sha256:
        found.append(("", "the list of patches was changed"))
    return found


def entry_differences(old: LockedPatch | None, new: LockedPatch) -> list[str]:
    """Reasons for all in which a patch differs from its entry; None: it has none."""
    return ["it is not in the lock"] if old is None else _reasons(old, new)


def _reasons(old: LockedPatch, new: LockedPatch) -> list[str]:
    if (old.version, old.pack) != (new.version, new.pack):
        return [f"locked as {old.version} of {old.pack}, and {new.version} of {new.pack} is installed"]
    if old.room_sha256 != new.room_sha256:
        return [f"the room of {new.version} was changed since it was locked"]
    if is_skipped(old, new):
        return []
    if old.outcome != new.outcome and r.ABSENT in (old.outcome, new.outcome):
        was = "as absent" if old.outcome == r.ABSENT else f"for {old.label}"
        now = "it is absent" if new.outcome == r.ABSENT else f"{new.label} is installed"
        return [f"locked {was}, and {now}"]
    if (old.kind, old.label) != (new.kind, new.label):
        return [f"locked for {old.label}, and this is {new.label}"]
    reasons = list(_file_reasons(old, new))
    if not reasons and old.outcome != new.outcome:
        reasons.append(f"locked as {old.outcome}, and it is {new.outcome}")
    if not reasons and old.optional != new.optional:
        reasons.append("optional was changed")
    return reasons


def is_skipped(old: LockedPatch, new: LockedPatch) -> bool:
    """True if the patch is optional, and locked for a package that is not here."""
    return old.optional and new.outcome == r.ABSENT and old.outcome != r.ABSENT


def _file_reasons(old: LockedPatch, new: LockedPatch) -> Iterator[str]:
    before, after = _by_path(old), _by_path(new)
    for path in dict.fromkeys([*before, *after]):
        if path not in after:
            yield f"{path} is missing, or holds nothing to patch"
        elif path not in before:
            yield f"{path} is to be patched too, and is not in the lock"
        elif before[path].before_sha256 != after[path].before_sha256:
            yield f"{path} holds other bytes than those that were locked"
        elif before[path].after_sha256 != after[path].after_sha256:
            yield f"{path} would get other bytes than those that were locked"


def _by_path(patch: LockedPatch) -> dict[str, LockedFile]:
    return {file.path: file for file in patch.files}
