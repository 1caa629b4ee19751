"""A check of a data set as scripts read it, written finding by finding. The keys are a contract: schema 1."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TextIO

from patchkit.check_data.moved import Moved
from patchkit.check_data.run import Checked
from patchkit.findings import Finding, Severity
from patchkit.subjects.dataset.dataset import Split
from patchkit.subjects.dataset.tally import Extent

SCHEMA = 1


class JsonWriter:
    """Writes a report whose findings need never be in memory together."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._is_begun = False
        self.counts: Counter[Severity] = Counter()

    def add(self, findings: Sequence[Finding]) -> None:
        for finding in findings:
            self._file.write(",\n    " if self._is_begun else self._head())
            self._is_begun = True
            self._file.write(json.dumps(_finding(finding), ensure_ascii=False))
            self.counts[finding.severity or Severity.WARNING] += 1

    def finish(self, checked: Checked, more: dict[str, Any]) -> None:
        """Write what is known at the end, and the keys of `more`."""
        self._file.write("\n  ],\n" if self._is_begun else f"{self._head().rstrip()}],\n")
        dataset = checked.dataset
        rest = {
            "skipped": [asdict(one) for one in checked.skipped],
            "counts": {severity.value: self.counts[severity] for severity in Severity},
            "subject": {
                "path": dataset.path,
                "format": dataset.format,
                "nc": dataset.nc,
                "names": {str(label): name for label, name in dataset.names.items()},
                "trainers": list(checked.trainers),
                "splits": [_split(split) for split in dataset.splits],
            },
            **more,
        }
        text = json.dumps(rest, indent=2, ensure_ascii=False)
        self._file.write(text.removeprefix("{\n") + "\n")

    def _head(self) -> str:
        return f'{{\n  "schema": {SCHEMA},\n  "command": "check-data",\n  "findings": [\n    '


def render_undone(moved: Moved) -> str:
    """What came back out of a quarantine."""
    counts = {"rows": moved.rows, "files": moved.files, "caches": moved.caches}
    restored = {"folder": str(moved.folder), **counts, "untouched": list(moved.untouched)}
    return json.dumps({"schema": SCHEMA, "command": "check-data", "restored": restored}, indent=2) + "\n"


def _finding(finding: Finding) -> dict[str, Any]:
    place = finding.location
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "message": finding.message,
        "location": {"path": place.path, "line": place.line, "column": place.column},
        "evidence": finding.evidence,
        "fix": finding.fix and {"title": finding.fix.title, "safe": finding.fix.safe},
        "fates": [asdict(fate) for fate in finding.fates],
    }


def _split(split: Split) -> dict[str, Any]:
    tally = split.tally
    return {
        "name": split.name,
        "same_as": split.same_as or None,
        "images": tally.images,
        "label_files": tally.files,
        "without_objects": len(split.without_label) + tally.empty,
        "objects": tally.objects,
        "classes": {str(label): count for label, count in sorted(tally.classes.items(), key=lambda item: str(item[0]))},
        "forms": dict(tally.forms),
        "width": _extent(tally.width),
        "height": _extent(tally.height),
        "objects_per_image": {str(count): images for count, images in sorted(tally.objects_per_image.items())},
    }


def _extent(extent: Extent) -> dict[str, float] | None:
    """In parts of the image."""
    return {"min": extent.least, "mean": extent.mean, "max": extent.greatest} if extent.count else None
