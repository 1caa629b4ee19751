"""The command that reads the log of a training."""

import sys
from enum import Enum
from typing import Annotated

import typer

from patchkit.cli.application import app
from patchkit.cli.audit_output import Level
from patchkit.cli.failures import guarded


class LogFormat(str, Enum):
    text = "text"
    json = "json"
    sarif = "sarif"


@app.command()
@guarded
def diagnose(
    logs: Annotated[list[str], typer.Argument(metavar="LOG...", help="Logs of a training; - is stdin.")],
    select: Annotated[
        list[str] | None, typer.Option(metavar="RULE", help="Only this rule or patch; may be repeated.")
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(metavar="RULE", help="Not this rule or patch; may be repeated.")
    ] = None,
    fail_on: Annotated[Level, typer.Option(help="The least severity that makes the exit code 1.")] = Level.warning,
    format: Annotated[
        LogFormat, typer.Option("--format", help="text; json for scripts; sarif for code scanning.")
    ] = LogFormat.text,
) -> int:
    """Recognise the failure that a log shows, and say why and what to run."""
    from patchkit.diagnose.run import diagnose as run
    from patchkit.findings import Severity

    done = run(logs, sys.stdin.buffer if sys.stdin is not None else None, select or (), ignore or ())
    if format is LogFormat.text:
        from patchkit.output.diagnosis_text import render_diagnosis

        sys.stdout.write(render_diagnosis(done))
    elif format is LogFormat.json:
        from patchkit.output.diagnosis_json import render_diagnosis as render_json

        sys.stdout.write(render_json(done))
    else:
        from patchkit.output.sarif import render

        sys.stdout.write(render(done.report, done.rules))
    counted = list(Severity)[: {Level.error: 1, Level.warning: 2, Level.note: 3}[fail_on]]
    return 1 if any(done.report.count(severity) for severity in counted) else 0
