"""The plans of data sets with annotation files: COCO, VOC, and the ymls of PaddleDetection that name either."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from patchkit.check_data.plan import Plan, Rules, part_of, split_name, split_of
from patchkit.check_data.request import Request
from patchkit.errors import SourceUnreadable
from patchkit.findings import Skipped, Span
from patchkit.subjects.dataset.dataset import ClassCount, Unreadable
from patchkit.subjects.dataset.labels import COCO, VOC

if TYPE_CHECKING:
    from patchkit.subjects.dataset.paddle_dataset import VocSplit


def coco_plan(request: Request, rules: Rules, files: Sequence[Path]) -> Plan:
    from patchkit.check_data.annotations import CocoPart, look_at_coco
    from patchkit.subjects.dataset.coco_layout import image_folder, split_words

    part = part_of(request, rules)
    plan = Plan(str(request.data), COCO, part, [], look_at_coco, {})
    for file in files:
        names = [*(split_name(word, plan.splits) for word in split_words(file)), str(file)]
        split = next(name for name in names if name not in plan.splits)
        plan.splits[split] = split_of(split, Span(str(file)))
        plan.parts.append(CocoPart(split, str(file), image_folder(file), part))
    return plan


def coco_folder_plan(request: Request, rules: Rules, files: Sequence[Path]) -> Plan:
    """The files of a folder that have boxes; captions stand beside them in COCO's own."""
    from patchkit.subjects.dataset.coco_layout import beside_instances, has_boxes, should_have_boxes

    with_boxes: list[Path] = []
    others: list[Path] = []
    for file in files:
        try:
            (with_boxes if has_boxes(str(file)) or should_have_boxes(file) else others).append(file)
        except OSError:
            with_boxes.append(file)  # what is wrong with it is told when it is read
    passed_over = [(file, f"{file} has no boxes") for file in others]
    for file in list(with_boxes):
        reason = beside_instances(file, with_boxes)
        if reason:
            with_boxes.remove(file)
            passed_over.append((file, reason))
    plan = coco_plan(request, rules, with_boxes or files)
    if with_boxes:
        plan.skipped += [
            Skipped(f"{reason}: it was not checked", "annotation-unreadable") for _, reason in sorted(passed_over)
        ]
    return plan


def paddle_plan(request: Request, rules: Rules) -> Plan:
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
        plan = voc_plan(request, rules, splits, labels, unread)
    else:
        part = part_of(request, rules)
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


def voc_plan(
    request: Request,
    rules: Rules,
    splits: "Sequence[VocSplit]",
    label_list: str | None,
    unreadable: list[Unreadable],
) -> Plan:
    from patchkit.check_data.annotations import look_at_voc, voc_parts

    names = _lines(label_list) if label_list else None
    source = f"names of {label_list}" if label_list else ""
    part = part_of(request, rules, source=source, labels=frozenset(names) if names else None)
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
