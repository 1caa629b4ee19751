"""Planning one patch on one root: bytes in, bytes out. Whatever is refused leaves the draft as it was."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from patchkit.errors import BrokenPack, PatchkitError, TargetRefused
from patchkit.patching import results as r
from patchkit.patching.allowed import Allowed
from patchkit.patching.distinfo import Distribution, Record, owners, row_for
from patchkit.patching.draft import Draft
from patchkit.patching.drift import drift_message
from patchkit.patching.ledger import FileReceipt, Receipt, RecordChange, SiteReceipt, sha256_of
from patchkit.patching.locate import refuse_foreign, source_files
from patchkit.patching.manifest import TargetSpec
from patchkit.patching.packs import Room, digest
from patchkit.patching.results import FileReport, Result, SiteReport, TargetReport
from patchkit.patching.sites import FileCodemod, Rewrite, Site, SiteState


@dataclass(frozen=True)
class Claim:
    """Who owns a file, by the RECORDs that list it."""

    agreeing: tuple[tuple[Distribution, Record], ...]  # their hash is that of the bytes
    others: tuple[tuple[Distribution, Record], ...]

    @property
    def all(self) -> tuple[tuple[Distribution, Record], ...]:
        return (*self.agreeing, *self.others)


@dataclass(frozen=True)
class PatchedFile:
    """One file under a codemod."""

    path: str
    before: bytes
    rewrite: Rewrite
    claim: Claim | None = None  # None: a tree, which has no RECORD

    @property
    def is_recorded(self) -> bool:
        return self.claim is None or bool(self.claim.agreeing)


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
    codemod = room.codemod()
    target = TargetReport("distribution", distribution.name, distribution.version, str(draft.root), arguments)
    absent = [path for path in spec.files if draft.read(path) is None]
    if absent:
        return Planned(_absent(room, target, absent, draft, distribution))
    files = []
    for path in spec.files:
        refuse_foreign(draft.root, path, allowed)
        data = draft.read(path) or b""
        claim = _claim(draft, path, data)
        _refuse_disagreement(draft.root / path, claim, allowed)
        required = tuple(site.symbol for site in spec.sites if site.file == path)
        files.append(
            PatchedFile(path, data, _rewrite(codemod, data, str(draft.root / path), required, spec, allowed), claim)
        )
    return _decide(room, target, files, draft, allowed, distribution)


def plan_tree(room: Room, kind: str, within: str, draft: Draft, allowed: Allowed, arguments: str) -> Planned:
    """Plan a patch on a source tree, a folder or a file of it; its sites are wherever the codemod finds them."""
    target = TargetReport(kind, None, None, str(draft.root), arguments)
    spec = room.manifest.tree
    if spec is None or spec.tree is None:
        message = f"{room.id} is for installed packages, not for source trees"
        return Planned(Result(room.id, room.manifest.version, r.NOT_APPLICABLE, target, (), message))
    codemod = room.codemod()
    if kind == "file":
        found = [(within, draft.read(within) or b"")]
    else:
        found = list(source_files(draft.root, within, spec.tree, codemod.anchors))
    files = []
    visited = {draft.root / path for path, _ in found if not (draft.root / path).is_symlink()}
    for path, data in found:
        rewrite = _rewrite(codemod, draft.remember(path, data), str(draft.root / path), (), spec, allowed)
        link = draft.root / path
        if rewrite.sites and (not link.is_symlink() or _is_to_be_replaced(draft.root, link, visited, allowed)):
            files.append(PatchedFile(path, draft.read(path) or b"", rewrite))
    return _decide(room, target, files, draft, allowed, None)


def _rewrite(
    codemod: FileCodemod, data: bytes, path: str, required: tuple[str, ...], spec: TargetSpec, allowed: Allowed
) -> Rewrite:
    try:
        return codemod.rewrite_file(
            data, path, required=required, known=frozenset(spec.known), allow_drift=allowed.drift
        )
    except PatchkitError:
        raise
    except (Exception, SystemExit) as error:  # a codemod of a third party need not build on ours
        raise BrokenPack(f"{path}: the codemod failed: {error!r}", "report this to the authors of the patch") from error


def _is_to_be_replaced(root: Path, link: Path, visited: set[Path], allowed: Allowed) -> bool:
    """False for a link to a file that is visited itself; one to any other place needs leave to be replaced."""
    place = link.resolve()
    if place in visited:
        return False
    if allowed.symlinks:
        return True
    reason = "which the search passes over" if place.is_relative_to(root) else "outside the tree"
    raise TargetRefused(
        f"{link} is a link to {place}, {reason}",
        "name that place with --path, or replace the link by a patched file of its own with --allow-symlinks",
    )


def _claim(draft: Draft, path: str, data: bytes) -> Claim:
    agreeing: list[tuple[Distribution, Record]] = []
    others: list[tuple[Distribution, Record]] = []
    for owner in owners(draft.root, path):
        record = Record(draft.read(_record_path(draft.root, owner)) or b"", owner.record)
        row = record.row(path)
        if row is not None:
            (agreeing if row.agrees_with(data) else others).append((owner, record))
    return Claim(tuple(agreeing), tuple(others))


def _refuse_disagreement(file: Path, claim: Claim, allowed: Allowed) -> None:
    if claim.agreeing and claim.others and not allowed.owners:
        right, wrong = claim.agreeing[0][0], claim.others[0][0]
        raise TargetRefused(
            f"{file} is listed by two distributions: {right.label}, whose file it is, and {wrong.label}, "
            "which installed another one",
            f"uninstall one of them, or patch the file of {right.name} with --allow-two-owners",
        )


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
    outcome = _outcome(sites, [file.is_recorded for file in files], allowed)
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


def _outcome(sites: Sequence[Site], recorded: Sequence[bool], allowed: Allowed) -> str:
    """One of the designed outcomes for the sites of a patch, before anything is written."""
    if not allowed.drift and not all(recorded):
        return r.CONFLICT
    states = {site.state for site in sites}
    if states <= {SiteState.MISSING}:
        return r.NOT_APPLICABLE
    if any(site.state is SiteState.DRIFTED and not (allowed.drift and site.rewritable) for site in sites):
        return r.CONFLICT
    if SiteState.MISSING in states:
        return r.CONFLICT
    return r.UPSTREAMED if states == {SiteState.APPLIED} else r.APPLIED


def _applied(room: Room, target: TargetReport, files: list[PatchedFile], draft: Draft) -> Planned:
    receipts, reports, originals, notes = [], [], {}, []
    for file in files:
        after, sites = file.rewrite.source, file.rewrite.after
        reports.append(_report(file, after, sites))
        notes += [
            f"untested form: {site.symbol} ({file.path}:{site.line}) matches, but this exact code was never tested"
            for site in file.rewrite.sites
            if site.state is not SiteState.APPLIED and site.state is not SiteState.MISSING and not site.tested
        ]
        if after == file.before:
            continue
        originals[sha256_of(file.before)] = file.before
        draft.write(file.path, after)
        receipts.append(
            FileReceipt(
                file.path,
                sha256_of(file.before),
                sha256_of(after),
                tuple(SiteReceipt(site.symbol, site.line) for site in sites if site.line),
                _rewrite_rows(draft, file.path, after, file.claim),
                link=_link_of(draft.root / file.path) if file.claim is None else None,
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
    return Planned(result, receipt, originals)


def _link_of(file: Path) -> str | None:
    return str(file.readlink()) if file.is_symlink() else None


def _rewrite_rows(draft: Draft, path: str, after: bytes, claim: Claim | None) -> tuple[RecordChange, ...]:
    """Give the file's row its new hash in every RECORD that owns it; with drift waived, in every one that lists it."""
    changes = []
    for owner, _ in (claim.agreeing or claim.others) if claim else ():
        place = _record_path(draft.root, owner)
        record = Record(draft.read(place) or b"", owner.record)
        row = record.row(path)
        if row is None:
            raise PatchkitError(f"{owner.record} lost its row for {path}", owner.reinstall_hint)
        text = row_for(row, after)
        draft.write(place, record.replaced(row.text, text))
        changes.append(RecordChange(place, row.text, text))
    return tuple(changes)


def _record_path(root: Path, owner: Distribution) -> str:
    return owner.record.relative_to(root).as_posix()


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
