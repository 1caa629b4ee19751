"""Which format a data set has, and the plans of YOLO and of class folders."""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from patchkit.check_data.plan import Plan, Rules, part_of, split_name, split_of
from patchkit.check_data.request import Request
from patchkit.errors import TargetRefused
from patchkit.findings import Skipped, Span
from patchkit.subjects.dataset.dataset import ClassCount
from patchkit.subjects.dataset.labels import COCO, FOLDER, VOC, YOLO

if TYPE_CHECKING:
    from patchkit.subjects.dataset.class_folders import ClassFolders, Shift
    from patchkit.subjects.dataset.yolo import YoloSet

Make = Callable[[Rules], Plan]
YAML, JSON, LIST = (".yaml", ".yml"), ".json", ".txt"


def find(request: Request, *, is_folder: bool) -> Make | None:
    """What makes the plan; None if no format fits."""
    data, kind = request.data, request.kind
    if request.pattern is not None:
        if not is_folder:
            raise TargetRefused(f"--pattern: {data} is no folder", "name the folder of the images")
        return lambda rules: _by_pattern(request, rules)
    suffix = data.suffix.lower()
    if not is_folder and suffix == JSON and kind in (None, COCO):
        from patchkit.check_data.annotation_plans import coco_plan

        return lambda rules: coco_plan(request, rules, [data])
    if not is_folder and suffix == LIST and kind in (None, YOLO):
        return lambda rules: _yolo_list(request, rules)
    if not is_folder and suffix in YAML:
        return _of_yaml(request)
    return _of_folder(request) if is_folder else None


def _of_yaml(request: Request) -> Make | None:
    from patchkit.subjects.dataset.yolo import find_yolo

    if request.kind in (None, YOLO):
        found = find_yolo(request.data)
        if found is not None:
            return lambda rules: _yolo(request, rules, found)
    if request.kind in (None, COCO, VOC):
        from patchkit.check_data.annotation_plans import paddle_plan

        return lambda rules: paddle_plan(request, rules)
    return None


def _of_folder(request: Request) -> Make | None:
    kind, folder = request.kind, str(request.data)
    if kind in (None, YOLO):
        from patchkit.subjects.dataset.yolo import find_yolo

        if yolo := find_yolo(request.data):
            return lambda rules: _yolo(request, rules, yolo)
    if kind in (None, VOC):
        from patchkit.check_data.annotation_plans import voc_plan
        from patchkit.subjects.dataset.paddle_dataset import find_voc

        if voc := find_voc(folder):
            return lambda rules: voc_plan(request, rules, voc.splits, voc.label_list, list(voc.unreadable))
    if kind in (None, COCO):
        from patchkit.check_data.annotation_plans import coco_folder_plan
        from patchkit.subjects.dataset.coco_layout import coco_files

        if files := coco_files(request.data):
            return lambda rules: coco_folder_plan(request, rules, files)
    if kind in (None, FOLDER):
        from patchkit.subjects.dataset.class_folders import find_class_folders

        if folders := find_class_folders(folder):
            return lambda rules: _folders(request, rules, folders)
    return None


def _yolo_list(request: Request, rules: Rules) -> Plan:
    from patchkit.subjects.dataset.yolo import YoloSet
    from patchkit.subjects.dataset.yolo_rows import Columns

    place = str(request.data)
    found = YoloSet(place, {"train": (place,)}, {"train": Span(place)}, {}, (), Columns())
    return _yolo(request, rules, found)


def _yolo(request: Request, rules: Rules, found: "YoloSet") -> Plan:
    from patchkit.check_data.yolo import look, parts
    from patchkit.subjects.dataset.yolo_files import list_files

    count: ClassCount | None = found.counts[0] if found.counts else None
    part = part_of(request, rules, count.count if count else None, f"{count.source}: {count.count}" if count else "")
    plan = Plan(found.path, YOLO, part, [], look, {}, found.names, list(found.counts), list(found.absent))
    plan.missing, plan.odd_keys, plan.odd_counts = found.missing, found.odd_keys, found.odd_counts
    plan.repeated_keys, plan.odd_points = found.repeated_keys, found.odd_points
    of_rows = part
    if any(not variant for _, _, variant in found.odd_points):
        of_rows = replace(part, rules=())  # what columns a row should have is not known: none is called bad, or moved
        plan.skipped.append(Skipped("kpt_shape cannot be followed: mend it, and the rows are checked", "column-count"))
    seen: dict[tuple[str, ...], str] = {}
    for split, sources in found.sources.items():
        span = found.spans[split]
        places = tuple(map(os.path.realpath, sources))
        if places in seen:
            plan.splits[split] = split_of(split, span, same_as=seen[places])
            continue
        seen[places] = split
        files = list_files(sources, is_train=split == "train")
        plan.unreadable += files.unreadable
        plan.splits[split] = split_of(
            split,
            span,
            without_label=tuple(files.without_label),
            without_image=tuple(files.without_image),
            twins=tuple(files.twins),
            repeated=tuple(files.repeated),
            partial=files.partial,
        )
        plan.splits[split].tally.images = len(files.without_label) + len(files.unknown)
        plan.files[split] = files.all_images
        plan.labels[split] = files.labels
        plan.parts += parts(split, files.labels, files.images, found.columns, of_rows)
    if not any(plan.files.values()) and not plan.unreadable:
        raise TargetRefused(f"{found.path}: there are no images in it", "see what its train and val name")
    return plan


def _folders(request: Request, rules: Rules, found: "ClassFolders") -> Plan:
    from patchkit.check_data.annotations import look_at_named
    from patchkit.check_data.looked import Looked

    part = part_of(request, rules)
    plan = Plan(found.path, FOLDER, part, [], look_at_named, {}, unreadable=list(found.unreadable))
    for split in found.splits:
        plan.splits[split.name] = split_of(split.name, Span(split.path))
        plan.files[split.name] = [image for folder in split.classes for image in folder.images]
        looked = Looked(split.name, 0)
        looked.tally.images = looked.tally.objects = len(plan.files[split.name])
        looked.tally.classes.update({folder.name: len(folder.images) for folder in split.classes if folder.images})
        plan.add(looked)
        plan.names = {**plan.names, **{folder.name: folder.name for folder in split.classes}}
    plan.counts = [
        ClassCount(len(split.classes), f"folders of {split.name}", Span(split.path)) for split in found.splits
    ]
    plan.shifted = tuple((shift.folder.path, _shift(shift)) for shift in found.shifts)
    return plan


def _shift(shift: "Shift") -> str:
    there = f"{shift.first_index} in {shift.first}" if shift.first_index is not None else f"not in {shift.first}"
    other = f", where {shift.index} is {shift.first_name}" if shift.first_name else ""
    return f"class {shift.folder.name} is {shift.index} in {shift.split}, and {there}{other}"


def _by_pattern(request: Request, rules: Rules) -> Plan:
    from patchkit.check_data.annotations import NamedPart, look_at_named
    from patchkit.subjects.dataset.class_folders import labels_by_pattern

    found = labels_by_pattern(str(request.data), str(request.pattern))
    if not found.labels:
        raise TargetRefused(f"{request.data}: there are no images in it", "name the folder of the images")
    part = part_of(request, rules)
    plan = Plan(found.path, FOLDER, part, [], look_at_named, {}, unreadable=list(found.unreadable))
    for labels in found.labels:
        split = split_name(labels.path.rpartition("/")[2], plan.splits)
        plan.splits[split] = split_of(split, Span(labels.path))
        plan.files[split] = [row.image for row in labels.rows]
        plan.parts.append(NamedPart(split, labels, part))
    return plan
