"""The command that checks data sets."""

import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from patchkit.cli.application import Python, SitePackages, app
from patchkit.cli.audit_output import Level
from patchkit.cli.failures import guarded, say

if TYPE_CHECKING:
    from collections import Counter

    from patchkit.check_data.request import Request
    from patchkit.check_data.run import Checked
    from patchkit.findings import Severity


class DataFormat(str, Enum):
    text = "text"
    json = "json"
    sarif = "sarif"
    github = "github"
    junit = "junit"
    html = "html"


class DataKind(str, Enum):
    yolo = "yolo"
    coco = "coco"
    voc = "voc"
    folder = "folder"


class EngineName(str, Enum):
    local = "local"
    dask = "dask"
    ray = "ray"


@app.command("check-data")
@guarded
def check_data(
    context: typer.Context,
    data: Annotated[
        str | None,
        typer.Argument(metavar="DATA", help="data.yaml, COCO json, dataset yml of PaddleDetection, or a folder."),
    ] = None,
    nc: Annotated[int | None, typer.Option(metavar="N", min=1, help="Classes; by default what the data says.")] = None,
    trainer: Annotated[
        list[str] | None,
        typer.Option(
            "--for",
            metavar="TRAINER",
            help="Tell what this trainer does: ultralytics, yolov10, paddledetection, mlcommons, torchvision, "
            "crossentropy; by default those that are installed, else all. May be repeated.",
        ),
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Move bad rows into --quarantine.")] = False,
    quarantine: Annotated[
        str | None, typer.Option(metavar="DIR", help="New folder for the rows and the files as they were.")
    ] = None,
    unsafe_fixes: Annotated[
        bool, typer.Option("--unsafe-fixes", help="With --fix: also rows that are outside by a hundredth or less.")
    ] = False,
    undo: Annotated[
        str | None, typer.Option(metavar="DIR", help="In place of DATA: put back all that is in a quarantine.")
    ] = None,
    select: Annotated[list[str] | None, typer.Option(metavar="RULE", help="Only this rule; may be repeated.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(metavar="RULE", help="Not this rule; may be repeated.")] = None,
    fail_on: Annotated[Level, typer.Option(help="The least severity that makes the exit code 1.")] = Level.warning,
    model: Annotated[
        Path | None, typer.Option(metavar="YAML", help="Model yaml whose nc is compared with the data.")
    ] = None,
    pattern: Annotated[
        str | None,
        typer.Option(metavar="REGEX", help=r"Labels are in file names: '(?P<label>\d+)_.*\.jpg'."),
    ] = None,
    images: Annotated[bool, typer.Option("--images", help="Decode every image too; needs Pillow.")] = False,
    by_content: Annotated[
        bool, typer.Option("--by-content", help="Find images of two splits by their bytes too.")
    ] = False,
    least: Annotated[int, typer.Option(metavar="N", min=0, help="A class with fewer objects is told.")] = 10,
    kind: Annotated[DataKind | None, typer.Option(help="What DATA is; by default told by what it holds.")] = None,
    engine: Annotated[EngineName, typer.Option(help="Where labels are looked at.")] = EngineName.local,
    jobs: Annotated[int | None, typer.Option(metavar="N", min=1, help="Processes; by default one a CPU.")] = None,
    max_per_rule: Annotated[
        int, typer.Option(metavar="N", min=0, help="Findings of a rule that are shown as text.")
    ] = 10,
    python: Python = None,
    site_packages: SitePackages = None,
    format: Annotated[
        DataFormat, typer.Option("--format", help="text; json for scripts; html for a page; the others for CI.")
    ] = DataFormat.text,
) -> int:
    """Find the labels that crash a training or silently spoil it."""
    from patchkit.check_data.request import Request
    from patchkit.errors import TargetRefused

    _require_named({"DATA": data, "--quarantine": quarantine, "--undo": undo})
    if undo is not None:
        _require_alone(context, format)
        return _undone(Path(undo), format)
    if data is None:
        raise TargetRefused("nothing to check", "name a data.yaml, a json, or the folder of a data set")
    if fix != (quarantine is not None):
        raise TargetRefused("--fix and --quarantine go together", "--fix --quarantine DIR: nothing is ever deleted")
    if unsafe_fixes and not fix:
        raise TargetRefused("--unsafe-fixes goes with --fix", "--fix --unsafe-fixes --quarantine DIR")
    request = Request(
        data=Path(data),
        nc=nc,
        trainers=tuple(trainer or ()),
        installed=() if trainer else _installed(python, site_packages),
        select=tuple(select or ()),
        ignore=tuple(ignore or ()),
        kind=kind.value if kind else None,
        model=model,
        pattern=pattern,
        images=images,
        by_content=by_content,
        least=least,
        jobs=jobs,
        engine=engine.value,
        detailed=format is DataFormat.html,
    )
    if fix and quarantine is not None:
        return _fixed(request, Path(quarantine), format, fail_on, max_per_rule, unsafe=unsafe_fixes)
    return _checked(request, format, fail_on, max_per_rule)


def _require_named(paths: dict[str, str | None]) -> None:
    """Raises   TargetRefused for an empty path: as one it would be the working directory."""
    from patchkit.errors import TargetRefused

    for name in (name for name, path in paths.items() if path == ""):
        raise TargetRefused(f"{name} is empty", "a shell variable may be unset: name a path; '.' is this folder")


def _require_alone(context: typer.Context, format: DataFormat) -> None:
    """Raises   TargetRefused for what is given beside --undo and does nothing there."""
    from patchkit.errors import TargetRefused

    options = [option for option in context.command.params if option.name not in ("undo", "format")]
    names = [
        option.opts[-1] if option.param_type_name == "option" else "DATA"
        for option in options
        if getattr(context.get_parameter_source(option.name or ""), "name", "") == "COMMANDLINE"
    ]
    if names:
        raise TargetRefused(f"--undo goes without {', '.join(names)}", "patchkit check-data --undo DIR")
    if format not in (DataFormat.text, DataFormat.json):
        raise TargetRefused(f"--undo has no {format.value} form", "leave --format out, or ask for json")


def _fixed(request: "Request", folder: Path, format: DataFormat, fail_on: Level, most: int, *, unsafe: bool) -> int:
    """Move what can be moved, check what is left, and report that."""
    import time
    from dataclasses import replace

    from patchkit.check_data.quarantine import quarantine
    from patchkit.check_data.run import check_data as check
    from patchkit.findings import Finding
    from patchkit.output.moved_text import render_left, render_moved

    started = time.time_ns()
    fixable: list[Finding] = []
    left: list[Finding] = []

    def keep(findings: list[Finding]) -> None:
        for finding in findings:
            if finding.fix is not None:
                (fixable if finding.fix.safe or unsafe else left).append(finding)

    progress = _progress()
    checked = check(replace(request, detailed=False), keep, progress)
    progress(0, 0)
    more = {}
    if fixable or any(cache.newer for cache in checked.dataset.caches):
        dataset = checked.dataset
        moved = quarantine(folder, fixable, dataset.caches, dataset.format, started)
        say(render_moved(moved))
        more = {"moved": {"folder": str(folder), "rows": moved.rows, "files": moved.files, "caches": moved.caches}}
    elif not left:
        say("patchkit: nothing can be moved\n")
    say(render_left(left, fixable))
    return _checked(request, format, fail_on, most, more)


def _undone(folder: Path, format: DataFormat) -> int:
    from patchkit.check_data.undo import undo
    from patchkit.output.moved_text import render_put_back

    moved = undo(folder)
    if format is DataFormat.json:
        from patchkit.output.data_json import render_undone

        sys.stdout.write(render_undone(moved))
    say(render_put_back(moved))
    return 0


def _installed(python: str | None, site_packages: Path | None) -> tuple[str, ...]:
    """The trainers of the target, as far as it has any. The fork of YOLOv10 calls itself ultralytics."""
    from patchkit.patching.distinfo import normalised
    from patchkit.patching.installed import find_installed
    from patchkit.patching.target import find_target
    from patchkit.subjects.environment.ultralytics import is_of_the_fork

    target = find_target(python, site_packages, fast=True)
    packages = {"ultralytics": "ultralytics", "paddledet": "paddledetection", "torchvision": "torchvision"}
    found = {
        normalised(installed.distribution.name): installed.distribution.editable or installed.root
        for installed in find_installed(target, tuple(packages))
    }
    if "ultralytics" in found and is_of_the_fork(found["ultralytics"]):
        packages["ultralytics"] = "yolov10"
    return tuple(trainer for name, trainer in packages.items() if name in found)


def _checked(request: "Request", format: DataFormat, fail_on: Level, most: int, more: Any = None) -> int:
    """Check, and write the report; the exit code."""
    from patchkit.check_data.run import check_data as check

    progress = _progress()
    if format is DataFormat.text:
        from patchkit.output.data_text import Shown

        shown = Shown(most)
        checked = check(request, shown.add, progress)
        progress(0, 0)
        _tell_readers(checked)
        sys.stdout.write(shown.render(checked))
        return _code(shown.counts, fail_on)
    if format is DataFormat.json:
        from patchkit.output.data_json import JsonWriter

        writer = JsonWriter(sys.stdout)
        checked = check(request, writer.add, progress)
        progress(0, 0)
        _tell_readers(checked)
        writer.finish(checked, more or {})
        return _code(writer.counts, fail_on)
    return _collected(request, format, fail_on, progress)


def _collected(request: "Request", format: DataFormat, fail_on: Level, progress: "Any") -> int:
    """The formats that need all findings at once."""
    from collections import Counter
    from importlib import import_module

    from patchkit.check_data.review import Review
    from patchkit.check_data.rules import rules_of
    from patchkit.check_data.run import check_data as check
    from patchkit.findings import Finding, Severity

    findings: list[Finding] = []
    checked = check(request, findings.extend, progress)
    progress(0, 0)
    _tell_readers(checked)
    rules = rules_of(request.select, request.ignore)
    review = Review(checked.dataset, findings, checked.skipped, rules, checked.trainers)
    module = import_module(f"patchkit.output.{format.value}")
    sys.stdout.write(module.render(review) if format is DataFormat.html else module.render(review.report, rules))
    return _code(Counter(finding.severity or Severity.WARNING for finding in findings), fail_on)


def _tell_readers(checked: "Checked") -> None:
    """Say so where a trainer that was named does not read the format."""
    from patchkit.check_data.fates import READS

    format = checked.dataset.format
    for name in (name for name in checked.trainers if format not in READS[name]):
        say(f"patchkit: {name} does not read {format} itself: what it does is told of labels that were converted\n")


def _code(counts: "Counter[Severity]", fail_on: Level) -> int:
    from patchkit.findings import Severity

    counted = {Level.error: 1, Level.warning: 2, Level.note: 3}[fail_on]
    return 1 if sum(counts[severity] for severity in list(Severity)[:counted]) else 0


def _progress() -> "Any":
    """How far the check is, on a terminal; (0, 0) takes it away."""
    if not sys.stderr.isatty():
        return lambda done, total: None
    from patchkit.cli.progress import Progress

    return Progress().show
