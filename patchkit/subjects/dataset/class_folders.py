"""Labels that are folders or file names: `<class>/<image>`, below train, val and test or not, and `<label>_<n>.jpg`.

ImageFolder of torchvision numbers the sorted folder names of each split for itself, and so does ultralytics, which
builds on it. Where the splits do not have the same folders, one number means two classes.
Source   torchvision 0.20.1 torchvision/datasets/folder.py, find_classes and make_dataset.
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

from patchkit.errors import TargetRefused
from patchkit.subjects.dataset.dataset import Unreadable
from patchkit.subjects.dataset.labels import FOLDER, Labels, Row
from patchkit.subjects.image_suffixes import SUFFIXES

IMAGES = (*SUFFIXES, ".pgm", ".ppm")  # with those that only torchvision reads
SPLITS = (  # and their folders
    ("train", ("train", "training")),
    ("val", ("val", "validation", "valid")),
    ("test", ("test", "testing", "evaluation")),
)
OF_SPLITS = {name for _, folders in SPLITS for name in folders}
OTHERS = ({"images", "labels"}, {"Annotations"}, {"annotations"})  # folders of data sets of other formats
NO_LABEL = -1  # what HW3 gives a file whose name has none
_WHOLE = re.compile(r"[+-]?\d{1,4000}")  # no more than int() takes


@dataclass(frozen=True)
class Files:
    """What is below a folder."""

    paths: tuple[str, ...]  # of regular files; each folder's are sorted
    unreadable: tuple[Unreadable, ...]


@dataclass(frozen=True)
class ClassFolder:
    """One class of a split. Its number is its place in the split."""

    name: str
    path: str
    images: tuple[str, ...]


@dataclass(frozen=True)
class FolderSplit:
    """The class folders of one split, sorted as ImageFolder sorts them."""

    name: str  # train, val, test; "all" where the folder has no splits
    path: str
    classes: tuple[ClassFolder, ...]
    not_images: tuple[str, ...] = ()  # files in class folders
    loose: tuple[str, ...] = ()  # images in no class folder: nobody reads them

    @property
    def without_images(self) -> tuple[ClassFolder, ...]:
        """Classes that have a number and no image. ImageFolder refuses them or lets them stay empty, by release."""
        return tuple(folder for folder in self.classes if not folder.images)


@dataclass(frozen=True)
class Shift:
    """A class that has another number in a split than in the first one, or that the first one does not have."""

    split: str
    folder: ClassFolder  # of that split
    index: int  # in that split
    first: str  # the first split: train, if there is one
    first_index: int | None  # None: it is not in the first split
    first_name: str  # the class that has the number `index` there; empty: none


@dataclass(frozen=True)
class ClassFolders:
    """A data set whose classes are folders."""

    path: str
    splits: tuple[FolderSplit, ...]
    shifts: tuple[Shift, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()


@dataclass(frozen=True)
class NamedLabels:
    """A data set whose labels are in the file names."""

    path: str
    labels: tuple[Labels, ...]  # one for each folder with images
    not_images: tuple[str, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()


def find_class_folders(folder: str) -> ClassFolders | None:
    """The classes and images of a folder; None if it is no data set of this layout.

    A folder called train is a split if there are folders in it, else a class.
    Raises   TargetRefused if all classes are called as splits are: their images have no class folders.
    """
    names, _, unreadable = _listed(folder)
    if not names or any(other <= set(names) for other in OTHERS):
        return None
    splits = []
    lowered = {name.lower(): path for name, path in names.items()}
    for split, folders in SPLITS:
        path = next((lowered[name] for name in folders if name in lowered), None)
        if path is not None and _listed(path)[0]:
            splits.append(_split(split, path, (folder,), unreadable))
    if not splits:
        splits = [_split("all", folder, (), unreadable)]
    if not any(each.images for split in splits for each in split.classes):
        return None
    with_images = {each.name.lower() for each in splits[0].classes if each.images}
    if splits[0].name == "all" and with_images <= OF_SPLITS:
        raise _no_classes(folder, splits[0])
    return ClassFolders(folder, tuple(splits), tuple(_shifts(splits)), tuple(unreadable))


def _no_classes(folder: str, split: FolderSplit) -> TargetRefused:
    """For images right in train and val: what they are labelled by is not known."""
    names = ", ".join(each.name for each in split.classes if each.images)
    image = next(image for each in split.classes for image in each.images).rpartition(os.sep)[2]
    suffix = image.rpartition(".")[2]
    hint = (
        f"if the labels are in the file names, as in {image!r}: --pattern '(?P<label>\\d+)_.*\\.{suffix}'; "
        "else put the images of each class into a folder of its own, as train/cat"
    )
    return TargetRefused(f"{folder}: {names} are splits, and their images are in no class folders", hint)


def _split(name: str, path: str, above: tuple[str, ...], unreadable: list[Unreadable]) -> FolderSplit:
    folders, files, failures = _listed(path)
    unreadable += failures
    classes, others = [], []
    for each in sorted(folders):
        below = files_below(folders[each], (*above, path))
        unreadable += below.unreadable
        images = tuple(file for file in below.paths if is_image(file))
        others += [file for file in below.paths if not is_image(file) and not _is_hidden(file)]
        classes.append(ClassFolder(each, folders[each], images))
    loose = tuple(file for file in files if is_image(file))
    return FolderSplit(name, path, tuple(classes), tuple(others), loose)


def _shifts(splits: list[FolderSplit]) -> Iterable[Shift]:
    first = splits[0]
    names = [folder.name for folder in first.classes]
    numbers = {name: index for index, name in enumerate(names)}
    for split in splits[1:]:
        for index, folder in enumerate(split.classes):
            if numbers.get(folder.name) != index:
                there = names[index] if index < len(names) else ""
                yield Shift(split.name, folder, index, first.name, numbers.get(folder.name), there)


def labels_by_pattern(folder: str, pattern: str) -> NamedLabels:
    """The label that the group `label` of a regular expression finds in the name of each image below a folder.

    Digits give a number, other text gives a name; -1 stands where the name does not match or the group is empty.
    Raises   TargetRefused if the pattern is no regular expression or has no group `label`.
    """
    names = _compiled(pattern)
    below = files_below(folder)
    rows: dict[str, list[Row]] = {}
    for path in below.paths:
        if is_image(path):
            parent, _, name = path.rpartition(os.sep)
            label, fault = _label(names.fullmatch(name))
            row = Row(1, 0, 0, name, label, form="label", fault=fault, image=path)
            rows.setdefault(parent, []).append(row)
    labels = tuple(Labels(FOLDER, parent, tuple(found)) for parent, found in rows.items())
    others = tuple(path for path in below.paths if not is_image(path) and not _is_hidden(path))
    return NamedLabels(folder, labels, others, below.unreadable)


def _compiled(pattern: str) -> re.Pattern[str]:
    hint = r"write one such as '(?P<label>\d+)_.*\.jpg'; it must match the whole name of a file"
    try:
        names = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise TargetRefused(f"'{pattern}' is no regular expression: {error}", hint) from error
    if "label" not in names.groupindex:
        raise TargetRefused(f"'{pattern}' has no group called label", hint)
    return names


def _label(match: re.Match[str] | None) -> tuple[int | str, str]:
    """A label, and why there is none."""
    if match is None:
        return NO_LABEL, "the name does not match the pattern"
    text = match["label"]
    if not text:
        return NO_LABEL, "the name has no label"
    return (int(text) if _WHOLE.fullmatch(text) else text), ""


def is_image(path: str) -> bool:
    """True for the suffix of an image."""
    return path.lower().endswith(IMAGES)


def _is_hidden(path: str) -> bool:
    return path.rpartition(os.sep)[2].startswith(".")


def files_below(folder: str, above: Iterable[str] = (), *, is_deep: bool = True) -> Files:
    """The files of a folder and, if `is_deep`, of those in it. Links are followed, and each folder is read once.

    A link to one of the folders `above` is a loop.
    """
    seen = {key: path for path in above if (key := _key(path)) is not None}
    paths: list[str] = []
    unreadable: list[Unreadable] = []
    waiting = [folder]
    while waiting:
        path = waiting.pop()
        key = _key(path)
        if key is not None and key in seen:
            unreadable.append(Unreadable(path, f"it is the same folder as {seen[key]}, and is read once"))
            continue
        if key is not None:
            seen[key] = path
        folders, files, failures = _listed(path)
        paths += files
        unreadable += failures
        waiting += [folders[name] for name in sorted(folders, reverse=True) if is_deep]
    return Files(tuple(paths), tuple(unreadable))


def _key(path: str) -> tuple[int, int] | None:
    """What is the same for every path to one folder."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _listed(folder: str) -> tuple[dict[str, str], list[str], list[Unreadable]]:
    """The folders in a folder by name, its regular files in order, and what is neither."""
    folders: dict[str, str] = {}
    files: list[str] = []
    unreadable: list[Unreadable] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                reason = _sort(entry, folders, files)
                if reason:
                    unreadable.append(Unreadable(entry.path, reason, is_image=is_image(entry.name)))
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        unreadable.append(Unreadable(folder, _reason(error)))
    unreadable.sort(key=lambda failure: failure.path)
    return folders, sorted(files), unreadable


def _sort(entry: os.DirEntry[str], folders: dict[str, str], files: list[str]) -> str:
    """Put an entry where it belongs; why it belongs nowhere, if so."""
    try:
        if entry.is_dir():
            folders[entry.name] = entry.path
        elif entry.is_file():
            files.append(entry.path)
        else:
            return "a link that leads nowhere" if entry.is_symlink() else "no regular file"
    except OSError as error:
        return _reason(error)
    return ""


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
