"""Results as a person reads them."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from patchkit.edits import changed_lines
from patchkit.patching import results as r

if TYPE_CHECKING:
    from patchkit.patching.packs import Room
    from patchkit.patching.results import FileReport, Result
    from patchkit.patching.state import PatchState
    from patchkit.patching.target import Target
    from patchkit.patching.tested import Tested
    from patchkit.patching.verify import Check


def under_headings(targets: "Sequence[Target]", texts: Iterable[str]) -> str:
    """The texts, each under the name of its target, if there are targets; else the texts alone."""
    texts = list(texts)
    if not targets:
        return "".join(texts)
    return "\n".join(f"{target.label}:\n{text}" for target, text in zip(targets, texts, strict=True))


def render_results(results: "Sequence[Result]") -> str:
    return "".join(_result(result) for result in results)


def _result(result: "Result") -> str:
    title = f"{result.patch} {result.version}: " if result.version else f"{result.patch}: "
    lines = [f"{title}{result.outcome}"]
    if result.target.distribution and result.outcome not in r.REFUSED:
        lines[0] += f" ({result.target.label})"
    if result.outcome not in r.REFUSED:
        for file in result.files:
            lines += [f"  {file.path}:{site.line}  {site.symbol}  {site.state}" for site in file.sites]
    lines += [f"  {line}" for line in result.message.splitlines()]
    if result.hint:
        lines.append(f"  hint: {result.hint}")
    return "\n".join(lines) + "\n"


def render_diff(results: "Sequence[Result]") -> bytes:
    """Unified diffs of every file that changes, as git prints them: bytes, because source has many encodings."""
    return b"".join(unified_diff(file) for result in results for file in result.files if file.before != file.after)


def unified_diff(file: "FileReport") -> bytes:
    return changed_lines(file.path, file.before, file.after)


def render_status(states: "Sequence[PatchState]", label: str, arguments: str) -> str:
    if not states:
        return f"no patch is applied in {label}\n"
    lines = []
    for state in states:
        receipt = state.receipt
        place = f" ({receipt.distribution} {receipt.distribution_version})" if receipt.distribution else ""
        lines.append(f"{receipt.patch} {receipt.version}: {state.state}{place}")
        lines.append(f"  {state.root}")
        lines += [f"  {stacked.file.path}  {stacked.state}" for stacked in state.files]
        if state.state != "applied":
            lines.append(f"  hint: 'patchkit verify {receipt.patch}{arguments}' says what changed and what to do")
    return "\n".join(lines) + "\n"


def render_checks(checks: "Sequence[Check]") -> str:
    lines = []
    for check in checks:
        place = f"{check.path}: " if check.path else ""
        lines.append(
            f"{'ok    ' if check.ok else 'FAILED'} {check.patch or '-'}  {check.check}  {place}{check.message}"
        )
        if check.hint:
            lines.append(f"       hint: {check.hint}")
        if check.rows:
            from patchkit.output.numerics import table

            lines += table(check.rows)
    return "\n".join(lines) + "\n"


def render_list(rows: "Sequence[tuple[Room, str | None]]") -> str:
    width = max((len(room.id) for room, _ in rows), default=0)
    return "".join(
        f"{room.id:<{width}}  {room.manifest.version}  {state or 'not applied':<11}  {room.manifest.title}\n"
        for room, state in rows
    )


def render_room(room: "Room") -> str:
    """What `show` prints: the facts of the manifest, then the room's own documentation."""
    manifest = room.manifest
    lines = [f"{manifest.id} {manifest.version} ({manifest.severity}): {manifest.title}", ""]
    for target in manifest.targets:
        name = (
            target.distributions[0] if target.distributions else f"source trees (--path), {' '.join(target.patterns)}"
        )
        lines.append(f"for     {name} {target.versions}".rstrip())
        lines += [f"        {site.file}::{site.symbol}" for site in target.sites]
    if manifest.distributions[1:]:
        lines.append(f"also as {', '.join(manifest.distributions[1:])}")
    lines += [f"symptom {symptom}" for symptom in manifest.symptoms]
    lines += [f"link    {reference.kind}: {reference.title} <{reference.url}>" for reference in manifest.references]
    return "\n".join(lines) + "\n\n" + room.readme.rstrip() + "\n"


def render_matrix(room: "Room", releases: "Sequence[Tested]") -> str:
    """What the codemod found, release by release."""
    from patchkit.patching.tested import known_forms

    known = known_forms(room.folder)
    lines = []
    for release in releases:
        lines.append(f"{release.distribution} {release.version}: {release.outcome}")
        for site in release.sites:
            form = f"{site.fingerprint} {'known' if site.fingerprint in known else 'new'}" if site.fingerprint else "-"
            lines.append(f"  {site.file}  {site.symbol}  {site.state}  {form}")
    return "\n".join(lines) + "\n"


def render_matrix_markdown(releases: "Sequence[Tested]") -> str:
    """The table as the README has it: releases with the same sites and outcome in one row."""
    from patchkit.patching.tested import Tested, TestedSite, rows

    def without_form(site: TestedSite) -> TestedSite:
        return TestedSite(site.file, site.symbol, site.state, "")

    plain = [
        Tested(release.distribution, release.version, release.outcome, tuple(map(without_form, release.sites)))
        for release in releases
    ]
    lines = ["| releases | tested | outcome | sites |", "|---|---|---|---|"]
    for row in rows(plain):
        files = dict.fromkeys(site.file for site in row.sites)
        sites = [
            f"`{file}`: " + ", ".join(f"`{site.symbol}`" for site in row.sites if site.file == file) for file in files
        ]
        lines.append(f"| {row.distribution} {row.range} | {len(row.releases)} | {row.outcome} | {'<br>'.join(sites)} |")
    return "\n".join(lines) + "\n"
