"""A check of a data set as people read it."""

from collections import Counter
from collections.abc import Sequence

from patchkit.check_data.fates import OUTCOMES
from patchkit.check_data.run import Checked
from patchkit.findings import Fate, Finding, Severity
from patchkit.output.counted import counted
from patchkit.output.visible import visible
from patchkit.subjects.dataset.dataset import DataSet, Split
from patchkit.subjects.dataset.tally import Extent

CLASSES = 30  # of a histogram; of more classes, the largest and the smallest are shown
BAR = 30


class Shown:
    """Findings as they come: the first of each rule are kept, all are counted."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[tuple[Severity, str], list[Finding]] = {}
        self.counts: Counter[Severity] = Counter()
        self._rules: Counter[tuple[Severity, str]] = Counter()

    def add(self, findings: Sequence[Finding]) -> None:
        for finding in findings:
            severity = finding.severity or Severity.WARNING
            key = (severity, finding.rule)
            self.counts[severity] += 1
            self._rules[key] += 1
            if self._rules[key] <= self._most:
                self._kept.setdefault(key, []).append(finding)

    def render(self, checked: Checked) -> str:
        """Findings by severity and rule, then what was counted."""
        lines: list[str] = []
        for severity in Severity:
            for key in sorted(key for key in self._kept if key[0] is severity):
                lines += self._rule(key)
        lines += [f"skipped [{one.rule}] {visible(one.reason)}" for one in checked.skipped]
        lines += _summary(checked.dataset)
        lines.append(", ".join(counted(self.counts[severity], severity.value) for severity in Severity))
        return "\n".join(lines) + "\n"

    def _rule(self, key: tuple[Severity, str]) -> list[str]:
        lines = []
        for finding in self._kept[key]:
            place = finding.location
            head = f"{place.path}:{place.line}:{place.column}"
            lines.append(visible(f"{head}: {key[0].value} [{key[1]}] {finding.message}"))
            lines.append(f"    {visible(finding.evidence)}")
        more = self._rules[key] - len(self._kept[key])
        if more:
            lines.append(f"    ... and {more} more of {key[1]}: --max-per-rule shows more, --format json all")
        fates = dict.fromkeys(fate for finding in self._kept[key] for fate in finding.fates)
        return [*lines, *(_fate(fate) for fate in fates)]


def _fate(fate: Fate) -> str:
    return f"  - {fate.trainer} ({fate.releases}) {OUTCOMES[fate.outcome]}: {fate.account}"


def _summary(dataset: DataSet) -> list[str]:
    classes = f", {counted(dataset.nc, 'class')}" if dataset.nc is not None else ""
    lines = [visible(f"{dataset.path}: {dataset.format}{classes}")]
    for split in dataset.splits:
        lines += _split(split)
    return [*lines, *_histogram(dataset)]


def _split(split: Split) -> list[str]:
    if split.same_as:
        return [visible(f"  {split.name}: the same files as {split.same_as}")]
    tally = split.tally
    head = f"  {split.name}: {counted(tally.images, 'image')}, {counted(tally.objects, 'object')}"
    without = len(split.without_label) + tally.empty
    if without:
        head += f", {counted(without, 'image')} without objects"
    lines = [visible(head)]
    if tally.width.count:
        most = max(tally.objects_per_image, default=0)
        sizes = f"width {_extent(tally.width)}, height {_extent(tally.height)}"
        lines.append(f"    boxes: {sizes} of the image; up to {counted(most, 'object')} in one")
    return lines


def _extent(extent: Extent) -> str:
    return f"{extent.least:.4g} to {extent.greatest:.4g}, mean {extent.mean:.3g}"


def _histogram(dataset: DataSet) -> list[str]:
    """Objects of each class, over all splits."""
    counts: Counter[int | str] = Counter()
    for split in dataset.splits:
        if not split.same_as:
            counts.update(split.tally.classes)
    for label in dataset.names:
        counts.setdefault(label, 0)
    if not counts:
        return []
    rows = sorted(counts.items(), key=lambda item: (isinstance(item[0], str), item[0]))
    lines = [f"  objects of each class, {counted(len(rows), 'class')}:"]
    left = 0
    if len(rows) > CLASSES:
        largest = {label for label, _ in counts.most_common(CLASSES * 2 // 3)}
        smallest = {label for label, _ in counts.most_common()[-(CLASSES // 3) :]}
        left = len(rows) - len(largest | smallest)
        rows = [row for row in rows if row[0] in largest | smallest]
    names = [
        visible(str(label) if isinstance(label, str) else f"{label} {dataset.names.get(label, '')}")
        for label, _ in rows
    ]
    width = min(max(map(len, names)), 32)
    top = max(counts.values()) or 1
    for name, (_, count) in zip(names, rows, strict=True):
        bar = "#" * max(round(BAR * count / top), 1 if count else 0)
        lines.append(f"    {name[:32]:<{width}}  {count:>9}  {bar}".rstrip())
    if left:
        lines.append(f"    ... and {left} classes between them: --format json has all")
    return lines
