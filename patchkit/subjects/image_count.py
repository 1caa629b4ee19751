"""How many images a training has, as far as its data yaml leads to them."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from patchkit.errors import SourceUnreadable
from patchkit.subjects.config import TrainConfig
from patchkit.subjects.image_suffixes import SUFFIXES
from patchkit.subjects.yaml_file import read_yaml

COUNTS_FROM = (8, 4, 130)  # fraction: 1000, and [1000, 200]
ONE_AT_LEAST_FROM = (8, 4, 140)


def count_images(config: TrainConfig) -> int | None:
    """Images that are trained on; None if the data yaml or what it names is not on this machine.

    Of the images that are found, `fraction` takes its share, as ultralytics/data/base.py does.

    Paths are looked up as ultralytics does: `path` of the data yaml, else its folder; relative ones from the working
    directory, then from the folder of the data yaml. The folder for data sets in the settings of a user is not asked.
    """
    name = config.value("data")
    if not isinstance(name, str) or not name.lower().endswith((".yaml", ".yml")):
        return None
    place = _first(Path(name), config.file.path.parent / name)
    if place is None:
        return None
    try:
        data = read_yaml(place).data
        images = _images_of(data, place)
    except (SourceUnreadable, OSError, ValueError):
        return None
    return images and _share(config, images)


def _share(config: TrainConfig, images: int) -> int | None:
    """How many of the images `fraction` leaves; None if it leaves none."""
    fraction, release = config.value("fraction"), config.release.number
    if isinstance(fraction, list) and fraction and release >= COUNTS_FROM:
        fraction = fraction[0]  # of train, val and test
    if isinstance(fraction, bool) or not isinstance(fraction, (int, float)) or not fraction > 0:
        return images
    if fraction >= 1:
        is_count = isinstance(fraction, int) and fraction > 1 and release >= COUNTS_FROM
        return min(int(fraction), images) if is_count else images
    return max(round(images * fraction), 1 if release >= ONE_AT_LEAST_FROM else 0) or None


def _images_of(data: dict[str, Any], place: Path) -> int | None:
    root = Path(str(data["path"])) if data.get("path") else place.parent
    base = _first(root, place.parent / root)
    train = data.get("train")
    sources = [str(source) for source in (train if isinstance(train, list) else [train]) if source]
    if base is None or not sources:
        return None
    found = [_first(base / source, base / source.removeprefix("../")) for source in sources]
    counts = [_count(path) for path in found if path is not None]
    return sum(counts) or None if len(counts) == len(sources) else None


def _first(*paths: Path) -> Path | None:
    return next((path for path in paths if path.exists()), None)


def _count(path: Path) -> int:
    """Images below a folder, or lines of a list of images."""
    if path.is_dir():
        return sum(1 for _ in _files(path))
    with path.open("rb") as lines:
        return sum(1 for line in lines if line.strip())


def _files(folder: Path) -> Iterator[str]:
    for _, _, names in os.walk(folder):
        yield from (name for name in names if name.lower().endswith(SUFFIXES))
