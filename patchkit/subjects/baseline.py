"""A baseline: findings that were there before, and are not to be told again. It is the JSON of an earlier audit."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from patchkit.errors import SourceUnreadable
from patchkit.findings import Finding

_Key = tuple[str, str, str]
_CHANGING = re.compile(r"ultralytics \d[\w.]*|\bline \d+|:\d+\b")


def load_baseline(path: Path) -> frozenset[_Key]:
    """What the report of an earlier audit holds; lines do not count, so a finding may move.

    Raises   SourceUnreadable if it is no such report.
    """
    try:
        report = json.loads(path.read_bytes())
        found = report["findings"]
        return frozenset(_key(str(item["rule"]), item["location"]["path"], str(item["message"])) for item in found)
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not the JSON of an audit"
        raise SourceUnreadable(
            f"--baseline {path}: {reason}", "make one with: patchkit audit CONFIG --format json > baseline.json"
        ) from error


def not_in(findings: Sequence[Finding], baseline: frozenset[_Key]) -> tuple[Finding, ...]:
    return tuple(
        finding for finding in findings if _key(finding.rule, finding.location.path, finding.message) not in baseline
    )


def _key(rule: str, path: str, message: str) -> _Key:
    """What makes a finding the same: not the line, and not the release that is installed."""
    return rule, Path(path).name, _CHANGING.sub("", message)
