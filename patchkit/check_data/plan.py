"""What a check of a data set will look at, for each format, and the data set that comes out of it."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from patchkit.check_data.coco_files import renamed, shared_names
from patchkit.check_data.images import shared_bytes, shared_paths
from patchkit.check_data.looked import Looked
from patchkit.check_data.request import Part, Request
from patchkit.errors import SourceUnreadable, TargetRefused
from patchkit.findings import Skipped, Span
from patchkit.subjects.dataset.dataset import Cache, ClassCount, DataSet, Renamed, Split, Unreadable
from patchkit.subjects.dataset.labels import YOLO
from patchkit.subjects.dataset.tally import Label, Tally

Rules = tuple[str, ...] | None  # ids of those that are asked; None: all
Look = Callable[[Any], Iterator[Looked]]  # of a part: what is found, in one piece or several
NOTHING = "a data.yaml, a COCO json, a dataset yml of PaddleDetection, or a folder of YOLO, VOC or class folders"


@dataclass
class Plan:
    """The parts of a data set, and what is known of it already. It grows with what is looked at."""

    path: str
    format: str
    part: Part
    parts: list[Any]
    look: Look
    splits: dict[str, Split]  # their tallies grow
    names: Mapping[Label, str] = field(default_factory=dict)
    counts: list[ClassCount] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    files: dict[str, list[str]] = field(default_factory=dict)  # images of each split
    labels: dict[str, list[str]] = field(default_factory=dict)  # label files of each split
    shifted: tuple[tuple[str, str], ...] = ()
    missing: tuple[tuple[str, Span], ...] = ()
    odd_keys: tuple[tuple[str, Span], ...] = ()
    odd_counts: tuple[tuple[str, Span], ...] = ()
    repeated_keys: tuple[tuple[str, Span], ...] = ()
    odd_points: tuple[tuple[str, Span, str], ...] = ()
    file_names: dict[str, list[str]] = field(default_factory=dict)  # of images of COCO, whose folder is not known
    named: dict[Label, tuple[str, str]] = field(default_factory=dict)  # name of a category, and the first split with it
    renamed: list[Renamed] = field(default_factory=list)
    by_content: bool = False
    skipped: list[Skipped] = field(default_factory=list)  # before anything is looked at

    @property
    def amount(self) -> int:
        """Label files."""
        return sum(len(getattr(part, "labels", (part,))) for part in self.parts)

    @property
    def has_images(self) -> bool:
        """True if images are known, or a part will name them."""
        return any(self.files.values()) or any(getattr(part, "folder", "") for part in self.parts)

    def images(self) -> dict[str, list[str]]:
        """Images of each split, once: a split that names the files of another has none of its own."""
        return {name: paths for name, paths in self.files.items() if not self.splits[name].same_as}

    def names_of_images(self) -> dict[str, Sequence[str]]:
        """File names of the images of each split, as COCO files have them."""
        folders = {part.split: f"{part.folder}/" for part in self.parts}
        images = self.images()
        return {
            name: self.file_names.get(name) or [path[len(folders[name]) :] for path in images[name]] for name in images
        }

    def add(self, looked: Looked) -> None:
        """Take in what was found in a part."""
        split = self.splits[looked.split]
        split.tally.merge(looked.tally)
        if looked.is_cut or any(not place.is_image for place in looked.unreadable):
            self.splits[looked.split] = replace(split, is_cut=True)
        self.unreadable += looked.unreadable
        if looked.names:
            self.renamed += renamed(looked.split, looked.names, self.named)
            self.names = {**self.names, **{label: name for label, (name, _) in self.named.items()}}
            count = len(looked.names)
            split = self.splits[looked.split]
            self.counts.append(ClassCount(count, f"categories of {split.name}", split.span, split=split.name))
        self.files.setdefault(looked.split, []).extend(looked.images)
        if looked.file_names:
            self.file_names[looked.split] = looked.file_names

    def dataset(self) -> DataSet:
        """The data set as the rules for the whole see it."""
        splits = [
            replace(split, tally=self.splits[split.same_as].tally) if split.same_as else split
            for split in self.splits.values()
        ]
        images = self.images()
        return DataSet(
            self.path,
            self.format,
            tuple(splits),
            self.names,
            self.part.nc,
            tuple(self.counts),
            tuple(self.unreadable),
            tuple(_caches(self.labels)) if self.format == YOLO else (),
            tuple(shared_paths(images)) if len(images) > 1 else (),
            tuple(shared_bytes(images)) if self.by_content and len(images) > 1 else (),
            self.shifted,
            _gaps(self.names) if self.format == "coco" else (),
            self.missing,
            self.odd_keys,
            self.odd_counts,
            self.repeated_keys,
            self.odd_points,
            renamed=tuple(self.renamed),
            shared_names=tuple(shared_names(self.names_of_images())) if self.file_names else (),
        )


def plan_of(request: Request, rules: tuple[str, ...] | None) -> Plan:
    """Find out by what is there which format a data set has.

    Raises   TargetRefused if it is none that is known; SourceUnreadable for a yaml that cannot be read.
    """
    from patchkit.check_data import plans

    data = request.data
    try:
        is_folder = data.is_dir()
        if not is_folder and not data.exists():
            raise TargetRefused(f"{data}: there is no such file or folder", f"name {NOTHING}")
    except OSError as error:
        raise TargetRefused(f"{data}: {error.strerror}", f"name {NOTHING}") from error
    found = plans.find(request, is_folder=is_folder)
    if found is None:
        raise TargetRefused(f"{data}: no data set is known in it", f"name {NOTHING}")
    plan = found(rules)
    if request.model is not None:
        plan.counts.append(_model_count(request.model))
    if request.nc is not None:
        plan.counts.insert(0, ClassCount(request.nc, "--nc", Span(str(data)), is_of_model=True))
    plan.by_content = request.by_content
    return plan


def split_of(name: str, span: Span, **others: Any) -> Split:
    return Split(name, Tally(), span, **others)


def _model_count(path: Path) -> ClassCount:
    from patchkit.subjects.yaml_file import read_yaml

    entry = read_yaml(path).entries.get("nc")
    count = entry.node.data if entry else None
    if entry is None or type(count) is not int:
        raise SourceUnreadable(f"{path}: it has no nc", "name the yaml of a model")
    return ClassCount(count, f"nc of {path.name}", entry.span, is_of_model=True)


def _caches(labels: Mapping[str, list[str]]) -> list[Cache]:
    """The caches beside the label folders, each with a label file that is newer, if there is one."""
    caches: dict[str, Cache] = {}
    for paths in labels.values():
        folders = dict.fromkeys(path.rpartition("/")[0] for path in paths)
        places = {f"{os.path.splitext(folder)[0]}.cache": folder for folder in folders}
        places |= {f"{os.path.dirname(folder)}.cache": os.path.dirname(folder) for folder in folders}
        for place, folder in places.items():
            if place not in caches and os.path.isfile(place):
                age = os.stat(place).st_mtime_ns
                below = (path for path in paths if path.startswith(f"{folder}/"))
                newer = next((path for path in below if _time(path) > age), "")
                caches[place] = Cache(place, newer)
    return list(caches.values())


def _time(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def _gaps(names: Mapping[Label, str]) -> tuple[int, ...]:
    ids = [label for label in names if isinstance(label, int)]
    return tuple(sorted(set(range(min(ids), max(ids) + 1)) - set(ids))) if ids and max(ids) < 1_000_000 else ()


def part_of(
    request: Request,
    rules: Rules,
    nc: int | None = None,
    source: str = "",
    labels: frozenset[Label] | None = None,
) -> Part:
    """What each part is looked at for. `--nc` stands above what the data set says."""
    if request.nc is not None:
        nc, source = request.nc, f"--nc {request.nc}"
    return Part(rules, nc, source, labels, request.least, request.detailed)


def split_name(stem: str, taken: dict[str, Split]) -> str:
    """The split that a file name speaks of; the name itself where there is none, or it is taken."""
    name = next((name for name in ("train", "val", "test") if name in stem.lower()), stem)
    return stem if name in taken else name
