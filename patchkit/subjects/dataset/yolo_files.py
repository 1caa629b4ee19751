"""The images of a split of YOLO and the label files beside them."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from patchkit.subjects.dataset.dataset import Repeated, Unreadable
from patchkit.subjects.dataset.walk import FOLDER, LOOP, Folder, walk
from patchkit.subjects.image_suffixes import SUFFIXES

NOT_LABELS = ("classes.txt",)  # what labelImg writes beside them
IMAGES, LABELS = "/images/", "/labels/"
NPY = ".npy"  # of images, made by the trainer
IMAGE, LABEL_FOLDER, NO_LABELS = "image", "labels", "no-labels"  # variants of what cannot be read


@dataclass
class YoloFiles:
    """The files of one split. Labels and images are paths."""

    labels: list[str] = field(default_factory=list)  # with an image
    images: list[str] = field(default_factory=list)  # of these labels
    without_label: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)  # images whose labels are in a folder that cannot be read
    without_image: list[str] = field(default_factory=list)
    twins: list[tuple[str, str]] = field(default_factory=list)
    repeated: list[Repeated] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    partial: str = ""  # a folder or list that cannot be read, so that there is more than is known

    @property
    def all_images(self) -> list[str]:
        return self.images + self.without_label + self.unknown


@dataclass
class _Counted:
    """What a split has already: its sources may name one folder or image more than once."""

    folders: set[tuple[str, str]] = field(default_factory=set)  # of images, and of their labels
    images: dict[tuple[str, str], set[str]] = field(default_factory=dict)  # of lists: names by these folders
    real: Callable[[str], str] = field(default_factory=lambda: cache(os.path.realpath))

    def names(self, folder: str, labels: str) -> set[str] | None:
        """The images that lists have named in a folder, to be added to; None if the folder was listed as a whole."""
        real = self.real(folder), self.real(labels)
        return None if real in self.folders else self.images.setdefault(real, set())


class _Listed(NamedTuple):
    """An image of a list."""

    path: str
    source: str  # the list, and the line in it
    line: int
    reason: str  # what is to be said if it is not there
    is_bare: bool  # as it is written, from the working directory


def list_files(sources: Sequence[str], *, is_train: bool = False) -> YoloFiles:
    """The images of a split with their labels, folder by folder, then those of lists."""
    files, counted = YoloFiles(), _Counted()
    lists = []
    for source, times in Counter(sources).items():
        if os.path.isdir(source):
            _list_folder(source, files, counted, is_only=len(sources) == 1)
            for _ in range(times - 1):
                files.repeated += chain.from_iterable(map(_repeated, walk(source, [])))
        elif source.lower().endswith(SUFFIXES):
            lists += times * [[_Listed(source, source, 1, "No such file or directory", False)]]
        else:
            lists += times * [_listed(source, files)]
    for images in lists:
        _list_images(images, files, counted)
    if is_train and not files.labels:
        files.unreadable = [
            replace(one, variant=NO_LABELS) if one.variant == LABEL_FOLDER else one for one in files.unreadable
        ]
    return files


def label_folder(folder: str) -> str:
    """Where the labels of the images in a folder lie."""
    before, found, after = f"/{folder}/".rpartition(IMAGES)
    return (before + LABELS + after)[1:].rstrip("/") if found else folder


def _folder_of_bare(folder: str) -> str:
    """The same for a path that is no more than what a list has: there the name must have a slash on both sides."""
    return label_folder(folder) if IMAGES in f"{folder}/" else folder


def _list_folder(root: str, files: YoloFiles, counted: _Counted, *, is_only: bool) -> None:
    failed: list[Unreadable] = []
    found = list(walk(root, failed))
    for one in failed:
        files.unreadable.append(replace(one, variant="") if one.path == root and is_only else one)
        if one.variant == FOLDER:
            files.partial = files.partial or one.path
    lost = [label_folder(one.path) for one in failed]
    beside = label_folder(root)
    shut: list[str] = []
    labels = {folder.path: folder.names for folder in found} if beside == root else _labels_of(beside, files, shut)
    known = set()
    may_repeat = not is_only or any(folder.is_linked for folder in found)
    for folder in sorted(found, key=lambda folder: folder.is_linked):
        place = label_folder(folder.path)
        known.add(place)
        if may_repeat:
            real = counted.real(folder.path), counted.real(place)
            if real in counted.folders:
                files.repeated += _repeated(folder)
                continue
            counted.folders.add(real)
        _pair(folder, place, None if _is_below(place, shut) else _texts(labels.get(place, ())), files)
    for path in sorted(set(labels) - known):
        if not _is_below(path, lost):
            files.without_image += [f"{path}/{stem}.txt" for stem in sorted(_texts(labels[path]))]


def _repeated(folder: Folder) -> list[Repeated]:
    """The images of a folder that was named before, or leads to one that was."""
    images = sorted(name for name in folder.names if _is_image_suffix(name.rpartition(".")[2]))
    return [Repeated(folder.path, 1, f"{folder.path}/{images[0]}", len(images))] if images else []


def _labels_of(folder: str, files: YoloFiles, shut: list[str]) -> dict[str, list[str]]:
    """The names in a folder of labels and all below it. Folders that cannot be listed are put into `shut`."""
    failed: list[Unreadable] = []
    labels = {}
    if reason := _why_shut(folder):
        failed.append(Unreadable(folder, reason))
    elif os.path.isdir(folder):
        labels = {one.path: one.names for one in walk(folder, failed)}
    for one in failed:
        if one.variant == LOOP or (os.path.islink(one.path) and not os.path.exists(one.path)):
            continue  # label files are looked up by the paths of images: they are missing there
        shut.append(one.path)
        if _why_shut(one.path):  # else they can be opened
            _tell_shut(one.path, one.reason, files)
    return labels


def _tell_shut(folder: str, reason: str, files: YoloFiles) -> None:
    files.unreadable.append(Unreadable(folder, reason, variant=LABEL_FOLDER))
    files.partial = files.partial or folder


def _why_shut(folder: str) -> str:
    """Why no file of a folder can be looked up; empty if they can, or if there is no folder."""
    try:
        os.stat(f"{folder}/.")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(f"{path}/".startswith(f"{folder}/") for folder in folders)


def _texts(names: Iterable[str]) -> set[str]:
    """The stems of label files."""
    return {name[:-4] for name in names if name.endswith(".txt") and name not in NOT_LABELS}


def _pair(folder: Folder, place: str, texts: set[str] | None, files: YoloFiles) -> None:
    """Put the images of a folder beside the label files that belong to them. None: these could not be listed."""
    parts = [name.rpartition(".") for name in folder.names]
    images = [(stem, f"{stem}.{suffix}") for stem, dot, suffix in parts if dot and _is_image_suffix(suffix)]
    if place == folder.path and not images and texts is not None:  # texts in a folder without images are no labels
        return
    owners: Iterable[str] = ()
    if folder.dead:
        owners = {stem for stem, _ in images}
        images = _alive(folder, images, files)
    firsts = dict(reversed(images))  # the first image of each stem
    if len(firsts) < len(images):
        files.twins += [
            (f"{folder.path}/{firsts[stem]}", f"{folder.path}/{name}") for stem, name in images if firsts[stem] != name
        ]
        images = [(stem, name) for stem, name in images if firsts[stem] == name]
    if texts is None:
        texts = {stem for stem in firsts if os.path.isfile(f"{place}/{stem}.txt")}
        if _why_shut(place):
            files.unknown += [f"{folder.path}/{name}" for stem, name in images if stem not in texts]
            images = [(stem, name) for stem, name in images if stem in texts]
    files.labels += [f"{place}/{stem}.txt" for stem, _ in images if stem in texts]
    files.images += [f"{folder.path}/{name}" for stem, name in images if stem in texts]
    files.without_label += [f"{folder.path}/{name}" for stem, name in images if stem not in texts]
    files.without_image += [f"{place}/{stem}.txt" for stem in sorted(texts.difference(firsts).difference(owners))]


def _alive(folder: Folder, images: list[tuple[str, str]], files: YoloFiles) -> list[tuple[str, str]]:
    """The images without those of links that lead nowhere, which are told."""
    files.unreadable += [
        Unreadable(f"{folder.path}/{name}", folder.dead[name], variant=IMAGE)
        for _, name in images
        if name in folder.dead
    ]
    return [(stem, name) for stem, name in images if name not in folder.dead]


@cache
def _is_image_suffix(suffix: str) -> bool:
    return f".{suffix.lower()}" in SUFFIXES


def _listed(path: str, files: YoloFiles) -> list[_Listed]:
    """The images that a list file names. `./` stands for the folder of the list."""
    folder = os.path.dirname(path)
    try:
        text = Path(path).read_text(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as error:
        files.unreadable.append(Unreadable(path, error.strerror or str(error)))
        files.partial = files.partial or path
        return []
    listed: list[_Listed] = []
    for number, line in enumerate(text.splitlines(), 1):
        if name := line.strip():
            is_bare = not name.startswith("./")
            image = name if is_bare else os.path.join(folder, name[2:])
            listed.append(_Listed(image, path, number, f"{name} is not there", is_bare))
    return listed


def _list_images(images: list[_Listed], files: YoloFiles, counted: _Counted) -> None:
    told: dict[str, str] = {}  # why the folder of a label cannot be read
    places: dict[tuple[str, bool], tuple[str, set[str] | None]] = {}  # of labels, with the images that were named
    again: dict[str, _Listed] = {}  # images, with the line that names them a second time
    for image in images:
        folder, slash, name = image.path.rpartition("/")
        key = folder, image.is_bare
        if key not in places:
            place = _folder_of_bare(folder) if image.is_bare else label_folder(folder)
            places[key] = place, counted.names(folder or slash, place)
        place, names = places[key]
        if names is None or name in names:
            is_taken = names is not None or not name.startswith(".")  # the walk passes over others
            if is_taken and _is_image_suffix(name.rpartition(".")[2]):
                again.setdefault(image.path, image)
            continue
        names.add(name)
        label = f"{place}{place and '/'}{name.rpartition('.')[0]}.txt"
        if not os.path.exists(image.path):
            files.unreadable.append(Unreadable(image.source, image.reason, image.line, variant=IMAGE))
        elif os.path.exists(label):
            files.labels.append(label)
            files.images.append(image.path)
        elif told[place] if place in told else told.setdefault(place, _why_shut(place or ".")):
            files.unknown.append(image.path)
        else:
            files.without_label.append(image.path)
    for place, reason in told.items():
        if reason:
            _tell_shut(place, reason, files)
    repeated = [image for path, image in again.items() if os.path.exists(path)]
    if repeated:
        files.repeated.append(Repeated(repeated[0].source, repeated[0].line, repeated[0].path, len(repeated)))
