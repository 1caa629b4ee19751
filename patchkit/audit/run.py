"""The audit of one file, and what its fixes make of it."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from patchkit.audit.paddle import PaddleDetection, find_paddle
from patchkit.audit.request import Framework, Request, Subject
from patchkit.audit.ultralytics import Ultralytics, find_ultralytics
from patchkit.errors import SourceUnreadable, TargetRefused, UnknownRule, WriteFailed
from patchkit.findings import Finding, Report
from patchkit.patching.files import read, replace_file
from patchkit.patching.target import Target
from patchkit.recipes.surroundings import PaddleSurroundings, Surroundings
from patchkit.rule import Rule, chosen, load_rules, run
from patchkit.subjects.baseline import load_baseline, not_in
from patchkit.subjects.config import MODEL, TrainConfig
from patchkit.subjects.fixing import applicable, train_file, train_name
from patchkit.subjects.paddle.config import OF_ULTRALYTICS, PADDLE, PaddleConfig, looks_like_paddle
from patchkit.subjects.suppression import not_suppressed
from patchkit.subjects.yaml_file import YamlFile, parse_yaml, read_yaml

if TYPE_CHECKING:
    from patchkit.recipes.schedule import Course

PACKAGES = (Ultralytics.rules, PaddleDetection.rules)
OF_A_MODEL_FILE = ("hyperparameter-in-model-yaml", "option-given-twice")  # whatever it is trained with
ROUNDS = 5  # a fix may bring another rule to light: a number that was text, say


@dataclass(frozen=True)
class Audited:
    """A configuration with what was found in it."""

    config: Subject
    around: Surroundings | PaddleSurroundings
    framework: Framework
    rules: tuple[Rule, ...]
    report: Report
    recovered: str = ""  # the configuration, where it was made from the log of a run


@dataclass(frozen=True)
class Fixed:
    """What the fixes make of a configuration, not yet written."""

    path: Path  # for a model yaml another file, beside it
    before: bytes | None  # None: the file is new
    after: bytes
    applied: tuple[Finding, ...]
    left: Audited  # the new file, audited


def audit(path: Path, target: Target, request: Request) -> Audited:
    """What the rules find in a configuration, or in what a model yaml is trained with.

    That is the training configuration which `--fix` has written beside it, if there is one, else the defaults.

    Raises   SourceUnreadable if the file is no configuration; UnknownRule for rules and recipes; TargetRefused.
    """
    file = read_yaml(path)
    is_paddle = request.kind == PADDLE or (request.kind is None and looks_like_paddle(file))
    if is_paddle and (foreign := OF_ULTRALYTICS & set(file.entries)):
        raise SourceUnreadable(
            f"{path}: PaddleDetection has no {min(foreign)}: this is a configuration of ultralytics", "leave --kind out"
        )
    framework = find_paddle(target) if is_paddle else find_ultralytics(target, request.release)
    audited = audit_file(file, framework, request)
    beside = path.with_name(f"{path.stem}.train.yaml")
    if audited.config.kind != MODEL or request.kind == MODEL or not beside.is_file():
        return audited
    train = read_yaml(beside)
    if Path(str(train.data.get("model"))).name != path.name:
        return audited
    return _with(audit_file(train, framework, request), _of_the_model_file(audited))


def _of_the_model_file(audited: Audited) -> list[Finding]:
    return [finding for finding in audited.report.findings if finding.rule in OF_A_MODEL_FILE]


def _with(audited: Audited, findings: list[Finding]) -> Audited:
    report = audited.report
    return replace(audited, report=replace(report, findings=(*findings, *report.findings)))


def audit_file(file: YamlFile, framework: Framework, request: Request) -> Audited:
    """What the rules find in a file that is read already."""
    config, around = framework.load(file, request)
    rules = _rules(framework, config.kind, request)
    report = run(rules, config, around)
    findings = not_suppressed(report.findings, file)
    if request.baseline is not None:
        findings = not_in(findings, load_baseline(request.baseline))
    return Audited(config, around, framework, rules, replace(report, findings=findings))


def fixed(audited: Audited, request: Request, *, unsafe: bool) -> Fixed:
    """The file after the fixes, round by round until nothing is left to fix.

    Raises   SourceUnreadable if the file has a form in which a value cannot be set; TargetRefused if the training
             configuration of a model yaml would replace another file.
    """
    config, framework = audited.config, audited.framework
    applied = applicable(audited.report.findings, unsafe=unsafe)
    path, before = config.file.path, config.file.source
    is_new = isinstance(config, TrainConfig) and config.kind == MODEL
    if isinstance(config, TrainConfig) and is_new:
        path = path.with_name(train_name(config))
        if path.exists():
            raise TargetRefused(f"{path} is there already, and not written over", f"patchkit audit {path} --fix")
        after = train_file(config, applied)
        request = replace(request, batch=None)
    else:
        after = framework.fixed(config, applied) if applied else before
    elsewhere = [one for one in _of_the_model_file(audited) if one.location.path != str(path)]
    left = audit_file(parse_yaml(after, path), framework, request)
    for _ in range(ROUNDS):
        more = applicable(left.report.findings, unsafe=unsafe)
        if not more:
            break
        applied += more
        after = framework.fixed(left.config, more)
        left = audit_file(parse_yaml(after, path), framework, request)
    return Fixed(path, None if is_new else before, after, tuple(applied), _with(left, elsewhere))


def schedules(audited: Audited, after: Audited | None) -> "tuple[Course | None, Course | None]":
    """The learning rates of a configuration before and after its fixes; None where they are not known."""
    return _schedule(audited), _schedule(after) if after is not None else None


def _schedule(audited: Audited) -> "Course | None":
    from patchkit.recipes.paddle.schedule import paddle_schedule
    from patchkit.recipes.schedule import schedule_of

    config, around = audited.config, audited.around
    if isinstance(config, PaddleConfig) and isinstance(around, PaddleSurroundings):
        return paddle_schedule(config, around)
    if isinstance(config, TrainConfig) and isinstance(around, Surroundings):
        return schedule_of(config, around)
    return None


def documentation(name: str) -> str | None:
    """The documentation of a rule; None if no rule has this id."""
    packages = (*PACKAGES, "patchkit.rules.dataset", "patchkit.rules.environment", "patchkit.rules.log")
    rule = next((rule for package in packages for rule in load_rules(package) if rule.id == name), None)
    return f"{rule.id} ({rule.severity.value})\n\n{rule.documentation}" if rule else None


def write_fixed(done: Fixed) -> None:
    """Put the fixed file in its place, in one step. A link stays, and what it leads to is changed.

    Raises   WriteFailed if it changed meanwhile, or cannot be written.
    """
    path = Path(os.path.realpath(done.path))
    try:
        if read(path) != done.before:
            raise WriteFailed(f"{done.path} was changed by another program meanwhile", "run the command again")
        if done.before is not None and not os.access(path, os.W_OK):
            raise WriteFailed(f"{done.path}: it is read-only", "make it writable, or run as a user who may write it")
        replace_file(path, done.after)
    except OSError as error:
        raise WriteFailed(f"{done.path}: {error.strerror}", "run as a user who may write it") from error


def _rules(framework: Framework, kind: str, request: Request) -> tuple[Rule, ...]:
    """The rules for a kind of subject. A project may name rules of other kinds as well."""
    packages = PACKAGES if request.select or request.ignore else (framework.rules,)
    every = [rule for package in packages for rule in load_rules(package)]
    rules = tuple(rule for rule in chosen(every, request.select, request.ignore) if kind in rule.kinds)
    if not rules:
        raise UnknownRule(f"no rule is left for a configuration of {kind}", "select others, or ignore fewer")
    return rules
