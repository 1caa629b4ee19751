"""`patchkit check-data` on what the splits of a data set hold: objects, images and categories."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Answer
from tests.data_sets import IMAGE, write, yolo

Patchkit = Callable[..., Answer]


def coco(names: dict[int, str] | None = None, files: tuple[str, ...] = ("a.jpg",), objects: int = 1) -> str:
    """A sound COCO file, with objects in the first image alone."""
    categories = names or {1: "cat", 2: "dog"}
    record = {"image_id": 1, "area": 400, "iscrowd": 0}
    ids = [list(categories)[number % len(categories)] for number in range(objects)]
    return json.dumps(
        {
            "images": [{"id": id, "file_name": name, "width": 99, "height": 50} for id, name in enumerate(files, 1)],
            "categories": [{"id": id, "name": name} for id, name in categories.items()],
            "annotations": [
                {"id": number, "category_id": id, "bbox": [number, 10, 20, 20], **record}
                for number, id in enumerate(ids, 1)
            ],
        }
    )


def found(answer: Answer, rule: str) -> list[dict[str, Any]]:
    return [one for one in answer.json["findings"] if one["rule"] == rule]


def outcomes(finding: dict[str, Any]) -> dict[str, str]:
    return {fate["trainer"]: fate["outcome"] for fate in finding["fates"]}


# A split without objects


@pytest.mark.parametrize("val", ["", "0 0.5 0.5 0.2 0.2\n"])
def test_empty_labels_of_train_are_an_error(val: str, patchkit: Patchkit, tmp_path: Path) -> None:
    data = yolo(tmp_path, "", {"labels/train/b.txt": "", "labels/val/v.txt": val})
    answer = patchkit("check-data", data, "--format", "json", "--least", "0")
    told = [(one["message"], one["severity"]) for one in found(answer, "split-without-objects")]
    assert told == [("train has no object", "error"), *([] if val else [("val has no object", "warning")])]
    assert outcomes(found(answer, "split-without-objects")[0]) == {
        "ultralytics": "trains-on-it",
        "yolov10": "trains-on-it",
    }
    assert answer.code == 1


def test_a_coco_file_without_annotations_is_an_error(patchkit: Patchkit, tmp_path: Path) -> None:
    write(tmp_path, {"a.json": coco(objects=0)})
    answer = patchkit("check-data", tmp_path / "a.json", "--format", "json")
    (one,) = found(answer, "split-without-objects")
    assert outcomes(one)["paddledetection"] == "crash"
    assert (answer.code, one["severity"]) == (1, "error")


def test_a_voc_split_without_objects_is_an_error(patchkit: Patchkit, tmp_path: Path) -> None:
    write(tmp_path, {"Annotations/a.xml": "<annotation></annotation>\n", "JPEGImages/a.jpg": IMAGE})
    answer = patchkit("check-data", tmp_path, "--format", "json")
    assert [one["severity"] for one in found(answer, "split-without-objects")] == ["error"]


def test_what_could_not_be_read_to_its_end_is_not_said_to_have_no_object(patchkit: Patchkit, tmp_path: Path) -> None:
    text = coco(objects=0)
    write(tmp_path, {"a.json": text[: text.index('"annotations": [') + 16]})
    answer = patchkit("check-data", tmp_path / "a.json", "--format", "json")
    assert {one["rule"] for one in answer.json["findings"]} == {"annotation-unreadable"}
    data = yolo(tmp_path / "yolo", "", {"labels/train/b.txt": ""})
    (tmp_path / "yolo/labels/train/b.txt").unlink()
    (tmp_path / "yolo/labels/train/b.txt").symlink_to("/dev/zero")
    assert not found(patchkit("check-data", data, "--format", "json"), "split-without-objects")
