"""Reports as code scanning reads them: SARIF 2.1.0."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from patchkit import __version__
from patchkit.findings import Finding, Report, Skipped, Span
from patchkit.rule import Rule

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
UNKNOWN = -1  # the index of a rule that is not in the list, as the standard has it


def render(report: Report, rules: Sequence[Rule]) -> str:
    """One run as JSON, in ASCII: every encoding of the output carries it.

    Source   OASIS SARIF 2.1.0, errata 01.
    """
    places = {rule.id: index for index, rule in enumerate(rules)}
    driver = {"name": "patchkit", "semanticVersion": __version__, "rules": [_rule(rule) for rule in rules]}
    invocation = {
        "executionSuccessful": True,
        "toolExecutionNotifications": [_notification(skipped, places) for skipped in report.skipped],
    }
    run = {
        "tool": {"driver": driver},
        "invocations": [invocation],
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, places) for finding in report.findings],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    documentation = rule.documentation.strip()
    title, _, sections = documentation.partition("\n")
    what = sections.partition("What ")[2].partition("\nWhy ")[0]  # code scanning takes no more than 1024 characters
    return {
        "id": rule.id,
        "shortDescription": {"text": title},
        "fullDescription": {"text": " ".join(what.split()) or title},
        "help": {"text": documentation},
        "defaultConfiguration": {"level": rule.severity.value},
    }


def _notification(skipped: Skipped, places: Mapping[str, int]) -> dict[str, Any]:
    return {
        "level": "note",
        "message": _message(skipped.reason),
        "associatedRule": {"id": skipped.rule, "index": places.get(skipped.rule, UNKNOWN)},
    }


def _result(finding: Finding, places: Mapping[str, int]) -> dict[str, Any]:
    lines = [finding.message, f"Evidence: {finding.evidence}"]
    if fix := finding.fix:
        lines.append(f"Fix: {fix.title}" if fix.safe else f"Fix (unsafe): {fix.title}")
    lines += [f"Run: {command}" for command in finding.commands]
    properties = {
        **({"fix": {"title": _characters(fix.title), "safe": fix.safe}} if fix else {}),
        **({"commands": list(map(_characters, finding.commands))} if finding.commands else {}),
    }
    return {
        "ruleId": finding.rule,
        "ruleIndex": places.get(finding.rule, UNKNOWN),
        **({"level": finding.severity.value} if finding.severity else {}),
        "message": _message("\n".join(lines)),
        "locations": [{"physicalLocation": _location(finding.location)}],
        "partialFingerprints": {"ruleAndMessage/v1": _fingerprint(finding)},
        **({"properties": properties} if properties else {}),
    }


def _message(text: str) -> dict[str, str]:
    """Text in which nothing is a placeholder or a link (3.11.5 and 3.11.6 of the standard)."""
    return {"text": _characters(text).replace("{", "{{").replace("}", "}}").replace("](", "] (")}


def _characters(text: str) -> str:
    """The text without the halves of characters that YAML lets through and JSON readers refuse."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _location(span: Span) -> dict[str, Any]:
    return {
        "artifactLocation": {"uri": _uri(span.path)},
        "region": {"startLine": span.line, "startColumn": span.column},
    }


def _uri(path: str) -> str:
    place, here = Path(os.path.abspath(path)), Path.cwd()  # noqa: PTH100 - resolve() would follow links
    if place.is_relative_to(here):
        return quote(place.relative_to(here).as_posix(), errors="surrogateescape")
    return place.as_uri()


def _fingerprint(finding: Finding) -> str:
    """The same for the same finding when lines move."""
    message = re.sub(r"\bline \d+", "line", finding.message)
    return sha256(f"{finding.rule}\0{message}".encode("utf-8", "replace")).hexdigest()
