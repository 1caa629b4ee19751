"""The command that checks training configurations."""

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from patchkit.cli.application import Python, SitePackages, app
from patchkit.cli.audit_output import AuditFormat, Level, plotted, reported, shown, written
from patchkit.cli.failures import guarded, say

if TYPE_CHECKING:
    from patchkit.audit.request import Request
    from patchkit.audit.run import Audited, Fixed
    from patchkit.patching.target import Target


class Kind(str, Enum):
    ultralytics = "ultralytics"
    ultralytics_model = "ultralytics-model"
    paddledetection = "paddledetection"


class Policy(str, Enum):
    linear = "linear"
    keep = "keep"


@app.command()
@guarded
def audit(
    config: Annotated[
        Path | None,
        typer.Argument(
            metavar="CONFIG", help="Training configuration of ultralytics or PaddleDetection, or model yaml."
        ),
    ] = None,
    gpus: Annotated[
        int | None, typer.Option(metavar="N", help="GPUs of a node; by default those that device names.")
    ] = None,
    nodes: Annotated[int | None, typer.Option(metavar="N", help="Machines that train together.")] = None,
    recipe: Annotated[str | None, typer.Option(metavar="NAME", help="A recipe, yolov10x, or a file with one.")] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Write the fixes.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Print what --fix would change; write nothing.")] = False,
    unsafe_fixes: Annotated[
        bool, typer.Option("--unsafe-fixes", help="Also the fixes that change results in ways you may not want.")
    ] = False,
    select: Annotated[list[str] | None, typer.Option(metavar="RULE", help="Only this rule; may be repeated.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(metavar="RULE", help="Not this rule; may be repeated.")] = None,
    fail_on: Annotated[
        Level | None, typer.Option(help="The least severity that makes the exit code 1; by default warning.")
    ] = None,
    lr_policy: Annotated[Policy | None, typer.Option(help="Scale lr0 with the batch, the default, or keep it.")] = None,
    base_lr: Annotated[
        float | None, typer.Option(metavar="LR", help="lr0 that the base batch was trained with.")
    ] = None,
    base_batch: Annotated[int | None, typer.Option(metavar="N", help="Batch that base-lr belongs to.")] = None,
    max_lr: Annotated[float | None, typer.Option(metavar="LR", help="Cap of lr0; by default twice base-lr.")] = None,
    images: Annotated[
        int | None, typer.Option(metavar="N", help="Images in the training set; by default counted by the data yaml.")
    ] = None,
    batch: Annotated[
        int | None, typer.Option(metavar="N", help="Images a step, where CONFIG says none: as in yolo train batch=N.")
    ] = None,
    release: Annotated[
        str | None, typer.Option(metavar="VERSION", help="Release of ultralytics; by default the one in the target.")
    ] = None,
    kind: Annotated[Kind | None, typer.Option(help="What CONFIG is; by default told by what it holds.")] = None,
    from_log: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="In place of CONFIG: results.csv of a run, to audit what was trained."),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the learning rates, as .png or .svg; needs matplotlib.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON of an earlier audit, whose findings are not told again.")
    ] = None,
    python: Python = None,
    site_packages: SitePackages = None,
    format: Annotated[AuditFormat, typer.Option("--format", help="text; json for scripts; the others for CI.")] = (
        AuditFormat.text
    ),
) -> int:
    """Check a training configuration against its recipe, its release and its GPUs."""
    from patchkit.patching.target import find_target

    given = {
        "gpus": gpus,
        "nodes": nodes,
        "recipe": recipe,
        "select": select,
        "ignore": ignore,
        "fail-on": fail_on and fail_on.value,
        "lr-policy": lr_policy and lr_policy.value,
        "base-lr": base_lr,
        "base-batch": base_batch,
        "max-lr": max_lr,
        "images": images,
        "batch": batch,
        "release": release,
        "baseline": baseline,
    }
    named = {name: value for name, value in given.items() if value is not None}
    subject = _subject(config, from_log)
    _check_together({"fix": fix, "diff": diff, "unsafe-fixes": unsafe_fixes, "kind": kind}, from_log, format)
    request, level = _request(subject, named, kind)
    audited = _audited(subject, find_target(python, site_packages), request, is_log=from_log is not None)
    _check_options(audited, named)
    is_wanted = fix or diff or plot is not None or format is AuditFormat.text
    done = _fixes(audited, request, unsafe=unsafe_fixes, needed=fix or diff) if is_wanted else None
    if plot is not None:
        plotted(audited, done, plot)
    if diff and done is not None:
        return shown(done, audited, format, level)
    if fix and done is not None:
        return written(done, format, level)
    return reported(audited, done, format, level)


