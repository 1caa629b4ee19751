"""The images of a split of YOLO and the label files beside them."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from patchkit.subjects.dataset.dataset import Unreadable
from patchkit.subjects.dataset.walk import Folder, walk
from patchkit.subjects.image_suffixes import SUFFIXES

NOT_LABELS = ("classes.txt",)  # what labelImg writes beside them
IMAGES, LABELS = "/images/", "/labels/"
NPY = ".npy"  # of images, made by the trainer


@dataclass
class YoloFiles:
    """The files of one split. Labels and images are paths."""

    labels: list[str] = field(default_factory=list)  # with an image
    images: list[str] = field(default_factory=list)  # of these labels
    without_label: list[str] = field(default_factory=list)
    without_image: list[str] = field(default_factory=list)
    twins: list[tuple[str, str]] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)


def list_files(sources: Iterable[str]) -> YoloFiles:
    """The images of a split with their labels, folder by folder."""
    files = YoloFiles()
    for source in sources:
        if os.path.isdir(source):
            _list_folder(source, files)
        elif source.lower().endswith(SUFFIXES):
            _list_images([(source, Unreadable(source, "No such file or directory"))], files)
        else:
            _list_images(_listed(source, files), files)
    return files


def label_folder(folder: str) -> str:
    """Where the labels of the images in a folder lie."""
    before, found, after = f"/{folder}/".rpartition(IMAGES)
    return (before + LABELS + after)[1:].rstrip("/") if found else folder


def _list_folder(root: str, files: YoloFiles) -> None:
    images = {folder.path: folder.names for folder in walk(root, files.unreadable)}
    beside = label_folder(root)
    labels = images
    if beside != root and os.path.isdir(beside):
        labels = {folder.path: folder.names for folder in walk(beside, files.unreadable)}
    known = set()
    for folder, names in images.items():
        place = label_folder(folder)
        known.add(place)
        _pair(Folder(folder, names), place, _texts(labels.get(place, ())), files)
    for folder in sorted(set(labels) - known):
        files.without_image += [f"{folder}/{stem}.txt" for stem in sorted(_texts(labels[folder]))]


def _texts(names: Iterable[str]) -> set[str]:
    """The stems of label files."""
    return {name[:-4] for name in names if name.endswith(".txt") and name not in NOT_LABELS}


def _pair(folder: Folder, place: str, texts: set[str], files: YoloFiles) -> None:
    """Put the images of a folder beside the label files that belong to them."""
    parts = [name.rpartition(".") for name in folder.names]
    images = [(stem, f"{stem}.{suffix}") for stem, dot, suffix in parts if dot and _is_image_suffix(suffix)]
    firsts = dict(reversed(images))  # the first image of each stem
    if len(firsts) < len(images):
        files.twins += [
            (f"{folder.path}/{firsts[stem]}", f"{folder.path}/{name}") for stem, name in images if firsts[stem] != name
        ]
        images = [(stem, name) for stem, name in images if firsts[stem] == name]
    files.labels += [f"{place}/{stem}.txt" for stem, _ in images if stem in texts]
    files.images += [f"{folder.path}/{name}" for stem, name in images if stem in texts]
    files.without_label += [f"{folder.path}/{name}" for stem, name in images if stem not in texts]
    if place == folder.path and not images:  # texts in a folder without images are no labels
        return
    files.without_image += [f"{place}/{stem}.txt" for stem in sorted(texts.difference(firsts))]


@cache
def _is_image_suffix(suffix: str) -> bool:
    return f".{suffix.lower()}" in SUFFIXES


def _listed(path: str, files: YoloFiles) -> list[tuple[str, Unreadable]]:
    """The images that a list file names, each with what is to be said if it is not there.

    `./` stands for the folder of the list.
    """
    folder = os.path.dirname(path)
    try:
        text = Path(path).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        files.unreadable.append(Unreadable(path, error.strerror or str(error)))
        return []
    listed = []
    for number, line in enumerate(text.splitlines(), 1):
        if name := line.strip():
            image = os.path.join(folder, name[2:]) if name.startswith("./") else name
            listed.append((image, Unreadable(path, f"{name} is not there", number)))
    return listed


def _list_images(images: list[tuple[str, Unreadable]], files: YoloFiles) -> None:
    for image, absent in images:
        folder, _, name = image.rpartition("/")
        label = f"{label_folder(folder)}/{name.rpartition('.')[0]}.txt"
        if not os.path.exists(image):
            files.unreadable.append(absent)
        elif os.path.exists(label):
            files.labels.append(label)
            files.images.append(image)
        else:
            files.without_label.append(image)
