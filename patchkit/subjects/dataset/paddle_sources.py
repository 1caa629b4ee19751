"""What the yml of a data set of PaddleDetection names, with what it inherits.

Source   PaddleDetection@666f597f ppdet/data/source/{dataset,coco,voc}.py.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from patchkit.findings import Span
from patchkit.subjects.dataset.labels import COCO, VOC
from patchkit.subjects.paddle.config import load_paddle
from patchkit.subjects.yaml_file import Node, read_yaml

SECTIONS = (("train", "TrainDataset"), ("val", "EvalDataset"), ("test", "TestDataset"))
FORMAT_OF = {
    "COCODataSet": COCO,
    "COCODetDataset": COCO,
    "COCOInstSegDataset": COCO,
    "SemiCOCODataSet": COCO,
    "SlicedCOCODataSet": COCO,
    "SniperCOCODataSet": COCO,
    "VOCDataSet": VOC,
}
INFERENCE = "ImageFolder"
NOWHERE = Span("")


@dataclass(frozen=True)
class PaddleSource:
    """One data set that a section of a yml names."""

    split: str  # train, val, test
    format: str  # COCO or VOC; empty where it is neither
    annotations: str  # path of a json, or of a list with lines `image xml`
    images: str  # folder that file names, or the lines of a list, are relative to
    num_classes: int | None  # of the configuration; None where no file sets it
    span: Span  # of the section
    label_list: str | None = None  # file with a class name in each line
    reason: str = ""  # why it is not read
    place: Span = NOWHERE  # of what the reason is about, in the file where it stands
    is_passed_over: bool = False  # nothing is wrong with it: training reads no labels of it, or nobody here reads it
    label_list_span: Span = NOWHERE
    classes_span: Span = NOWHERE  # of num_classes


def paddle_sources(path: Path) -> tuple[PaddleSource, ...]:
    """The data sets of a yml and of what it inherits, in the order train, val, test.

    Raises   SourceUnreadable if the yml or one of its bases cannot be read.
    """
    config = load_paddle(read_yaml(path))
    number = config.node("num_classes")
    value = number.value if number is not None else None
    classes = value if isinstance(value, int) and not isinstance(value, bool) else None
    found = []
    for split, section in SECTIONS:
        entry = config.effective.get(section)
        if entry is None:
            continue
        is_list = isinstance(entry.node.value, list) and not entry.node.tag
        for node in entry.node.value if is_list else [entry.node]:
            span = node.span if is_list else entry.span
            found += [_source(split, node, values, classes, span, config.tree) for values in _each(node)]
    place = number.span if number is not None else NOWHERE
    return tuple(replace(source, classes_span=place) for source in found)


def _each(node: Node) -> Iterator[dict[str, Any]]:
    """The values of a data set, once for each path where `anno_path` is a list; `image_dir` may be one as long."""
    values = node.data if isinstance(node.value, dict) else {}
    annotations, images = values.get("anno_path"), values.get("image_dir")
    if not isinstance(annotations, list):
        yield values
        return
    folders = images if isinstance(images, list) and len(images) == len(annotations) else [images] * len(annotations)
    for annotation, folder in zip(annotations, folders, strict=True):
        yield {**values, "anno_path": annotation, "image_dir": folder}


def _source(
    split: str, node: Node, values: dict[str, Any], classes: int | None, span: Span, tree: Path
) -> PaddleSource:
    name = node.tag.removeprefix("!") or str(values.get("name") or "")
    format_ = FORMAT_OF.get(name, "")
    texts = {key: values.get(key) or "" for key in ("dataset_dir", "image_dir", "anno_path", "label_list")}
    odd = next((key for key, text in texts.items() if not isinstance(text, str)), None)
    if odd is not None:
        reason = f"{odd} is {str(texts[odd])[:80]}, which is no path"
        place, is_test = _place(node, odd, span), split == "test"
        return PaddleSource(split, format_, "", "", classes, span, reason=reason, place=place, is_passed_over=is_test)
    root = tree / texts["dataset_dir"]
    annotations = str(root / texts["anno_path"]) if texts["anno_path"] else ""
    labels = str(root / texts["label_list"]) if texts["label_list"] else None
    if name == INFERENCE and annotations.endswith(".txt"):
        labels = annotations
    images = str(root / texts["image_dir"])
    reason, key = _why_not(name, format_, annotations)
    # A class that has no format here is one of PaddleDetection's others. Only tools/infer.py reads TestDataset.
    is_passed_over = bool(reason) and ((bool(name) and not format_) or split == "test")
    place = _place(node, key, span)
    names = _place(node, "label_list", span)
    return PaddleSource(
        split, format_, annotations, images, classes, span, labels, reason, place, is_passed_over, names
    )


def _place(node: Node, key: str, span: Span) -> Span:
    """Where the value of a key of a section stands; of the section itself where it does not have the key."""
    entry = node.value.get(key) if isinstance(node.value, dict) else None
    return entry.node.span if entry is not None else span


def _why_not(name: str, format_: str, annotations: str) -> tuple[str, str]:
    """Why a data set is not read, if it is not, and the key that the reason is about."""
    if not name:
        return "it has neither a tag nor a name that says what it is", "name"
    if name == INFERENCE:
        return "an ImageFolder has no labels: its anno_path only names the classes", "anno_path"
    if not format_:
        return f"{name[:80]} is neither COCO nor VOC", "name"
    if not annotations:
        return "it has no anno_path", "anno_path"
    return ("", "") if os.path.isfile(annotations) else (f"there is no file {annotations}", "anno_path")
