"""A rule: one file that looks at a subject and says what is wrong with it. A folder of such files is a set of rules."""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from patchkit.errors import BrokenPack, UnknownRule
from patchkit.findings import Finding, Report, Severity, Skipped

Check = Callable[[Any, Any], Iterator[Finding | Skipped]]


@dataclass(frozen=True)
class Example:
    """A file that the rule finds something in, and the same file once its fix is applied."""

    bad: str
    good: str
    options: Mapping[str, Any] = field(default_factory=dict)  # of the command line: {"gpus": 8}


@dataclass(frozen=True)
class Sign:
    """Lines of a log that a rule looks at: those that hold the anchor, and in which the pattern alone is found.

    A log is searched for anchors alone, so it must be long or odd enough to be rare. The pattern takes linear time.
    """

    anchor: str
    pattern: str
    unless: str = ""  # lines in which this is found too are none


@dataclass(frozen=True)
class Rule:
    """One rule. Its id is the name of its file, its documentation the docstring."""

    module: str
    severity: Severity
    kinds: tuple[str, ...]  # of subjects
    check: Check
    examples: tuple[Example, ...]
    signs: tuple[Sign, ...] = ()  # of a rule for logs
    may_follow: bool = False  # what a rule for logs finds may come of another failure
    is_general: bool = False  # what it finds can happen in any code: it does not tell which patch helps

    @property
    def id(self) -> str:
        return self.module.rpartition(".")[2].replace("_", "-")

    @property
    def documentation(self) -> str:
        return importlib.import_module(self.module).__doc__ or ""


def load_rules(package: str) -> list[Rule]:
    """Every rule of a package, by id.

    Raises   BrokenPack if a file of it is no rule.
    """
    folder = importlib.import_module(package)
    rules = []
    for found in pkgutil.iter_modules(folder.__path__, f"{package}."):
        module = importlib.import_module(found.name)
        rule = getattr(module, "RULE", None)
        if not isinstance(rule, Rule):
            raise BrokenPack(f"{found.name} is no rule: it has no RULE", "reinstall patchkit-cv")
        rules.append(rule)
    return sorted(rules, key=lambda rule: rule.id)


def chosen(rules: Sequence[Rule], select: Iterable[str], ignore: Iterable[str]) -> list[Rule]:
    """The rules that are selected, all by default, without those that are ignored.

    Raises   UnknownRule, with the nearest id as hint.
    """
    ids = {rule.id for rule in rules}
    for id in (*select, *ignore):
        if id not in ids:
            from difflib import get_close_matches

            near = get_close_matches(id, ids, n=1, cutoff=0.5)
            hint = f"did you mean '{near[0]}'?" if near else f"rules: {', '.join(sorted(ids))}"
            raise UnknownRule(f"no rule is called '{id}'", hint)
    wanted = set(select) or ids
    return [rule for rule in rules if rule.id in wanted - set(ignore)]


def run(rules: Iterable[Rule], subject: Any, context: Any) -> Report:
    """What the rules for this kind of subject find, in the order of the file."""
    findings: list[Finding] = []
    skipped: list[Skipped] = []
    for rule in rules:
        if subject.kind not in rule.kinds:
            continue
        for result in rule.check(subject, context):
            if isinstance(result, Skipped):
                skipped.append(replace(result, rule=rule.id))
            else:
                findings.append(replace(result, rule=rule.id, severity=result.severity or rule.severity))
    findings.sort(
        key=lambda finding: (finding.location.path, finding.location.line, finding.location.column, finding.rule)
    )
    return Report(tuple(findings), tuple(skipped))
