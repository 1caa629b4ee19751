"""Why a target has drifted: which precondition failed where, what comes nearest, and what to type next."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from patchkit.patching.results import TargetReport
from patchkit.patching.sites import Site, SiteState

if TYPE_CHECKING:
    from patchkit.patching.distinfo import Distribution
    from patchkit.patching.examine import PatchedFile

TREE_HINT = "bring the function back to a known form, or patch the other files one by one with --path FILE"


def drift_message(
    patch: str, target: TargetReport, files: "Sequence[PatchedFile]", distribution: "Distribution | None"
) -> tuple[str, str]:
    """The message and the hint for a conflict."""
    lines = []
    for file in files:
        if not file.is_recorded:
            lines.append(_unrecorded(target, file))
        for site in file.rewrite.sites:
            lines += _site_lines(target, file, site)
    sites = [site for file in files for site in file.rewrite.sites]
    states = {site.state for site in sites}
    if states <= {SiteState.APPLIED, SiteState.MISSING} and SiteState.APPLIED in states:
        lines.append("the fix is there already, but not from patchkit: there is no receipt for it")
    hopeless = any(site.state is SiteState.DRIFTED and not site.rewritable for site in sites)
    if hopeless or states <= {SiteState.MISSING, SiteState.APPLIED}:
        hint = distribution.reinstall_hint if distribution else TREE_HINT
    else:
        hint = f"see the change with: patchkit apply {patch}{target.arguments} --diff --allow-drift"
        if distribution and distribution.info.suffix == ".dist-info":
            hint += f"; or reinstall: {distribution.reinstall_hint.partition(': ')[2]}"
    return "\n".join(lines), hint


def _unrecorded(target: TargetReport, file: "PatchedFile") -> str:
    listing = ", ".join(owner.label for owner, _ in file.claim.others) if file.claim else ""
    if not listing:
        return f"{target.label}: no RECORD lists {file.path}, so nothing says which code it should hold"
    if file.claim and not any(record.has_hash(file.path) for _, record in file.claim.others):
        return f"{target.label}: RECORD of {listing} carries no usable hash for {file.path}, so nothing proves its code"
    return f"{target.label}: {file.path} is not the file that was installed: its hash differs from RECORD of {listing}"


def _site_lines(target: TargetReport, file: "PatchedFile", site: Site) -> list[str]:
    if site.state is SiteState.MISSING:
        lines = [f"{target.label}: {site.symbol} is not in {file.path}"]
        return [*lines, f"  nearest match: {site.nearest}"] if site.nearest else lines
    if site.state is not SiteState.DRIFTED:
        return []
    lines = [f"{target.label}: {site.symbol} has drifted ({file.path}:{site.line})"]
    lines += [f"  precondition failed: {text}" for text in site.failed]
    if site.nearest:
        lines.append(f"  nearest match: {site.nearest}")
    return lines
