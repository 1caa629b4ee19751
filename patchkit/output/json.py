"""Results as scripts read them. The keys are a contract: schema 1."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from patchkit.findings import Severity

if TYPE_CHECKING:
    from patchkit.audit.run import Audited
    from patchkit.errors import PatchkitError
    from patchkit.findings import Report
    from patchkit.locking.lock import Locked
    from patchkit.locking.report import LockReport
    from patchkit.numerics.rows import Row
    from patchkit.patching.packs import Room
    from patchkit.patching.results import Result
    from patchkit.patching.state import PatchState
    from patchkit.patching.target import Target
    from patchkit.patching.tested import Tested
    from patchkit.patching.verify import Check

SCHEMA = 1


def render(command: str, **body: Any) -> str:
    return json.dumps({"schema": SCHEMA, "command": command, **body}, indent=2, ensure_ascii=False) + "\n"


def render_error(command: str, error: "PatchkitError") -> str:
    return render(command, error={"message": error.message, "hint": error.hint})


def render_results(command: str, results: "Sequence[Result]", *, diff: bool, **body: Any) -> str:
    return render(command, **body, results=[_result(result, diff) for result in results])


def lock_report(report: "LockReport") -> dict[str, Any]:
    """What became of the lock file, for `lock` and `sync`."""
    changes = [{"patch": id or None, "reason": reason} for id, reason in report.changes]
    return {"path": str(report.path), "state": report.state, "changes": changes}


def render_lock(locked: "Locked") -> str:
    entries = locked.lock.patches if locked.lock else ()
    return render_results(
        "lock",
        [result for found in locked.refusals for result in found],
        diff=False,
        lock=lock_report(locked.report),
        patches=[
            {
                "patch": patch.id,
                "version": patch.version,
                "outcome": patch.outcome,
                "optional": patch.optional,
                "target": {
                    "kind": patch.kind,
                    "distribution": patch.distribution or None,
                    "version": patch.distribution_version or None,
                },
                "files": [asdict(file) for file in patch.files],
            }
            for patch in entries
        ],
    )


def _result(result: "Result", diff: bool) -> dict[str, Any]:
    from patchkit.output.text import unified_diff

    return {
        "patch": result.patch,
        "version": result.version,
        "outcome": result.outcome,
        "target": {
            "kind": result.target.kind,
            "distribution": result.target.distribution,
            "version": result.target.version,
            "root": result.target.root,
        },
        "files": [
            {
                "path": file.path,
                "before_sha256": file.before_sha256,
                "after_sha256": file.after_sha256,
                "sites": [{"symbol": s.symbol, "line": s.line, "state": s.state} for s in file.sites],
                **({"diff": unified_diff(file).decode("utf-8", errors="replace")} if diff else {}),
            }
            for file in result.files
        ],
        "message": result.message,
        "hint": result.hint,
    }


def render_status(states: "Sequence[PatchState]") -> str:
    return render(
        "status",
        patches=[
            {
                "patch": state.receipt.patch,
                "version": state.receipt.version,
                "state": state.state,
                "target": {
                    "kind": state.receipt.kind,
                    "distribution": state.receipt.distribution,
                    "version": state.receipt.distribution_version,
                    "root": str(state.root),
                },
                "files": [{"path": stacked.file.path, "state": stacked.state} for stacked in state.files],
            }
            for state in states
        ],
    )


def render_checks(each: "Sequence[Sequence[Check]]", targets: "Sequence[Target]", *, fast: bool) -> str:
    """The checks; of several targets, each with the root it is about."""
    roots = [{"root": str(target.roots[0])} for target in targets] or [{}]
    return render(
        "verify",
        fast=fast,
        ok=all(check.ok for checks in each for check in checks),
        checks=[
            {
                "patch": check.patch,
                "check": check.check,
                "path": check.path,
                **root,
                "ok": check.ok,
                "message": check.message,
                "hint": check.hint,
                **({"rows": [_comparison(row) for row in check.rows]} if check.rows is not None else {}),
            }
            for checks, root in zip(each, roots, strict=True)
            for check in checks
        ],
    )


def _comparison(row: "Row") -> dict[str, Any]:
    """One row of `verify --numerics`; what is not finite is null, because JSON has no other word for it."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return {key: plain(value) for key, value in asdict(row).items()}


def render_list(rows: "Sequence[tuple[Room, str | None]]") -> str:
    return render(
        "list",
        patches=[
            {"id": room.id, "version": room.manifest.version, "title": room.manifest.title, "state": state}
            for room, state in rows
        ],
    )


def render_matrix(room: "Room", releases: "Sequence[Tested]", *, is_same: bool) -> str:
    from patchkit.patching.tested import known_forms

    known = known_forms(room.folder)
    return render(
        "matrix",
        patch=room.id,
        version=room.manifest.version,
        releases=[
            {
                "distribution": release.distribution,
                "version": release.version,
                "outcome": release.outcome,
                "sites": [
                    {
                        "file": site.file,
                        "symbol": site.symbol,
                        "state": site.state,
                        "fingerprint": site.fingerprint or None,
                        "known": site.fingerprint in known if site.fingerprint else None,
                    }
                    for site in release.sites
                ],
            }
            for release in releases
        ],
        table_is_current=is_same,
    )


def render_audit(audited: "Audited", diff: bytes | None = None) -> str:
    return render(
        "audit",
        subject=_subject(audited),
        **report_of(audited.report),
        **({"diff": diff.decode("utf-8")} if diff is not None else {}),
    )


def report_of(report: "Report", *, with_commands: bool = False) -> dict[str, Any]:
    """What rules found, could not look at, and how much it is."""
    return {
        "findings": [
            {
                "rule": finding.rule,
                "severity": finding.severity,
                "message": finding.message,
                "location": {
                    "path": finding.location.path,
                    "line": finding.location.line,
                    "column": finding.location.column,
                },
                "evidence": finding.evidence,
                "fix": finding.fix and {"title": finding.fix.title, "safe": finding.fix.safe},
                **({"commands": list(finding.commands)} if with_commands else {}),
            }
            for finding in report.findings
        ],
        "skipped": [{"rule": skipped.rule, "reason": skipped.reason} for skipped in report.skipped],
        "counts": {severity.value: report.count(severity) for severity in Severity},
    }


def _subject(audited: "Audited") -> dict[str, Any]:
    from patchkit.subjects.paddle.config import PaddleConfig

    config = audited.config
    place = {"path": str(config.file.path), "kind": config.kind}
    if isinstance(config, PaddleConfig):
        return {**place, "model": None, "release": None, "bases": [str(base) for base in config.bases]}
    subject = {**place, "model": config.model, "release": config.release.version}
    return {**subject, "recovered": config.file.data} if audited.recovered else subject
