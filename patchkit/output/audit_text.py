"""An audit as people read it."""

from typing import TYPE_CHECKING

from patchkit.findings import Severity
from patchkit.output.counted import counted

if TYPE_CHECKING:
    from patchkit.audit.run import Audited, Fixed
    from patchkit.recipes.schedule import Course, Values


def render_audit(audited: "Audited", after: "Fixed | None" = None) -> str:
    """Findings by severity, each with its place, evidence and fix; what the fixes change; and what was audited."""
    report = audited.report
    lines = []
    if audited.recovered:
        lines = [f"{audited.config.file.path} tells:", *(f"    {line}" for line in audited.recovered.splitlines())]
    for severity in Severity:
        for finding in (finding for finding in report.findings if finding.severity is severity):
            place = finding.location
            lines += [
                f"{place.path}:{place.line}:{place.column}: {severity.value} [{finding.rule}] {finding.message}",
                f"    evidence: {finding.evidence}",
            ]
            if finding.fix is not None:
                lines.append(f"    fix{'' if finding.fix.safe else ' (unsafe)'}: {finding.fix.title}")
    lines += [f"skipped [{skipped.rule}] {skipped.reason}" for skipped in report.skipped]
    lines += _fix_table(audited, after)
    lines += _schedule_table(audited, after)
    counts = ", ".join(counted(report.count(severity), severity.value) for severity in Severity)
    return "\n".join([*lines, *_subject(audited), counts]) + "\n"


def _subject(audited: "Audited") -> list[str]:
    """What was audited, and for what."""
    from patchkit.recipes.surroundings import Surroundings
    from patchkit.subjects.paddle.config import PaddleConfig

    config, around = audited.config, audited.around
    gpus = counted(around.processes, "GPU")
    if isinstance(config, PaddleConfig):
        batch = f"TrainReader.batch_size {config.value('TrainReader.batch_size')} on each"
        inherited = f"{counted(len(config.bases), 'file')} inherited" if config.bases else "nothing inherited"
        return [f"PaddleDetection, {gpus if around.gpus_are_given else 'GPUs unknown'}, {batch}, {inherited}"]
    recipe = around.recipe if isinstance(around, Surroundings) else None
    known = f"recipe {recipe.label} ({recipe.source})" if recipe else "no recipe is known for it"
    batch = "batch unknown" if config.value("batch") is None else f"batch {config.value('batch')}"
    lines = [f"model {config.model or 'unknown'}, {gpus}, {batch}, {config.release.label}; {known}"]
    if config.kind == "ultralytics-model":
        lines.insert(0, "this is the yaml of a model: it holds no training options, so the defaults were audited")
    return lines


def _fix_table(audited: "Audited", after: "Fixed | None") -> list[str]:
    """What the fixes would set, beside what is there."""
    rows: dict[str, tuple[str, str, str]] = {}
    for finding in (*audited.report.findings, *(after.applied if after else ())):
        if finding.fix is not None:
            for key, value in finding.fix.values.items():
                note = "" if finding.fix.safe or (after and finding in after.applied) else "  unsafe"
                rows[key] = (str(audited.config.value(key)), str(value), note)
    if not rows:
        return []
    names, now = max(map(len, rows)), max(len(row[0]) for row in rows.values())
    lines = [f"  {key:<{names}}  {old:>{now}} -> {new}{note}" for key, (old, new, note) in rows.items()]
    return ["advised:" if audited.recovered else "with --fix:", *lines]


def _schedule_table(audited: "Audited", after: "Fixed | None") -> list[str]:
    """What the optimizer is given in the course of the training, before and after the fixes."""
    from patchkit.audit.run import schedules
    from patchkit.recipes.schedule import rows

    before, fixed = schedules(audited, after.left if after else None)
    if before is None:
        return []
    table = [["", "lr", "bias lr", "momentum"]]
    for moment in rows(before, fixed if fixed is not None else before):
        cells = zip(_cells(moment.before), _cells(moment.after), strict=True)
        table.append([moment.name, *(old if old == new else f"{old} -> {new}" for old, new in cells)])
    widths = [max(len(row[column]) for row in table) for column in range(4)]
    lines = [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
    ]
    lengths = list(dict.fromkeys(_length(schedule) for schedule in (before, fixed) if schedule is not None))
    return [f"learning rate, {' -> '.join(lengths)}:", *lines]


def _cells(values: "Values") -> list[str]:
    return [f"{number:.4g}" for number in (values.lr, values.bias_lr, values.momentum)]


def _length(schedule: "Course") -> str:
    assumed = ", assumed: --images tells" if schedule.is_nominal else ""
    return f"{schedule.epochs} epochs of {schedule.iterations_per_epoch} iterations{assumed}"
