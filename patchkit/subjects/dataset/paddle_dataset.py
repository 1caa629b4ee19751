"""Where the labels of VOC are: the lists of PaddleDetection, and the folders of VOC. For its ymls: paddle_sources.

Source   PaddleDetection@666f597f ppdet/data/source/{dataset,coco,voc}.py.
"""

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from patchkit.findings import Span
from patchkit.subjects.dataset.class_folders import files_below, is_image
from patchkit.subjects.dataset.dataset import Unreadable
from patchkit.subjects.dataset.voc import ROOT

LISTS = ("train", "val", "test", "trainval")  # in ImageSets/Main
HEAD = 4096  # bytes that tell what an xml file is
SNIFFED = 50  # files that are opened to tell


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
