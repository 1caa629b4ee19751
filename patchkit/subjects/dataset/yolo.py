"""Where the images and labels of a YOLO data set are: data.yaml, and the folders or lists that it names.

Paths are looked up as ultralytics does: `path` of the data yaml, else its folder; relative ones from the working
directory, and besides from the folder of the data yaml: the check may be started elsewhere than the training. The label
of an image lies where the last `images` of its path is replaced by `labels`, with the suffix .txt.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from patchkit.errors import SourceUnreadable
from patchkit.findings import Span
from patchkit.subjects.dataset.dataset import ClassCount, Unreadable
from patchkit.subjects.dataset.tally import Label
from patchkit.subjects.dataset.yolo_rows import Columns
from patchkit.subjects.image_suffixes import SUFFIXES
from patchkit.subjects.yaml_file import Entry, YamlFile, read_yaml, repeated

SPLITS = ("train", "val", "test")
KEYS = {"train": ("train",), "val": ("val", "validation"), "test": ("test",)}  # as ultralytics takes them
OWN_YAMLS = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
SHOWN = 60  # characters of a value
REQUIRED = ("train", "val")  # in a data yaml
FOLDERS = (("train", "train"), ("val", "valid"), ("val", "val"), ("test", "test"))  # with images and labels in each


@dataclass(frozen=True)
class YoloSet:
    """What the data yaml says, or what a folder without one is taken for."""

    path: str
    sources: dict[str, tuple[str, ...]]  # of each split: folders, lists and images
    spans: dict[str, Span]
    names: dict[Label, str]
    counts: tuple[ClassCount, ...]
    columns: Columns
    absent: tuple[Unreadable, ...] = ()  # what the data yaml names, and is not there
    missing: tuple[tuple[str, Span], ...] = ()  # splits that it must name, and where they belong
    odd_keys: tuple[tuple[str, Span], ...] = ()  # of names: those that are no whole numbers
    odd_counts: tuple[tuple[str, Span], ...] = ()  # nc or names, where no classes come of them
    repeated_keys: tuple[tuple[str, Span], ...] = ()  # those that stand again further down
    odd_points: tuple[tuple[str, Span, str], ...] = ()  # kpt_shape or flip_idx that cannot be followed, with a variant


def find_yolo(data: Path) -> YoloSet | None:
    """The data set that a data yaml, or a folder with one or with images and labels, is; None if it is none.

    Raises   SourceUnreadable if the yaml is none, or names no split.
    """
    if data.is_dir():
        paths = sorted(data.glob("*.y*ml"))
        for path in paths:
            if file := _data_yaml(path):
                return from_yaml(file)
            if path.name in OWN_YAMLS:
                read_yaml(path)  # says what is wrong with it: without it the classes would not be known
        return _from_folder(str(data))
    if data.suffix.lower() in (".yaml", ".yml"):
        file = _data_yaml(data)
        return from_yaml(file) if file else None
    return None


def _data_yaml(path: Path) -> YamlFile | None:
    """A yaml that describes a data set; None for others."""
    try:
        file = read_yaml(path)
    except SourceUnreadable:
        return None
    has_classes = "names" in file.entries or "nc" in file.entries
    return (
        file if has_classes and not {key for keys in KEYS.values() for key in keys}.isdisjoint(file.entries) else None
    )


def _from_folder(folder: str) -> YoloSet | None:
    sources: dict[str, tuple[str, ...]] = {
        split: (f"{folder}/{name}/images",) for split, name in FOLDERS if _has_both(f"{folder}/{name}")
    }
    if sources:
        return YoloSet(folder, sources, {name: Span(places[0]) for name, places in sources.items()}, {}, (), Columns())
    inside = [name for name in ("images", "labels") if os.path.isdir(f"{folder}/{name}")]
    if len(inside) < 2 and not _holds_labels(folder):
        return None
    root = f"{folder}/images" if len(inside) == 2 else folder
    splits = [name for name in SPLITS if os.path.isdir(f"{root}/{name}")]
    sources = {name: (f"{root}/{name}",) for name in splits} or {"train": (root,)}
    spans = {name: Span(places[0]) for name, places in sources.items()}
    return YoloSet(folder, sources, spans, {}, (), Columns())


def _has_both(folder: str) -> bool:
    return os.path.isdir(f"{folder}/images") and os.path.isdir(f"{folder}/labels")


def _holds_labels(folder: str) -> bool:
    """True for images and .txt files side by side."""
    names = set(os.listdir(folder))
    return any(f"{os.path.splitext(name)[0]}.txt" in names for name in names if name.lower().endswith(SUFFIXES))


def from_yaml(file: YamlFile) -> YoloSet:
    """The data set that a data yaml describes.

    Raises   SourceUnreadable.
    """
    path, data = file.path, file.data
    root = _root(data.get("path"), path)
    given = data.get("path")
    sources: dict[str, tuple[str, ...]] = {}
    spans: dict[str, Span] = {}
    absent = []
    if given and _first(Path(str(given)), path.parent / str(given)) is None:
        absent.append(Unreadable(str(path), f"path: {given} is not there", file.entries["path"].span.line))
    for split in SPLITS:
        key = next((key for key in KEYS[split] if key in data), split)
        value = data.get(key)
        named = [str(item) for item in (value if isinstance(value, list) else [value]) if item]
        if not named:
            continue
        spans[split] = file.entries[key].span
        found = []
        for name in named:
            place = _first(root / name, root / name.removeprefix("../"), path.parent / name)
            if place is None:
                reason, variant = f"{split}: {root / name} is not there", split if split not in REQUIRED else ""
                absent.append(Unreadable(str(path), reason, spans[split].line, variant=variant))
            else:
                found.append(_resolved(place))
        if found:
            sources[split] = tuple(found)
    if not spans:
        raise SourceUnreadable(
            f"{path}: it names no images: train, val and test are missing", "add train: images/train"
        )
    return YoloSet(
        str(path),
        sources,
        spans,
        _names(file),
        _counts(file),
        _columns(data),
        tuple(absent),
        _missing(file, spans),
        tuple((key.key, key.span) for key in _keys(file) if key.index is None),
        tuple(_odd_counts(file)),
        tuple((_repetition(keys, earlier, last), earlier.span) for keys, earlier, last in repeated(file)),
        tuple(_odd_points(file)),
    )


def _repetition(keys: tuple[str, ...], earlier: Entry, last: Entry) -> str:
    name = f"{'.'.join(keys)} is {_shown(earlier)} here, and again in line {last.span.line}"
    return f"{name}, where {_shown(last)} is what counts"


def _shown(entry: Entry) -> str:
    text = " ".join(entry.node.text.split())
    return (f"{text[:SHOWN]}..." if len(text) > SHOWN else text) or "nothing"


def _missing(file: YamlFile, spans: dict[str, Span]) -> tuple[tuple[str, Span], ...]:
    """The required splits that are not named: at their key where it has no value, else at a split that is named."""
    beside = next(iter(spans.values()))
    return tuple(
        (split, next((file.entries[key].span for key in KEYS[split] if key in file.entries), beside))
        for split in REQUIRED
        if split not in spans
    )


def _root(given: Any, path: Path) -> Path:
    root = Path(str(given)) if given else path.parent
    return _first(root, path.parent / root) or root


def _first(*paths: Path) -> Path | None:
    for path in paths:
        try:
            path.stat()
        except (OSError, ValueError):
            continue
        return path
    return None


def _resolved(place: Path) -> str:
    """The path without links: the trainers look for labels beside what it leads to."""
    real = os.path.realpath(place)
    return str(place) if real == os.path.abspath(place) else real


def _names(file: YamlFile) -> dict[Label, str]:
    names = file.data.get("names")
    if isinstance(names, list):
        return {index: str(name) for index, name in enumerate(names)}
    return {key.index: str(key.node.data) for key in _keys(file) if key.index is not None and key.index >= 0}


def _keys(file: YamlFile) -> list[Entry]:
    """The keys of names, where it is a mapping."""
    entry = file.entries.get("names")
    return list(entry.node.value.values()) if entry and isinstance(entry.node.value, dict) else []


def _counts(file: YamlFile) -> tuple[ClassCount, ...]:
    counts = [
        ClassCount(count, f"{key} of {file.path.name}", file.entries[key].span)
        for key in ("nc", "names")
        if (count := _count(file, key)) is not None and count > 0
    ]
    return (*counts, *_count_of_keys(file))


def _count(file: YamlFile, key: str) -> int | None:
    """How many classes nc or names says there are; None if it does not say so, or is not there."""
    entry = file.entries.get(key)
    value = entry.node.data if entry else None
    if key == "names":
        return len(value) if isinstance(value, (list, dict)) else None
    try:
        number = float(value) if isinstance(value, (int, float, str)) else 0.5
    except (ValueError, OverflowError):
        return None
    return int(number) if number.is_integer() else None  # as ultralytics takes it


def _odd_counts(file: YamlFile) -> Iterator[tuple[str, Span]]:
    """Where nc or names is there and no classes come of it."""
    for key, wanted in (("nc", "a whole number above 0"), ("names", "a list, or a mapping, of at least one name")):
        entry = file.entries.get(key)
        if entry is None or (key == "names" and entry.node.data is None and "nc" in file.entries):
            continue
        count = _count(file, key)
        if count is None or count < 1:
            yield f"{key} is {entry.node.text.strip() or 'empty'}, which is not {wanted}", entry.span


def _count_of_keys(file: YamlFile) -> Iterator[ClassCount]:
    """Where the keys of names are whole numbers and not those from 0 on: how many classes they stand for."""
    keys = [key.index for key in _keys(file)]
    indices = {index for index in keys if index is not None and index >= 0}
    if not keys or None in keys:
        return
    span = file.entries["names"].span
    if (largest := max(indices, default=-1) + 1) != len(keys):
        yield ClassCount(largest, "the largest key of names, and one", span)
    elif len(indices) != len(keys):
        yield ClassCount(len(indices), "the keys of names from 0 on", span)


def _columns(data: dict[str, Any]) -> Columns:
    shape = _shape(data.get("kpt_shape"))
    return Columns(5 + shape[0] * shape[1], shape[1]) if shape else Columns()


def _shape(written: Any) -> tuple[int, int] | None:
    """Points, and numbers of each; None if it is neither [points, 2] nor [points, 3]."""
    if not isinstance(written, list) or [type(number) for number in written] != [int, int]:
        return None
    points, numbers = written
    return (points, numbers) if points > 0 and numbers in (2, 3) else None


def _odd_points(file: YamlFile) -> Iterator[tuple[str, Span, str]]:
    """Where the data yaml speaks of key points and cannot be followed; with the variant of the fault."""
    shape, flip = file.entries.get("kpt_shape"), file.entries.get("flip_idx")
    if shape is None or shape.node.data in (None, [0, 0]):  # as for data that have no points
        return
    found = _shape(shape.node.data)
    if found is None:
        text = shape.node.text.strip() or "empty"
        yield f"kpt_shape is {text}, which is neither [points, 2] nor [points, 3]", shape.span, ""
    elif flip is not None and flip.node.data is not None:
        points, order = found[0], flip.node.data
        if not isinstance(order, list) or len(order) not in (0, points):
            said = f"has {len(order)} entries" if isinstance(order, list) else "is no list"
            yield f"flip_idx {said}, and kpt_shape has {points} points", flip.span, "flip"