def _subject(config: Path | None, from_log: Path | None) -> Path:
    """The file that is audited.

    Raises   TargetRefused unless there is exactly one.
    """
    from patchkit.errors import TargetRefused

    if config is not None and from_log is not None:
        raise TargetRefused("CONFIG and --from-log are both given", "name one of them")
    subject = config if config is not None else from_log
    if subject is None:
        raise TargetRefused("nothing to audit", "name a training configuration, or the log of a run with --from-log")
    return subject


def _check_together(given: dict[str, Any], from_log: Path | None, format: AuditFormat) -> None:
    """Raises   TargetRefused for options that do not go together."""
    from patchkit.errors import TargetRefused

    for name in (name for name, value in given.items() if value and from_log is not None):
        raise TargetRefused(f"--{name} is for a configuration: a log is not changed", f"leave --{name} out")
    if given["fix"] and given["diff"]:
        raise TargetRefused("--fix writes and --diff only shows", "give one of them")
    if given["diff"] and format not in (AuditFormat.text, AuditFormat.json):
        raise TargetRefused(f"--diff has no {format.value} form", "leave --format out, or ask for json")


def _request(config: Path, given: dict[str, Any], kind: Kind | None) -> "tuple[Request, Level]":
    """What is asked: the command line over the options of the project.

    Raises   SourceUnreadable, TargetRefused for values that cannot be.
    """
    from patchkit.audit.request import Request
    from patchkit.errors import TargetRefused
    from patchkit.subjects.project import project_options

    options = {**project_options(config), **given}
    for name in ("images", "batch", "base-batch", "base-lr", "max-lr"):
        if name in options and not 0 < options[name] < float("inf"):
            raise TargetRefused(f"--{name} {options[name]}: it must be more than 0", "see 'patchkit audit --help'")
    for name, choices in (("fail-on", Level), ("lr-policy", Policy)):
        if options.get(name, "warning" if choices is Level else "linear") not in [choice.value for choice in choices]:
            words = ", ".join(choice.value for choice in choices)
            raise TargetRefused(f"{name} = '{options[name]}' in pyproject.toml is none of {words}", "mend the file")
    request = Request(
        gpus=options.get("gpus"),
        nodes=options.get("nodes", 1),
        recipe=options.get("recipe"),
        policy=options.get("lr-policy", "linear"),
        base_lr=options.get("base-lr"),
        base_batch=options.get("base-batch"),
        max_lr=options.get("max-lr"),
        images=options.get("images"),
        batch=options.get("batch"),
        release=options.get("release"),
        select=tuple(options.get("select", ())),
        ignore=tuple(options.get("ignore", ())),
        kind=kind.value if kind else None,
        baseline=Path(options["baseline"]) if "baseline" in options else None,
    )
    return request, Level(options.get("fail-on", "warning"))


def _audited(path: Path, target: "Target", request: "Request", *, is_log: bool) -> "Audited":
    from patchkit.audit.run import audit

    if is_log:
        from patchkit.audit.from_log import audit_log

        return audit_log(path, target, request)
    audited = audit(path, target, request)
    place = audited.config.file.path
    if place != path:
        say(f"patchkit: {path.name} is the yaml of a model; what it is trained with is in {place.name} beside it\n")
    return audited


def _check_options(audited: "Audited", named: dict[str, Any]) -> None:
    """Raises   TargetRefused for options of the command line that say nothing about PaddleDetection."""
    from patchkit.errors import TargetRefused
    from patchkit.subjects.paddle.config import PADDLE

    if audited.config.kind == PADDLE:
        for name in (name for name in ("recipe", "release", "batch") if name in named):
            raise TargetRefused(
                f"--{name} is for ultralytics; {audited.config.file.path} is of PaddleDetection", f"leave --{name} out"
            )


def _fixes(audited: "Audited", request: "Request", *, unsafe: bool, needed: bool) -> "Fixed | None":
    """What the fixes would make of it; None for a log, and where they cannot be written and need not be."""
    from patchkit.audit.run import fixed
    from patchkit.errors import SourceUnreadable

    if audited.recovered:
        return None
    try:
        return fixed(audited, request, unsafe=unsafe)
    except SourceUnreadable:
        if needed:
            raise
        return None
