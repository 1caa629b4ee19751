"""The audit of a finished ultralytics run, by what its log tells."""

from dataclasses import replace
from pathlib import Path

from patchkit.audit.request import Request
from patchkit.audit.run import Audited, audit_file
from patchkit.audit.ultralytics import Ultralytics, find_ultralytics
from patchkit.errors import SourceUnreadable
from patchkit.findings import Span
from patchkit.patching.target import Target
from patchkit.subjects.config import load_config
from patchkit.subjects.dataset import count_images
from patchkit.subjects.run_log.log import as_yaml, read_run_log
from patchkit.subjects.yaml_file import parse_yaml, read_yaml


def audit_log(path: Path, target: Target, request: Request) -> Audited:
    """What the rules find in the options that a results.csv tells; the model comes from the args.yaml beside it.

    An option that the log does not tell is not audited: its default need not be what was trained with.

    Raises   SourceUnreadable if it is no log of a run, or one of a run that was too short.
    """
    framework = find_ultralytics(target, request.release)
    model, images = _beside(path, framework)
    request = replace(request, images=request.images if request.images is not None else images, kind=None)
    log = read_run_log(path, request.images)
    text = as_yaml(log, model)
    file = parse_yaml(text.encode("utf-8"), path)
    if "batch" not in file.entries:  # the default is not what was trained with
        defaults = {key: value for key, value in framework.release.defaults.items() if key != "batch"}
        framework = Ultralytics(replace(framework.release, defaults=defaults))
    audited = audit_file(file, framework, request)
    lines = {entry.span.line for entry in file.entries.values()}
    findings = tuple(
        replace(finding, location=Span(str(path)))
        for finding in audited.report.findings
        if finding.location.line in lines
    )
    return replace(audited, report=replace(audited.report, findings=findings), recovered=text)


def _beside(path: Path, framework: Ultralytics) -> tuple[str | None, int | None]:
    """The model and the number of images, by the options that ultralytics keeps beside the log."""
    place = path.with_name("args.yaml")
    if not place.is_file():
        return None, None
    try:
        config = load_config(read_yaml(place), framework.release, None)
    except SourceUnreadable:
        return None, None
    return config.model and f"{config.model}.yaml", count_images(config)
