"""The result of a check of a data set."""

from collections.abc import Sequence
from dataclasses import dataclass

from patchkit.findings import Finding, Report, Skipped
from patchkit.rule import Rule
from patchkit.subjects.dataset.dataset import DataSet


@dataclass(frozen=True)
class Review:
    """A data set with everything that was found in it."""

    dataset: DataSet
    findings: Sequence[Finding]  # in the order of the files; each with its fates
    skipped: tuple[Skipped, ...]
    rules: tuple[Rule, ...]  # that were run
    trainers: tuple[str, ...]  # whose fates are told

    @property
    def report(self) -> Report:
        return Report(tuple(self.findings), self.skipped)
