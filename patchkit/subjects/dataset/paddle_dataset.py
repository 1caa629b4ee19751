"""Where the labels of a data set of PaddleDetection are: what its yml names, its lists, and the folders of VOC.

Source   PaddleDetection@666f597f ppdet/data/source/{dataset,coco,voc}.py.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from patchkit.findings import Span
from patchkit.subjects.dataset.class_folders import files_below, is_image
from patchkit.subjects.dataset.dataset import Unreadable
from patchkit.subjects.dataset.labels import COCO, VOC
from patchkit.subjects.dataset.voc import ROOT
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
LISTS = ("train", "val", "test", "trainval")  # in ImageSets/Main
HEAD = 4096  # bytes that tell what an xml file is
NOWHERE = Span("")
SNIFFED = 50  # files that are opened to tell


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


@dataclass(frozen=True)
class VocFile:
    """An xml file and its image."""

    xml: str
    image: str


@dataclass(frozen=True)
class VocSplit:
    """The files of one list, or of a folder without lists."""

    name: str  # train, val, test, trainval; "all" where there are no lists
    span: Span  # the list, or the folder
    files: tuple[VocFile, ...]
    without_label: tuple[str, ...] = ()  # images
    without_image: tuple[str, ...] = ()  # xml files
    twins: tuple[tuple[str, str], ...] = ()  # images of one name
    unreadable: tuple[Unreadable, ...] = ()  # the list, or lines of it
    union_of: tuple[str, ...] = ()  # splits that have each of its files: trainval is train and val


@dataclass(frozen=True)
class VocLayout:
    """A folder that is a data set of VOC."""

    path: str
    annotations: str  # folder
    images: str  # folder
    splits: tuple[VocSplit, ...]
    unlisted: tuple[str, ...] = ()  # xml files that no list names, where there are lists
    label_list: str | None = None  # file with a class name in each line
    unreadable: tuple[Unreadable, ...] = ()


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
    return ("", "") if _is_file(annotations) else (f"there is no file {annotations}", "anno_path")


def read_voc_list(path: str, folder: str, name: str = "") -> VocSplit:
    """The files that a list of PaddleDetection names in lines `image xml`, relative to a folder."""
    lines, unreadable = _lines(path)
    files: dict[VocFile, None] = {}
    images: dict[str, None] = {}
    labels: dict[str, None] = {}
    for number, line in lines:
        words = line.split()[:2]
        if len(words) < 2:
            unreadable.append(Unreadable(path, f"{line[:80]!r} is not an image and an xml file", number))
            continue
        image, xml = (str(Path(folder, word)) for word in words)
        has_image, has_xml = _is_file(image), _is_file(xml)
        if has_image and has_xml:
            files[VocFile(xml, image)] = None
        elif has_image:
            images[image] = None
        elif has_xml:
            labels[xml] = None
        else:
            unreadable.append(Unreadable(path, f"neither {words[0][:80]!r} nor {words[1][:80]!r} is a file", number))
    return VocSplit(
        name or Path(path).stem, Span(path), tuple(files), tuple(images), tuple(labels), unreadable=tuple(unreadable)
    )


def find_voc(folder: str) -> VocLayout | None:
    """The files of a data set of VOC; None if the folder is none.

    Its xml files are in Annotations, or in the folder itself; its images in JPEGImages, or beside the xml files. What
    stands in the xml files decides, or the lists of ImageSets/Main where there is no xml file.
    """
    named = _folder(folder, "Annotations", "annotations")
    annotations = named or folder
    below = files_below(annotations) if named else files_below(annotations, is_deep=False)
    xmls = [path for path in below.paths if path.lower().endswith(".xml")]
    lists = [(name, path) for name in LISTS if _is_file(path := str(Path(folder, "ImageSets", "Main", f"{name}.txt")))]
    if not _is_voc(xmls) and not (named and lists and not xmls):
        return None
    beside = str(Path(folder).parent) if Path(folder).name.lower() == "annotations" else folder
    images = _folder(beside, "JPEGImages", "images") or annotations
    others = files_below(images) if images != annotations else below
    pairs = _Pairs(_by_stem(xmls, annotations), _by_stem([path for path in others.paths if is_image(path)], images))
    splits = [_listed(name, path, pairs) for name, path in lists]
    unlisted: tuple[str, ...] = ()
    if lists:
        known = {file.xml for split in splits for file in split.files}.union(*(split.without_image for split in splits))
        unlisted = tuple(path for path in xmls if path not in known)
        splits = [_joined(split, splits) for split in splits]
    else:
        splits = [_split("all", Span(annotations), sorted({*pairs.xmls, *pairs.images}), pairs, [])]
    unreadable = below.unreadable + (others.unreadable if others is not below else ())
    labels = next((path for place in (folder, beside) if _is_file(path := str(Path(place, "label_list.txt")))), None)
    return VocLayout(folder, annotations, images, tuple(splits), unlisted, labels, unreadable)


@dataclass(frozen=True)
class _Pairs:
    xmls: dict[str, list[str]]  # by the name without suffix
    images: dict[str, list[str]]


def _by_stem(paths: list[str], folder: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    skipped = len(folder.rstrip(os.sep)) + 1
    for path in paths:
        found.setdefault(path[skipped:].rpartition(".")[0], []).append(path)
    return found


def _listed(name: str, path: str, pairs: _Pairs) -> VocSplit:
    lines, unreadable = _lines(path)
    stems: dict[str, None] = {}
    for number, line in lines:
        # The lists of one class have a second column: ` 1` or `-1`.
        stem = next((each for each in (line, line.split()[0]) if each in pairs.xmls or each in pairs.images), None)
        if stem is None:
            unreadable.append(Unreadable(path, f"{line[:80]!r} has neither an xml file nor an image", number))
        else:
            stems[stem] = None
    return _split(name, Span(path), list(stems), pairs, unreadable)


def _split(name: str, span: Span, stems: list[str], pairs: _Pairs, unreadable: list[Unreadable]) -> VocSplit:
    files, images, labels, twins = [], [], [], []
    for stem in stems:
        pictures = sorted(pairs.images.get(stem, []), key=lambda path: (not path.endswith(".jpg"), path))
        twins += [(pictures[0], other) for other in pictures[1:]]
        xmls = pairs.xmls.get(stem, [])
        if not pictures:
            labels += xmls
        elif not xmls:
            images += pictures
        else:
            files += [VocFile(xml, pictures[0]) for xml in xmls]
    return VocSplit(name, span, tuple(files), tuple(images), tuple(labels), tuple(twins), tuple(unreadable))


def _joined(split: VocSplit, splits: list[VocSplit]) -> VocSplit:
    if split.name != "trainval":
        return split
    parts = [other for other in splits if other.name in ("train", "val")]
    files = {file for part in parts for file in part.files}
    union = tuple(part.name for part in parts) if set(split.files) <= files else ()
    return replace(split, union_of=union)


def _is_voc(xmls: list[str]) -> bool:
    """True if one of the first files is an annotation of VOC."""
    for path in xmls[:SNIFFED]:
        try:
            with Path(path).open("rb") as file:
                head = file.read(HEAD).replace(b"\0", b"")
        except OSError:
            continue
        root = re.search(rb"<([A-Za-z_][\w.:-]*)", re.sub(rb"<!--.*?-->", b"", head, flags=re.DOTALL))
        if root is not None and root[1] == ROOT.encode():
            return True
    return False


def _folder(folder: str, *names: str) -> str | None:
    return next((path for name in names if os.path.isdir(path := str(Path(folder, name)))), None)


def _is_file(path: str) -> bool:
    return os.path.isfile(path)  # as Path.is_file, but no name makes it raise


def _lines(path: str) -> tuple[list[tuple[int, str]], list[Unreadable]]:
    """The lines of a list that are not empty, with their numbers. Bytes that are no UTF-8 are kept."""
    try:
        text = os.fsdecode(Path(path).read_bytes())
    except OSError as error:
        return [], [Unreadable(path, error.strerror or str(error))]
    lines = enumerate(text.replace("\r\n", "\n").split("\n"), 1)
    return [(number, line.strip()) for number, line in lines if line.strip()], []
