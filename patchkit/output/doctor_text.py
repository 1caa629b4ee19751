"""A look at an environment as people read it: what is there, what is wrong, and the commands that cure it."""

from typing import Any

from patchkit.doctor.facts import FORK, Facts, facts_of
from patchkit.doctor.run import Examined
from patchkit.findings import Finding, Severity
from patchkit.output.counted import counted
from patchkit.output.visible import visible
from patchkit.subjects.environment.frameworks import UNKNOWN


def render_doctor(examined: Examined) -> str:
    """The table, findings by severity, what could not be looked at, and the counts."""
    report = examined.report
    lines = _table(facts_of(examined.environment, examined.machine))
    for severity in Severity:
        for finding in (finding for finding in report.findings if finding.severity is severity):
            lines += _finding(finding, severity)
    lines += [f"skipped [{skipped.rule}] {skipped.reason}" for skipped in report.skipped]
    lines.append(", ".join(counted(report.count(severity), severity.value) for severity in Severity))
    return "".join(f"{visible(line)}\n" for line in lines)


def _finding(finding: Finding, severity: Severity) -> list[str]:
    lines = [f"{severity.value} [{finding.rule}] {finding.message}", f"    evidence: {finding.evidence}"]
    first, *others = finding.commands or ("",)
    lines += [f"    run: {first}"] if first else []
    return [*lines, *(f"    or:  {command}" for command in others)]


def _table(facts: Facts) -> list[str]:
    rows = [
        ("python", f"{facts.python or 'unknown'}, {counted(facts.distributions, 'distribution')} in {facts.prefix}"),
        *((name, _framework(name, build)) for name, build in facts.frameworks.items() if build),
        *([("ultralytics", _ultralytics(facts.ultralytics))] if facts.ultralytics else []),
        *facts.others.items(),
        ("driver", facts.driver_told),
        *([("CUDA toolkit", facts.toolkit or "of unknown release")] if facts.toolkit is not None else []),
        *([("LD_LIBRARY_PATH", ":".join(facts.library_path))] if facts.library_path else []),
        *((patch["patch"], f"{patch['version']}, {patch['state']}") for patch in facts.patches),
    ]
    width = max(len(name) for name, _ in rows)
    return [f"{name:<{width}}  {text}" for name, text in rows]


def _framework(name: str, build: dict[str, Any]) -> str:
    distribution = "" if build["distribution"] == name else f", {build['distribution']}"
    is_known = build.get("build", UNKNOWN) != UNKNOWN
    kind = f", {build['build']}" if is_known else ", its build is not known"
    return f"{build['version']}{kind}{distribution}{', debug' if build.get('debug') else ''}"


def _ultralytics(found: dict[str, Any]) -> str:
    distribution = "" if found["distribution"] == "ultralytics" else f", {found['distribution']}"
    what = "the YOLOv10 fork" if found["origin"] == FORK else found["origin"]
    place = (
        f", editable in {found['editable']}" if found["editable"] else f", {found['source']}" if found["source"] else ""
    )
    return f"{found['version']}{distribution}, {what}{place}"
