"""The look at one environment from end to end."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from patchkit.errors import PatchkitError, TargetRefused, UnknownRule
from patchkit.findings import Finding, Report, Skipped
from patchkit.patching.target import Target
from patchkit.rule import Check, Rule, chosen, load_rules, run
from patchkit.subjects.environment.environment import Environment
from patchkit.subjects.environment.machine import Machine

PACKAGE = "patchkit.rules.environment"


@dataclass(frozen=True)
class Request:
    """What is asked for, as the command line has it."""

    target: Target
    machine: Machine
    executable: Path | None  # the Python of the target, where one was named or lies beside its packages
    is_own: bool  # the target is the environment that patchkit runs in
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True)
class Examined:
    """An environment with what was found in it."""

    environment: Environment
    machine: Machine
    rules: tuple[Rule, ...]
    report: Report


def doctor(request: Request) -> Examined:
    """What the rules find in an environment. A rule that cannot run is skipped with its reason.

    Raises   UnknownRule; TargetRefused if there is no package at all; SourceUnreadable if a root cannot be listed.
    """
    rules = tuple(chosen(load_rules(PACKAGE), request.select, request.ignore))
    if not rules:
        raise UnknownRule("no rule is left", "select others, or ignore fewer")
    environment = Environment(request.target, request.executable, request.is_own)
    if not environment.packages:
        raise TargetRefused(
            f"{request.target.label}: no package is installed there",
            "name the environment with --python EXE, or the folder of its packages with --site-packages DIR",
        )
    report = run([_guarded(rule) for rule in rules], environment, request.machine)
    return Examined(environment, request.machine, rules, report)


def _guarded(rule: Rule) -> Rule:
    """The rule, with a file that cannot be read as the reason why it did not run."""

    def check(environment: Environment, machine: Machine) -> Iterator[Finding | Skipped]:
        try:
            yield from rule.check(environment, machine)
        except PatchkitError as error:
            yield Skipped.of(error)

    guarded: Check = check
    return Rule(rule.module, rule.severity, rule.kinds, guarded, rule.examples)
