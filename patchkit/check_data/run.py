"""The check of a data set from end to end. Findings are told part by part; what is counted comes back at the end."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any

from patchkit.check_data.engines import ENGINES, cpus
from patchkit.check_data.fates import READS, trainers_named, with_fates
from patchkit.check_data.images import image_parts, look_at_images, require_pillow
from patchkit.check_data.looked import Looked
from patchkit.check_data.plan import Look, Plan, plan_of
from patchkit.check_data.request import Request
from patchkit.check_data.rules import found_in_all, load_all, rules_of
from patchkit.errors import TargetRefused, UnknownRule
from patchkit.findings import Finding, Skipped
from patchkit.subjects.dataset.dataset import DataSet

Tell = Callable[[list[Finding]], None]
Progress = Callable[[int, int], None]  # done, of how many
FEW = 4000  # label files that one process has read before another has started


@dataclass(frozen=True)
class Checked:
    """What is known of a data set once all its findings were told."""

    dataset: DataSet
    skipped: tuple[Skipped, ...]
    trainers: tuple[str, ...]


def check_data(request: Request, tell: Tell, progress: Progress = lambda done, total: None) -> Checked:
    """Find a data set, look at all of it, and tell what is found, in the order of its files.

    Raises   TargetRefused if there is no data set; UnknownRule; SourceUnreadable.
    """
    named = trainers_named(request.trainers)
    ids = _ids(request)
    if request.images:
        require_pillow()
    plan = plan_of(request, ids)
    load_all()  # before any process is forked
    readers = tuple(name for name, formats in READS.items() if plan.format in formats)
    trainers = named or tuple(name for name in readers if name in request.installed) or readers
    for option, is_asked in (("--images", request.images), ("--by-content", request.by_content)):
        if is_asked and not plan.has_images:
            hint = "keep them beside the annotations, in a folder called images or like the file: train2017"
            raise TargetRefused(f"{option}: where the images are is not known", hint)
    told = _teller(tell, trainers, plan.format)
    skipped = _look(plan, request, told, progress)
    dataset = plan.dataset()
    findings, left = found_in_all(dataset, plan.part)
    told(findings)
    return Checked(dataset, (*skipped, *left), trainers)


def _ids(request: Request) -> tuple[str, ...] | None:
    if not request.select and not request.ignore:
        return None
    ids = tuple(rule.id for rule in rules_of(request.select, request.ignore))
    if not ids:
        raise UnknownRule("no rule is left", "select others, or ignore fewer")
    return ids


def _teller(tell: Tell, trainers: tuple[str, ...], format: str) -> Tell:
    add = with_fates(trainers, format)

    def told(findings: list[Finding]) -> None:
        if findings:
            tell([add(finding) for finding in findings])

    return told


def _look(plan: Plan, request: Request, tell: Tell, progress: Progress) -> list[Skipped]:
    """Look at all labels, then at the images if that is asked: only COCO files themselves say which there are."""
    skipped = list(plan.skipped)
    done, total = 0, plan.amount

    def take(look: Look, parts: list[Any], jobs: int) -> None:
        nonlocal done
        engine = ENGINES[request.engine]
        if jobs < 2 and request.engine == "local":
            pieces = engine(look, parts, jobs)
        else:  # what comes from another process comes whole
            pieces = engine(_whole, [(look, part) for part in parts], jobs)
        for looked in chain.from_iterable(pieces):
            done += looked.amount
            progress(done, total)
            plan.add(looked)
            skipped.extend(looked.skipped)
            tell(looked.findings)

    jobs = request.jobs or cpus()
    is_worth = len(plan.parts) > 1 and (plan.amount > FEW or request.engine != "local")
    take(plan.look, plan.parts, jobs if is_worth else 1)
    if request.images:
        images = [part for split, paths in plan.images().items() for part in image_parts(split, paths)]
        total += sum(len(part.images) for part in images)
        take(look_at_images, images, jobs)
    return skipped


def _whole(work: tuple[Look, Any]) -> list[Looked]:
    look, part = work
    return list(look(part))
