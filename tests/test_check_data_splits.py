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


def test_a_test_split_without_labels_stops_no_training(patchkit: Patchkit, tmp_path: Path) -> None:
    write(tmp_path / "coco/annotations", {"instances_test.json": coco(objects=0), "instances_val.json": coco()})
    answer = patchkit("check-data", tmp_path / "coco", "--format", "json")
    (one,) = found(answer, "split-without-objects")
    assert (one["severity"], one["fates"]) == ("warning", [])
    files: dict[str, str | bytes] = {"images/test/t.jpg": IMAGE}
    data = yolo(tmp_path / "yolo", None, files)
    data.write_text(data.read_text() + "test: images/test\n")
    (one,) = found(patchkit("check-data", data, "--format", "json"), "label-missing")
    assert (one["severity"], one["fates"]) == ("note", [])


def test_what_could_not_be_read_to_its_end_is_not_said_to_have_no_object(patchkit: Patchkit, tmp_path: Path) -> None:
    text = coco(objects=0)
    write(tmp_path, {"a.json": text[: text.index('"annotations": [') + 16]})
    answer = patchkit("check-data", tmp_path / "a.json", "--format", "json")
    assert {one["rule"] for one in answer.json["findings"]} == {"annotation-unreadable"}
    data = yolo(tmp_path / "yolo", "", {"labels/train/b.txt": ""})
    (tmp_path / "yolo/labels/train/b.txt").unlink()
    (tmp_path / "yolo/labels/train/b.txt").symlink_to("/dev/zero")
    assert not found(patchkit("check-data", data, "--format", "json"), "split-without-objects")


# Categories of two files


def test_an_id_that_means_two_categories_is_told(patchkit: Patchkit, tmp_path: Path) -> None:
    other = {2: "cat", 1: "dog", 3: "cow"}
    files = {"train": coco({1: "cat", 2: "dog", 3: "cow"}), "val": coco(other, ("b.jpg",))}
    write(tmp_path, {f"annotations/instances_{name}.json": text for name, text in files.items()})
    answer = patchkit("check-data", tmp_path, "--format", "json")
    told = found(answer, "category-names-differ")
    assert [one["message"] for one in told] == [
        "category 2 is 'cat' in val, and 'dog' in train",
        "category 1 is 'dog' in val, and 'cat' in train",
    ]
    assert {one["location"]["path"].rpartition("/")[2] for one in told} == {"instances_val.json"}
    assert outcomes(told[0]) == dict.fromkeys(("paddledetection", "mlcommons", "torchvision"), "wrong-class")
    assert answer.json["subject"]["names"] == {"1": "cat", "2": "dog", "3": "cow"}
    assert answer.code == 1


def test_files_that_name_the_same_categories_in_any_order_agree(patchkit: Patchkit, tmp_path: Path) -> None:
    write(tmp_path, {"train.json": coco({1: "cat", 2: ""}), "val.json": coco({2: "dog", 1: "cat"}, ("b.jpg",))})
    answer = patchkit("check-data", tmp_path, "--format", "json")
    assert not found(answer, "category-names-differ")
    assert answer.json["subject"]["names"] == {"1": "cat", "2": "dog"}


def test_a_category_of_the_id_0_is_a_note(patchkit: Patchkit, tmp_path: Path) -> None:
    write(tmp_path, {"a.json": coco({0: "cat", 1: "dog"}, objects=3)})
    answer = patchkit("check-data", tmp_path / "a.json", "--format", "json", "--least", "0")
    (one,) = answer.json["findings"]
    assert (one["rule"], one["severity"], one["evidence"]) == ("category-id-zero", "note", "2 objects have it")
    assert outcomes(one) == {"paddledetection": "ignored", "mlcommons": "trains-on-it", "torchvision": "trains-on-it"}
    assert answer.code == 0


# Images without annotation


def test_images_of_coco_without_annotation_are_one_note(patchkit: Patchkit, tmp_path: Path) -> None:
    write(tmp_path, {"a.json": coco(files=("a.jpg", "b.jpg", "c.jpg"), objects=2)})
    answer = patchkit("check-data", tmp_path / "a.json", "--format", "json", "--least", "0")
    (one,) = answer.json["findings"]
    assert (one["rule"], one["severity"]) == ("label-empty", "note")
    assert one["message"] == "2 of 3 images have no annotation; the first is b.jpg"
    assert outcomes(one) == {
        "paddledetection": "drops-image",
        "mlcommons": "trains-on-it",
        "torchvision": "trains-on-it",
    }
    assert answer.code == 0


def test_images_are_not_said_to_have_no_annotation_where_it_may_not_be_read(patchkit: Patchkit, tmp_path: Path) -> None:
    text = coco(files=("a.jpg", "b.jpg"), objects=9)
    write(tmp_path, {"a.json": text[: text.rindex("bbox")]})
    answer = patchkit("check-data", tmp_path / "a.json", "--format", "json")
    assert {one["rule"] for one in answer.json["findings"]} == {"annotation-unreadable", "class-rare"}


# Images of two files


def test_file_names_are_compared_where_no_folder_of_images_is_known(patchkit: Patchkit, tmp_path: Path) -> None:
    write(tmp_path, {"train.json": coco(files=("a.jpg", "b.jpg", "c.jpg"), objects=1)})
    write(tmp_path, {"val.json": coco(files=("d.jpg", "c.jpg", "a.jpg"), objects=1)})
    (one,) = found(patchkit("check-data", tmp_path, "--format", "json"), "image-in-two-splits")
    assert one["message"] == "2 images of val have the file name of one of train: c.jpg is one"
    assert (one["severity"], one["location"]["path"].rpartition("/")[2]) == ("note", "val.json")
    (tmp_path / "train").mkdir()  # the images of one are known
    assert len(found(patchkit("check-data", tmp_path, "--format", "json"), "image-in-two-splits")) == 1
    (tmp_path / "val").mkdir()  # the same names in two folders
    assert not found(patchkit("check-data", tmp_path, "--format", "json"), "image-in-two-splits")
