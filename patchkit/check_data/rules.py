"""The rules for data sets, those for rows and those for the whole."""

from collections.abc import Sequence
from functools import cache

from patchkit.check_data.request import Part
from patchkit.findings import Finding, Skipped
from patchkit.rule import Rule, chosen, load_rules, run
from patchkit.subjects.dataset.dataset import DataSet
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import Labels

PACKAGE = "patchkit.rules.dataset"


def rules_of(select: Sequence[str], ignore: Sequence[str]) -> tuple[Rule, ...]:
    """Raises   UnknownRule."""
    return tuple(chosen(load_all(), select, ignore))


@cache
def load_all() -> list[Rule]:
    """Every rule for data sets."""
    return load_rules(PACKAGE)


@cache
def _chosen(ids: tuple[str, ...] | None) -> list[Rule]:
    return [rule for rule in load_all() if ids is None or rule.id in ids]


@cache
def _expected(part: Part) -> Expected:
    return Expected(part.nc, part.source, part.labels, part.least)


def found_in(labels: Labels, part: Part) -> list[Finding]:
    """What the rules find in the rows of a file, line by line."""
    rules = _chosen(part.rules)
    if labels.rules is not None:
        rules = [rule for rule in rules if rule.id in labels.rules]
    return list(run(rules, labels, _expected(part)).findings)


def found_in_all(dataset: DataSet, part: Part) -> tuple[list[Finding], list[Skipped]]:
    """What the rules find in the data set as a whole."""
    report = run(_chosen(part.rules), dataset, _expected(part))
    return list(report.findings), list(report.skipped)
