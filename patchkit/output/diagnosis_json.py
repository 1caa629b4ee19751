"""A diagnosis as scripts read it. The keys are a contract: schema 1."""

import json
from typing import Any

from patchkit.diagnose.rank import Diagnosis
from patchkit.diagnose.run import Diagnosed
from patchkit.findings import Severity

SCHEMA = 1


def render_diagnosis(diagnosed: Diagnosed) -> str:
    """The causes first, then what followed from them."""
    body = {
        "schema": SCHEMA,
        "command": "diagnose",
        "logs": [
            {"path": log.path, "bytes": log.size, "lines": log.length, "command": log.command} for log in diagnosed.logs
        ],
        "findings": [_finding(one) for one in diagnosed.diagnoses],
        "skipped": [{"rule": skipped.rule, "reason": skipped.reason} for skipped in diagnosed.skipped],
        "counts": {severity.value: diagnosed.report.count(severity) for severity in Severity},
        "last_traceback": _last_traceback(diagnosed),
    }
    text = json.dumps(body, indent=2, ensure_ascii=False)
    return text.encode("utf-8", "replace").decode("utf-8") + "\n"


def _finding(one: Diagnosis) -> dict[str, Any]:
    finding, place = one.finding, one.finding.location
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "message": finding.message,
        "location": {"path": place.path, "line": place.line, "column": place.column},
        "evidence": finding.evidence,
        "fix": None,
        "why": one.why,
        "commands": list(finding.commands),
        "follows": one.follows.rule if one.follows is not None else None,
    }


def _last_traceback(diagnosed: Diagnosed) -> dict[str, Any] | None:
    last = diagnosed.last_raised
    if last is None:
        return None
    log, raised = last
    return {
        "path": log.path,
        "line": raised.number,
        "error": raised.traceback.error,
        "frames": [
            {"path": frame.file, "line": frame.line or None, "function": frame.function, "code": frame.code}
            for frame in raised.traceback.frames
        ],
    }
