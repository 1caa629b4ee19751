"""A look at an environment as scripts read it: schema 1."""

from patchkit.doctor.facts import facts_of
from patchkit.doctor.run import Examined
from patchkit.findings import Severity
from patchkit.output.json import render


def render_doctor(examined: Examined) -> str:
    report = examined.report
    return render(
        "doctor",
        environment=facts_of(examined.environment, examined.machine).as_json(),
        findings=[
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
                "fix": None,
                "commands": list(finding.commands),
            }
            for finding in report.findings
        ],
        skipped=[{"rule": skipped.rule, "reason": skipped.reason} for skipped in report.skipped],
        counts={severity.value: report.count(severity) for severity in Severity},
    )
