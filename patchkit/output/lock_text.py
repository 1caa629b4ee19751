"""What `lock` and `sync` say of the lock file."""

from typing import TYPE_CHECKING

from patchkit.locking.report import WRITTEN
from patchkit.output.text import render_results, under_headings
from patchkit.patching import results as r

if TYPE_CHECKING:
    from collections.abc import Sequence

    from patchkit.locking.lock import Locked
    from patchkit.locking.lockfile import LockedPatch
    from patchkit.locking.report import LockReport
    from patchkit.patching.target import Target

UPSTREAMED = "the release holds the fix itself: its entry can be deleted from the list"


def render_lock(locked: "Locked", targets: "Sequence[Target]") -> str:
    """The entries of a lock; if there is none, what was refused in each target."""
    if locked.lock is None:
        refused = [number for number, results in enumerate(locked.refusals) if results]
        named = [targets[number] for number in refused] if targets else ()
        return under_headings(named, [render_results(locked.refusals[number]) for number in refused])
    return f"{locked.report.path}: {locked.report.state}\n" + "".join(map(_entry, locked.lock.patches))


def render_changes(report: "LockReport") -> str:
    """What changed in the lock, line by line; empty if nothing did."""
    if not report.changes:
        return ""
    title = f"wrote {report.path}" if report.state == WRITTEN else f"{report.path} is out of date"
    reasons = [f"  {id}: {reason}\n" if id else f"  {reason}\n" for id, reason in report.changes]
    return f"patchkit: {title}\n{''.join(reasons)}"


def _entry(patch: "LockedPatch") -> str:
    place = f" ({patch.label})" if patch.distribution and patch.outcome != r.ABSENT else ""
    lines = [f"{patch.id} {patch.version}: {patch.outcome}{place}"]
    for file in patch.files:
        after = f" -> {file.after_sha256[:12]}" if file.after_sha256 != file.before_sha256 else ""
        lines.append(f"  {file.path}  sha256 {file.before_sha256[:12]}{after}")
    if patch.outcome == r.UPSTREAMED:
        lines.append(f"  {UPSTREAMED}")
    if patch.outcome == r.ABSENT:
        lines.append(f"  optional, and its {'package' if patch.kind == 'distribution' else 'code'} is not there")
    return "\n".join(lines) + "\n"
