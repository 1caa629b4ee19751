"""Reports as annotations of a GitHub workflow."""

from collections.abc import Mapping, Sequence

from patchkit.findings import Finding, Report, Severity, Skipped
from patchkit.output.visible import visible
from patchkit.rule import Rule

COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render(report: Report, rules: Sequence[Rule]) -> str:
    """One workflow command for each finding, then for each rule that could not run.

    No control character of a file comes into the log. The line ends in the name of a file stay, by the escapes of the
    commands: GitHub finds the file by its name.

    Source   https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands; the escapes are those
             of `command.ts` in actions/toolkit.
    """
    lines = [_annotation(finding) for finding in report.findings]
    lines += [_notice(skipped) for skipped in report.skipped]
    return "".join(f"{line}\n" for line in lines)


def _annotation(finding: Finding) -> str:
    place = finding.location
    lines = [finding.message, f"evidence: {finding.evidence}"]
    if fix := finding.fix:
        lines.append(f"fix: {fix.title}" if fix.safe else f"fix (unsafe): {fix.title}")
    properties = {"file": _path(place.path), "line": place.line, "col": place.column, "title": visible(finding.rule)}
    return _command(COMMANDS[finding.severity or Severity.WARNING], properties, "\n".join(map(visible, lines)))


def _notice(skipped: Skipped) -> str:
    return _command("notice", {"title": visible(skipped.rule)}, f"could not run: {visible(skipped.reason)}")


def _path(path: str) -> str:
    return "".join(letter if letter in "\r\n" else visible(letter) for letter in path)


def _command(name: str, properties: Mapping[str, object], message: str) -> str:
    listed = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    return f"::{name} {listed}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
