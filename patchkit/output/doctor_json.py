"""A look at an environment as scripts read it: schema 1."""

from patchkit.doctor.facts import facts_of
from patchkit.doctor.run import Examined
from patchkit.output.json import render, report_of


def render_doctor(examined: Examined) -> str:
    environment = facts_of(examined.environment, examined.machine).as_json()
    return render("doctor", environment=environment, **report_of(examined.report, with_commands=True))
