"""`patchkit check-data` on folders of COCO files: which files they are, and where their images are."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Answer
from tests.data_sets import IMAGE, write

Patchkit = Callable[..., Answer]


def coco(*files: str, image: int = 1) -> str:
    box = {"category_id": 1, "bbox": [10, 10, 20, 20], "area": 400, "iscrowd": 0}
    images = [{"id": id, "file_name": name, "width": 90, "height": 50} for id, name in enumerate(files, 1)]
    return json.dumps(
        {
            "images": images,
            "categories": [{"id": 1, "name": "cat"}],
            "annotations": [{"id": one["id"], "image_id": one["id"], **box} for one in images],
        }
    )


def splits(answer: Answer) -> list[tuple[str, int, int]]:
    return [(one["name"], one["images"], one["objects"]) for one in answer.json["subject"]["splits"]]


def told(answer: Answer) -> list[tuple[str, str]]:
    """Rule and file of each finding."""
    return [(one["rule"], Path(one["location"]["path"]).name) for one in answer.json["findings"]]


# OpenImages of MLCommons


@pytest.fixture
def openimages(tmp_path: Path) -> Path:
    labels = "labels/openimages-mlperf.json"
    return write(
        tmp_path,
        {
            f"train/{labels}": coco("a.jpg", "b.jpg"),
            "train/data/a.jpg": IMAGE,
            "train/data/b.jpg": b"no image",
            f"validation/{labels}": coco("c.jpg"),
            "validation/data/c.jpg": IMAGE,
            "train/metadata/classes.csv": "/m/01,cat\n",
            "info.json": "{}",
        },
    )


def test_the_layout_of_openimages_is_read_with_both_splits(openimages: Path, patchkit: Patchkit) -> None:
    answer = patchkit("check-data", openimages, "--images", "--least", "0", "--format", "json")
    assert splits(answer) == [("train", 2, 2), ("val", 1, 1)]
    assert told(answer) == [("image-unreadable", "b.jpg")]
    assert answer.json["subject"]["format"] == "coco"


@pytest.mark.parametrize("is_within", [False, True])
def test_the_json_of_a_split_finds_its_images_beside(is_within: bool, openimages: Path, patchkit: Patchkit) -> None:
    file = openimages / "train/labels/openimages-mlperf.json"
    data, cwd = (file.name, file.parent) if is_within else (file, openimages)
    answer = patchkit("check-data", data, "--images", "--least", "0", "--format", "json", cwd=cwd)
    assert splits(answer) == [("train", 2, 2)]
    assert told(answer) == [("image-unreadable", "b.jpg")]


def test_one_split_of_openimages_is_a_data_set(openimages: Path, patchkit: Patchkit) -> None:
    answer = patchkit("check-data", openimages / "validation", "--images", "--least", "0", "--format", "json")
    assert (splits(answer), told(answer)) == ([("val", 1, 1)], [])


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (("labels/train.json", "labels/val.json"), ["train", "val"]),
        (("train/labels/a.json", "train/labels/b.json", "val/labels/b.json"), ["train", "b", "val"]),
        (("annotations/train_a.json", "annotations/train_b.json"), ["train", "train_b"]),
    ],
)
def test_every_file_is_a_split_of_its_own(
    files: tuple[str, ...], names: list[str], patchkit: Patchkit, tmp_path: Path
) -> None:
    write(tmp_path, {name: coco(f"{number}.jpg") for number, name in enumerate(files)})
    answer = patchkit("check-data", tmp_path, "--least", "0", "--format", "json")
    assert (splits(answer), told(answer)) == ([(name, 1, 1) for name in names], [])


def test_an_image_of_both_splits_of_openimages_is_found_by_its_bytes(openimages: Path, patchkit: Patchkit) -> None:
    answer = patchkit("check-data", openimages, "--by-content", "--least", "0", "--format", "json")
    assert told(answer) == [("image-in-two-splits", "c.jpg")]
