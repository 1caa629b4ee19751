"""The order of what was recognised: causes before what came of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from patchkit.findings import Finding, Severity


@dataclass(frozen=True)
class Diagnosis:
    """A finding with its reason."""

    finding: Finding
    why: str
    follows: Finding | None = None  # the cause, of a failure that came of another


def ranked(
    diagnoses: Sequence[Diagnosis], order: Mapping[str, int], may_follow: Collection[str]
) -> tuple[Diagnosis, ...]:
    """Errors before warnings before notes, each as they came; what follows from an error comes behind all causes.

    An error that may follow does so where another one stands before it in its log, or in the log of another process.
    """

    def place(one: Diagnosis) -> tuple[int, int]:
        return order[one.finding.location.path], one.finding.location.line

    causes = sorted((one for one in diagnoses if one.finding.severity is Severity.ERROR), key=place)

    def cause(one: Diagnosis) -> Finding | None:
        if one.finding.rule not in may_follow:
            return None
        log, line = place(one)
        before = [other for other in causes if place(other)[0] == log and place(other)[1] < line]
        elsewhere = [other for other in causes if place(other)[0] != log and other.finding.rule not in may_follow]
        return next((other.finding for other in (*before, *elsewhere)), None)

    severities = list(Severity)
    told = [replace(one, follows=cause(one)) for one in diagnoses]
    told.sort(
        key=lambda one: (
            one.follows is not None,
            severities.index(one.finding.severity or Severity.WARNING),
            *place(one),
        )
    )
    return tuple(told)
