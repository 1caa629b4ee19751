"""What `audit` shows, draws and writes, and the exit code that goes with it."""

import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from patchkit.cli.failures import say

if TYPE_CHECKING:
    from patchkit.audit.run import Audited, Fixed


class AuditFormat(str, Enum):
    text = "text"
    json = "json"
    sarif = "sarif"
    github = "github"
    junit = "junit"


class Level(str, Enum):
    error = "error"
    warning = "warning"
    note = "note"


def plotted(audited: "Audited", done: "Fixed | None", path: Path) -> None:
    from patchkit.audit.run import schedules
    from patchkit.errors import TargetRefused
    from patchkit.output.plot import draw

    before, after = schedules(audited, done.left if done else None)
    if before is None:
        hint = "give --images" if audited.recovered else "set batch, epochs, lr0 and an optimizer other than auto"
        raise TargetRefused(f"--plot {path}: the learning rates are not known: they depend on values not given", hint)
    draw(before, after if after != before else None, path)
    say(f"patchkit: drew {path}\n")


def reported(audited: "Audited", done: "Fixed | None", format: AuditFormat, fail_on: Level) -> int:
    from importlib import import_module

    if format is AuditFormat.text:
        from patchkit.output.audit_text import render_audit

        sys.stdout.write(render_audit(audited, done))
    elif format is AuditFormat.json:
        from patchkit.output.json import render_audit as render_json

        sys.stdout.write(render_json(audited))
    else:
        render = import_module(f"patchkit.output.{format.value}").render
        sys.stdout.write(render(audited.report, audited.rules))
    return 1 if count(audited, fail_on) else 0


def shown(done: "Fixed", audited: "Audited", format: AuditFormat, fail_on: Level) -> int:
    from patchkit.edits import changed_lines
    from patchkit.output.json import render_audit

    name = done.path.name if done.path.is_absolute() else done.path.as_posix()
    diff = changed_lines(name, done.before or b"", done.after)
    sys.stdout.flush()
    if format is AuditFormat.json:
        sys.stdout.write(render_audit(audited, diff))
    else:
        sys.stdout.buffer.write(diff)
    sys.stdout.flush()
    left = len(done.left.report.findings)
    say(f"patchkit: {left} of {len(audited.report.findings)} findings would be left\n")
    return 1 if count(audited, fail_on) else 0


def written(done: "Fixed", format: AuditFormat, fail_on: Level) -> int:
    from patchkit.audit.run import write_fixed

    if done.after != done.before:
        write_fixed(done)
        say(f"patchkit: wrote {done.path}: {', '.join(dict.fromkeys(finding.rule for finding in done.applied))}\n")
    return reported(done.left, None, format, fail_on)


def count(audited: "Audited", fail_on: Level) -> int:
    from patchkit.findings import Severity

    counted = {Level.error: 1, Level.warning: 2, Level.note: 3}[fail_on]
    severities = (Severity.ERROR, Severity.WARNING, Severity.NOTE)[:counted]
    return sum(audited.report.count(severity) for severity in severities)
