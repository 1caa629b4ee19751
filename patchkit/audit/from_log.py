"""The audit of a finished ultralytics run, by what its log tells."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from patchkit.audit.request import Request
from patchkit.audit.run import Audited, audit_file
from patchkit.audit.ultralytics import Ultralytics, find_ultralytics
from patchkit.errors import SourceUnreadable
from patchkit.findings import Finding, Span
from patchkit.patching.target import Target
from patchkit.subjects.config import load_config
from patchkit.subjects.fixing import written
from patchkit.subjects.image_count import count_images
from patchkit.subjects.run_log.log import as_yaml, read_run_log
from patchkit.subjects.yaml_file import YamlFile, parse_yaml, read_yaml

ASSUMED = ("momentum", "warmup_momentum", "nbs")  # by the release


def audit_log(path: Path, target: Target, request: Request) -> Audited:
    """What the rules find in the options that a results.csv tells; the model comes from the args.yaml beside it.

    An option that the log does not tell is not audited: its default need not be what was trained with.

    Raises   SourceUnreadable if it is no log of a run, or one of a run that was too short.
    """
    framework = find_ultralytics(target, request.release)
    model, images = _beside(path, framework)
    request = replace(request, images=request.images if request.images is not None else images, kind=None)
    log = read_run_log(path, request.images)
    told = {**({"model": model} if model is not None else {}), **log.options}
    audited = audit_file(_file(told, path), _without_defaults(framework, told), request)
    findings = tuple(_of_the_log(finding, path) for finding in audited.report.findings)
    return replace(audited, report=replace(audited.report, findings=findings), recovered=as_yaml(log, model))


def _of_the_log(finding: Finding, path: Path) -> Finding:
    """A finding on the log, which has no line for an option."""
    message = finding.message.replace("set in the file", "as the log tells")
    return replace(finding, location=Span(str(path)), message=message)


def _file(told: Mapping[str, Any], path: Path) -> YamlFile:
    """The options as if a file set them."""
    return parse_yaml("".join(f"{name}: {written(value)}\n" for name, value in told.items()).encode(), path)


def _without_defaults(framework: Ultralytics, told: Mapping[str, Any]) -> Ultralytics:
    """The release without a default for what the log does not tell: that need not be what was trained with.

    What a log never tells, and the linear rule and the schedule need, stays.
    """
    defaults = framework.release.defaults
    kept = {name: value for name, value in defaults.items() if name in told or name in ASSUMED}
    return Ultralytics(replace(framework.release, defaults=kept))


def _beside(path: Path, framework: Ultralytics) -> tuple[str | None, int | None]:
    """The model and the number of images, by the options that ultralytics keeps beside the log."""
    place = path.parent / "args.yaml"
    if not place.is_file():
        return None, None
    try:
        config = load_config(read_yaml(place), framework.release, None)
    except SourceUnreadable:
        return None, None
    return config.model and f"{config.model}.yaml", count_images(config)
