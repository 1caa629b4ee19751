"""A diagnosis as people read it."""

from patchkit.diagnose.rank import Diagnosis
from patchkit.diagnose.run import Diagnosed
from patchkit.findings import Finding, Severity
from patchkit.output.counted import counted
from patchkit.output.visible import visible
from patchkit.subjects.train_log.log import Raised, TrainLog

FRAMES = 12  # of the last traceback, from its end


def render_diagnosis(diagnosed: Diagnosed) -> str:
    """Failures with their reason, evidence and commands; without any, the last traceback."""
    lines: list[str] = []
    causes = [one for one in diagnosed.diagnoses if one.follows is None]
    for one in causes:
        lines += _told(one)
        lines += [_follower(other.finding) for other in diagnosed.diagnoses if other.follows is one.finding]
    lines += [visible(f"skipped [{skipped.rule}] {skipped.reason}") for skipped in diagnosed.skipped]
    if not any(one.finding.severity is not Severity.NOTE for one in diagnosed.diagnoses):
        aside = "notes aside, " if causes else ""
        lines.append(visible(f"{aside}no known failure in {', '.join(log.path for log in diagnosed.logs)}"))
        last = diagnosed.last_raised
        lines += _traceback(*last) if last is not None else ["it holds no traceback either"]
    counts = ", ".join(counted(diagnosed.report.count(severity), severity.value) for severity in Severity)
    return "\n".join([*lines, counts]) + "\n"


def _told(one: Diagnosis) -> list[str]:
    finding, place = one.finding, one.finding.location
    severity = (finding.severity or Severity.WARNING).value
    return [
        visible(f"{place.path}:{place.line}: {severity} [{finding.rule}] {finding.message}"),
        visible(f"    why: {one.why}"),
        *(visible(f"    {row}") for row in finding.evidence.split("\n")),
        *(visible(f"    run: {command}") for command in finding.commands),
    ]


def _follower(finding: Finding) -> str:
    place = finding.location
    return visible(f"    then {place.path}:{place.line}: [{finding.rule}] {finding.message}")


def _traceback(log: TrainLog, raised: Raised) -> list[str]:
    traceback = raised.traceback
    lines = [visible(f"the last traceback, {log.path}:{raised.number}:")]
    left = len(traceback.frames) - FRAMES
    if left > 0:
        lines.append(f"    ... {counted(left, 'call')} before")
    for frame in traceback.frames[-FRAMES:]:
        code = f": {frame.code}" if frame.code else ""
        lines.append(visible(f"    {frame.file}:{frame.line} in {frame.function}{code}"))
    return [*lines, visible(f"    {traceback.error}")] if traceback.error else lines
