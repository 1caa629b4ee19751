"""Reports as test results: JUnit XML, one testcase for each rule."""

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from patchkit.findings import Finding, Report, Severity
from patchkit.rule import Rule

FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # by XML 1.0, even when escaped


def render(report: Report, rules: Sequence[Rule]) -> str:
    """One testsuite as XML, in ASCII: every encoding of the output carries it."""
    ids = [rule.id for rule in rules] + [finding.rule for finding in report.findings]
    ids += [skipped.rule for skipped in report.skipped]
    suite = ET.Element("testsuite", name="patchkit")
    suite.extend(_testcase(id, report) for id in dict.fromkeys(ids))
    counts = {
        "tests": len(suite),
        "failures": len(suite.findall("testcase/failure")),
        "errors": 0,
        "skipped": len(suite.findall("testcase/skipped")),
    }
    suite.attrib.update({key: str(count) for key, count in counts.items()})
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    text: bytes = ET.tostring(suites, encoding="us-ascii")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text.decode("ascii")}\n'


def _testcase(id: str, report: Report) -> ET.Element:
    """What became of one rule. It has one outcome, because readers look no further than the first."""
    case = ET.Element("testcase", classname="patchkit", name=_characters(id))
    found = [finding for finding in report.findings if finding.rule == id]
    failures = [finding for finding in found if finding.severity is not Severity.NOTE]
    reasons = [skipped.reason for skipped in report.skipped if skipped.rule == id]
    output = [_told(finding) for finding in found if finding.severity is Severity.NOTE]
    if failures:
        failure = ET.SubElement(case, "failure", message=_characters(_summary(failures)), type=_type(failures))
        failure.text = _characters("\n\n".join(map(_told, failures)))
        output += [f"could not run: {reason}" for reason in reasons]
    elif reasons:
        ET.SubElement(case, "skipped", message=_characters("; ".join(reasons)))
    if output:
        ET.SubElement(case, "system-out").text = _characters("\n\n".join(output))
    return case


def _summary(failures: Sequence[Finding]) -> str:
    more = len(failures) - 1
    return f"{failures[0].message} (and {more} more)" if more else failures[0].message


def _type(failures: Sequence[Finding]) -> str:
    return "error" if any(finding.severity is Severity.ERROR for finding in failures) else "warning"


def _told(finding: Finding) -> str:
    place = finding.location
    lines = [f"{place.path}:{place.line}:{place.column}: {finding.message}", f"evidence: {finding.evidence}"]
    if fix := finding.fix:
        lines.append(f"fix: {fix.title}" if fix.safe else f"fix (unsafe): {fix.title}")
    return "\n".join(lines)


def _characters(text: str) -> str:
    return FORBIDDEN.sub("\ufffd", text)
