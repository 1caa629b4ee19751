"""The plan of each format."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from patchkit.check_data.plan import Plan, split_of
from patchkit.check_data.request import Part, Request
from patchkit.errors import SourceUnreadable, TargetRefused
from patchkit.findings import Skipped, Span
from patchkit.subjects.dataset.dataset import ClassCount, Split, Unreadable
from patchkit.subjects.dataset.labels import COCO, FOLDER, VOC, YOLO

if TYPE_CHECKING:
    from patchkit.subjects.dataset.class_folders import ClassFolders, Shift
    from patchkit.subjects.dataset.paddle_dataset import VocSplit
    from patchkit.subjects.dataset.tally import Label
    from patchkit.subjects.dataset.yolo import YoloSet

Rules = tuple[str, ...] | None
Make = Callable[[Rules], Plan]
YAML, JSON, XML, LIST = (".yaml", ".yml"), ".json", ".xml", ".txt"


def find(request: Request, *, is_folder: bool) -> Make | None:
    """What makes the plan; None if no format fits."""
    data, kind = request.data, request.kind
    if request.pattern is not None:
        if not is_folder:
            raise TargetRefused(f"--pattern: {data} is no folder", "name the folder of the images")
        return lambda rules: _by_pattern(request, rules)
    suffix = data.suffix.lower()
    if not is_folder and suffix == JSON and kind in (None, COCO):
        return lambda rules: _coco(request, rules, [data])
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
        return lambda rules: _paddle(request, rules)
    return None


def _of_folder(request: Request) -> Make | None:
    kind, folder = request.kind, str(request.data)
    if kind in (None, YOLO):
        from patchkit.subjects.dataset.yolo import find_yolo

        if yolo := find_yolo(request.data):
            return lambda rules: _yolo(request, rules, yolo)
    if kind in (None, VOC):
        from patchkit.subjects.dataset.paddle_dataset import find_voc

        if voc := find_voc(folder):
            return lambda rules: _voc(request, rules, voc.splits, voc.label_list, list(voc.unreadable))
    if kind in (None, COCO):
        from patchkit.subjects.dataset.coco_layout import coco_files

        if files := coco_files(request.data):
            return lambda rules: _coco_folder(request, rules, files)
    if kind in (None, FOLDER):
        from patchkit.subjects.dataset.class_folders import find_class_folders

        if folders := find_class_folders(folder):
            return lambda rules: _folders(request, rules, folders)
    return None


def _part(
    request: Request,
    rules: Rules,
    nc: int | None = None,
    source: str = "",
    labels: "frozenset[Label] | None" = None,
) -> Part:
    if request.nc is not None:
        nc, source = request.nc, f"--nc {request.nc}"
    return Part(rules, nc, source, labels, request.least, request.detailed)


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
    part = _part(request, rules, count.count if count else None, f"{count.source}: {count.count}" if count else "")
    plan = Plan(found.path, YOLO, part, [], look, {}, found.names, list(found.counts), list(found.absent))
    plan.missing, plan.odd_keys, plan.odd_counts = found.missing, found.odd_keys, found.odd_counts
    plan.repeated_keys, plan.odd_points = found.repeated_keys, found.odd_points
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
            partial=files.partial,
        )
        plan.splits[split].tally.images = len(files.without_label) + len(files.unknown)
        plan.files[split] = files.all_images
        plan.labels[split] = files.labels
        plan.parts += parts(split, files.labels, files.images, found.columns, part)
    if not any(plan.files.values()) and not plan.unreadable:
        raise TargetRefused(f"{found.path}: there are no images in it", "see what its train and val name")
    return plan


def _coco(request: Request, rules: Rules, files: Sequence[Path]) -> Plan:
    from patchkit.check_data.annotations import CocoPart, look_at_coco
    from patchkit.subjects.dataset.coco_layout import image_folder, split_words

    part = _part(request, rules)
    plan = Plan(str(request.data), COCO, part, [], look_at_coco, {})
    for file in files:
        names = [*(_split_name(word, plan.splits) for word in split_words(file)), str(file)]
        split = next(name for name in names if name not in plan.splits)
        plan.splits[split] = split_of(split, Span(str(file)))
        plan.parts.append(CocoPart(split, str(file), image_folder(file), part))
    return plan


def _coco_folder(request: Request, rules: Rules, files: Sequence[Path]) -> Plan:
    """The files of a folder that have boxes; captions stand beside them in COCO's own."""
    from patchkit.subjects.dataset.coco import has_boxes
    from patchkit.subjects.dataset.coco_layout import should_have_boxes

    with_boxes: list[Path] = []
    others: list[Path] = []
    for file in files:
        try:
            (with_boxes if has_boxes(str(file)) or should_have_boxes(file) else others).append(file)
        except OSError:
            with_boxes.append(file)  # what is wrong with it is told when it is read
    plan = _coco(request, rules, with_boxes or files)
    if with_boxes:
        plan.skipped += [
            Skipped(f"{file} has no boxes: it was not checked", "annotation-unreadable") for file in others
        ]
    return plan


