"""Planning one patch on one root: bytes in, bytes out. Whatever is refused leaves the draft as it was."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from patchkit.errors import PatchkitError
from patchkit.patching import results as r
from patchkit.patching.allowed import Allowed
from patchkit.patching.distinfo import Distribution, Record, owners, row_for
from patchkit.patching.draft import Draft
from patchkit.patching.drift import drift_message
from patchkit.patching.examine import Claim, PatchedFile, distribution_files, layout_files, record_path, tree_files
from patchkit.patching.ledger import FileReceipt, Receipt, RecordChange, ReferenceReceipt, SiteReceipt, sha256_of
from patchkit.patching.manifest import TargetSpec
from patchkit.patching.packs import Room, digest
from patchkit.patching.results import FileReport, Result, SiteReport, TargetReport
from patchkit.patching.sites import Rewrite, Site, SiteState
from patchkit.patching.unreceipted import unreceipted


@dataclass
class Planned:
    """The result of one patch, with the receipt and the originals that go with it."""

    result: Result
    receipt: Receipt | None = None
    originals: dict[str, bytes] = field(default_factory=dict)


def plan_distribution(
    room: Room, spec: TargetSpec, distribution: Distribution, draft: Draft, allowed: Allowed, arguments: str
) -> Planned:
    """Plan a patch on an installed distribution; its sites are listed in the manifest."""
    target = TargetReport("distribution", distribution.name, distribution.version, str(draft.root), arguments)
    lost = unreceipted(distribution)
    if lost is not None:
        return Planned(Result(room.id, room.manifest.version, r.CONFLICT, target, (), lost.message, lost.hint))
    absent = [path for path in spec.files if draft.read(path) is None]
    if absent:
        return Planned(_absent(room, target, absent, draft, distribution))
    return _decide(room, target, distribution_files(room, spec, draft, allowed), draft, allowed, distribution)


def plan_tree(room: Room, kind: str, within: str, draft: Draft, allowed: Allowed, arguments: str) -> Planned:
    """Plan a patch on a source tree, a folder or a file of it.

    Its sites are wherever the codemod finds them, or in the first layout of the manifest that is there.
    """
    target = TargetReport(kind, None, None, str(draft.root), arguments)
    if not room.manifest.trees:
        message = f"{room.id} is for installed packages, not for source trees"
        return Planned(Result(room.id, room.manifest.version, r.NOT_APPLICABLE, target, (), message))
    files: list[PatchedFile] = []
    for spec in room.manifest.trees:
        if spec.sites:
            files += layout_files(room, spec, within, draft, allowed)
        else:
            files += tree_files(room, spec, kind, within, draft, allowed)
    return _decide(room, target, files, draft, allowed, None)


def _absent(room: Room, target: TargetReport, absent: list[str], draft: Draft, distribution: Distribution) -> Result:
    """A file that the manifest names is not there: damage if a RECORD lists it, else another layout."""
    listed = [path for path in absent if owners(draft.root, path)]
    outcome = r.CONFLICT if listed else r.NOT_APPLICABLE
    reason = "is listed in RECORD but missing" if listed else "does not exist in this release"
    hint = distribution.reinstall_hint if listed else f"'patchkit show {room.id}' lists the releases it is for"
    return Result(room.id, room.manifest.version, outcome, target, (), f"{target.label}: {absent[0]} {reason}", hint)


def _decide(
    room: Room,
    target: TargetReport,
    files: list[PatchedFile],
    draft: Draft,
    allowed: Allowed,
    distribution: Distribution | None,
) -> Planned:
    sites = [site for file in files for site in file.rewrite.sites]
    outcome = outcome_of(sites, [file.is_recorded for file in files], drift=allowed.drift)
    if outcome == r.APPLIED:
        return _applied(room, target, files, draft)
    reports = tuple(_report(file, file.before, file.rewrite.sites) for file in files)
    message, hint = "", ""
    if outcome == r.CONFLICT:
        message, hint = drift_message(room.id, target, files, distribution)
    elif outcome == r.NOT_APPLICABLE:
        message = f"{target.label}: the code that {room.id} mends does not exist there"
        hint = f"'patchkit show {room.id}' describes it"
    elif outcome == r.UPSTREAMED:
        others = [receipt.patch for receipt in draft.ledger.receipts if receipt.paths & {file.path for file in files}]
        source = f"from {others[0]}" if others else "in its source"
        if not all(file.is_recorded for file in files):
            source = "made by hand: its file differs from RECORD"
        message = f"{target.label} holds the fix already, {source}; patchkit changed nothing and made no receipt"
    return Planned(Result(room.id, room.manifest.version, outcome, target, reports, message, hint))


def outcome_of(sites: Sequence[Site], recorded: Sequence[bool] = (), *, drift: bool = False) -> str:
    """One of the designed outcomes for the sites of a patch, before anything is written."""
    if not drift and not all(recorded):
        return r.CONFLICT
    states = {site.state for site in sites}
    if states <= {SiteState.MISSING}:
        return r.NOT_APPLICABLE
    if any(site.state is SiteState.DRIFTED and not (drift and site.rewritable) for site in sites):
        return r.CONFLICT
    if SiteState.MISSING in states:
        return r.CONFLICT
    return r.UPSTREAMED if states == {SiteState.APPLIED} else r.APPLIED


def _applied(room: Room, target: TargetReport, files: list[PatchedFile], draft: Draft) -> Planned:
    receipts, reports, originals, notes = [], [], {}, []
    for file in files:
        after, sites = file.rewrite.source, file.rewrite.after
        reports.append(_report(file, after, sites))
        untested = [site for site in file.rewrite.sites if site.state is SiteState.PRISTINE or site.rewritable]
        lines = {site.symbol: site.line for site in reversed(untested) if not site.tested}
        notes += [
            f"untested form: {symbol} ({file.path}:{line}) matches, but this exact code was never tested"
            for symbol, line in reversed(lines.items())
        ]
        if after == file.before:
            continue
        originals[sha256_of(file.before)] = file.before
        link = draft.link(file.path) if file.claim is None else None
        draft.write(file.path, after)
        receipts.append(
            FileReceipt(
                file.path,
                sha256_of(file.before),
                sha256_of(after),
                _site_receipts(file.rewrite),
                _rewrite_rows(draft, file.path, after, file.claim),
                link=link,
            )
        )
    receipt = Receipt(
        patch=room.id,
        version=room.manifest.version,
        pack=room.pack,
        room_sha256=digest(room.folder),
        kind=target.kind,
        distribution=target.distribution,
        distribution_version=target.version,
        untested=bool(notes),
        files=tuple(receipts),
    )
    result = Result(room.id, room.manifest.version, r.APPLIED, target, tuple(reports), "\n".join(notes))
    return Planned(result, described(receipt, room), originals)


def described(receipt: Receipt, room: Room) -> Receipt:
    """The receipt with what its room says of the patch: the marker and the SBOM read it without the room."""
    references = tuple(ReferenceReceipt(one.kind, one.title, one.url) for one in room.manifest.references)
    return replace(receipt, title=room.manifest.title, references=references)


def _site_receipts(rewrite: Rewrite) -> tuple[SiteReceipt, ...]:
    before = rewrite.sites if len(rewrite.sites) == len(rewrite.after) else [None] * len(rewrite.after)
    pairs = zip(rewrite.after, before, strict=True)
    return tuple(SiteReceipt(site.symbol, site.line, old.line if old else 0) for site, old in pairs if site.line)


def _rewrite_rows(draft: Draft, path: str, after: bytes, claim: Claim | None) -> tuple[RecordChange, ...]:
    """Give the file's row its new hash in every RECORD that owns it; with drift waived, in every one that lists it."""
    changes = []
    for owner, _ in (claim.agreeing or claim.others) if claim else ():
        place = record_path(draft.root, owner)
        record = Record(draft.read(place) or b"", owner.record)
        row = record.row(path)
        if row is None:
            raise PatchkitError(f"{owner.record} lost its row for {path}", owner.reinstall_hint)
        text = row_for(row, after)
        draft.write(place, record.replaced(row.text, text))
        changes.append(RecordChange(place, row.text, text))
    return tuple(changes)


def _report(file: PatchedFile, after: bytes, sites: Sequence[Site]) -> FileReport:
    return FileReport(
        file.path,
        sha256_of(file.before),
        sha256_of(after),
        _site_reports(sites),
        _site_reports(file.rewrite.sites),
        file.before,
        after,
    )


def _site_reports(sites: Sequence[Site]) -> tuple[SiteReport, ...]:
    return tuple(SiteReport(site.symbol, site.line, site.state.value) for site in sites)
