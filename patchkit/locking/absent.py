"""The result of an optional patch whose package, or code, is not there."""

from patchkit.patching import results as r
from patchkit.patching.results import Result, TargetReport
from patchkit.patching.target import Target


def absent(id: str, version: str, target: Target) -> Result:
    """The result, from what a lock tells as well as a room."""
    if target.kind == "environment":
        report = TargetReport("distribution", None, None, target.label)
        return Result(id, version, r.ABSENT, report, (), f"optional, and its package is not in {target.label}")
    report = TargetReport(target.kind, None, None, str(target.roots[0]), target.arguments)
    return Result(id, version, r.ABSENT, report, (), f"optional, and its code is not in {target.label}")