def _split_name(stem: str, taken: dict[str, Split]) -> str:
    name = next((name for name in ("train", "val", "test") if name in stem.lower()), stem)
    return stem if name in taken else name


def _paddle(request: Request, rules: Rules) -> Plan:
    from patchkit.check_data.annotations import CocoPart, look_at_coco
    from patchkit.subjects.dataset.paddle_dataset import read_voc_list
    from patchkit.subjects.dataset.paddle_sources import paddle_sources

    sources = paddle_sources(request.data)
    if not sources:
        hint = "name one with TrainDataset, EvalDataset or TestDataset, or a data.yaml with train and names"
        raise SourceUnreadable(f"{request.data}: it describes no data set", hint)
    read = [source for source in sources if not source.reason]
    if not read:
        place, reason = sources[0].place, sources[0].reason
        raise SourceUnreadable(f"{place.path}:{place.line}: {reason}", "name a data set of COCO or VOC")
    passed_over = [one for one in sources if one.is_passed_over]
    unread = [
        Unreadable(one.place.path, one.reason, one.place.line)
        for one in sources
        if one.reason and not one.is_passed_over
    ]
    formats = {source.format for source in read}
    if VOC in formats:
        splits = [read_voc_list(one.annotations, one.images, one.split) for one in read if one.format == VOC]
        labels = next((one.label_list for one in read if one.label_list), None)
        unread += [
            Unreadable(one.label_list_span.path, f"there is no file {one.label_list}", one.label_list_span.line)
            for one in read
            if one.label_list and not os.path.isfile(one.label_list)
        ]
        plan = _voc(request, rules, splits, labels, unread)
    else:
        part = _part(request, rules)
        plan = Plan(str(request.data), COCO, part, [], look_at_coco, {}, unreadable=unread)
        for one in read:
            if one.annotations in {file.path for file in plan.parts}:
                same = next(file.split for file in plan.parts if file.path == one.annotations)
                plan.splits[one.split] = split_of(one.split, one.span, same_as=same)
                continue
            name = one.split if one.split not in plan.splits else f"{one.split} {one.span.line}"
            plan.splits[name] = split_of(name, one.span)
            plan.parts.append(CocoPart(name, one.annotations, one.images, part))
    plan.skipped += [
        Skipped(
            f"{one.place.path}:{one.place.line}: the {one.split} data set was not checked: {one.reason}",
            "annotation-unreadable",
        )
        for one in passed_over
    ]
    for one in read[:1]:
        if one.num_classes is not None:
            plan.counts.insert(0, ClassCount(one.num_classes, "num_classes", one.classes_span, is_of_model=True))
    return plan


def _voc(
    request: Request,
    rules: Rules,
    splits: "Sequence[VocSplit]",
    label_list: str | None,
    unreadable: list[Unreadable],
) -> Plan:
    from patchkit.check_data.annotations import look_at_voc, voc_parts

    names = _lines(label_list) if label_list else None
    source = f"names of {label_list}" if label_list else ""
    part = _part(request, rules, source=source, labels=frozenset(names) if names else None)
    plan = Plan(str(request.data), VOC, part, [], look_at_voc, {}, unreadable=list(unreadable))
    plan.names = {name: name for name in names or ()}
    if names and label_list:
        plan.counts.append(ClassCount(len(names), f"names of {label_list}", Span(label_list)))
    for split in splits:
        if split.union_of:
            continue
        plan.unreadable += split.unreadable
        plan.splits[split.name] = split_of(
            split.name,
            split.span,
            without_label=split.without_label,
            without_image=split.without_image,
            twins=split.twins,
        )
        plan.splits[split.name].tally.images = len(split.without_label)
        plan.files[split.name] = [file.image for file in split.files]
        labels = [file.xml for file in split.files]
        plan.parts += voc_parts(split.name, labels, plan.files[split.name], part)
    return plan


def _lines(path: str) -> list[str]:
    try:
        text = Path(path).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return []
    return [line.strip() for line in text.splitlines() if line.strip()]


def _folders(request: Request, rules: Rules, found: "ClassFolders") -> Plan:
    from patchkit.check_data.annotations import look_at_named
    from patchkit.check_data.looked import Looked

    part = _part(request, rules)
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
    part = _part(request, rules)
    plan = Plan(found.path, FOLDER, part, [], look_at_named, {}, unreadable=list(found.unreadable))
    for labels in found.labels:
        split = _split_name(labels.path.rpartition("/")[2], plan.splits)
        plan.splits[split] = split_of(split, Span(labels.path))
        plan.files[split] = [row.image for row in labels.rows]
        plan.parts.append(NamedPart(split, labels, part))
    return plan
