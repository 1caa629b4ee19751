"""`patchkit check-data` on folders of COCO files: which files they are, and where their images are."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Answer
from tests.data_sets import IMAGE, write
from tests.support import assert_refused

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
        (("train/labels/openimages-mlperf.json", "validation/labels/openimages-mlperf.json"), ["train", "val"]),
        (("annotations/train_a.json", "annotations/train_b.json"), ["train", "train_b"]),
    ],
)
def test_every_file_is_a_split_of_its_own(
    files: tuple[str, ...], names: list[str], patchkit: Patchkit, tmp_path: Path
) -> None:
    write(tmp_path, {name: coco(f"{number}.jpg") for number, name in enumerate(files)})
    for name in files:
        if "labels/" in name and "openimages" not in name:
            (tmp_path / name).parent.with_name("data").mkdir(exist_ok=True)
    answer = patchkit("check-data", tmp_path, "--least", "0", "--format", "json")
    assert (splits(answer), told(answer)) == ([(name, 1, 1) for name in names], [])


def test_a_json_for_each_image_is_no_data_set_of_openimages(patchkit: Patchkit, tmp_path: Path) -> None:
    write(tmp_path, {f"train/labels/{number}.json": '{"shapes": []}' for number in range(3)})
    assert_refused(patchkit("check-data", tmp_path), "no data set is known")


def test_an_image_of_both_splits_of_openimages_is_found_by_its_bytes(openimages: Path, patchkit: Patchkit) -> None:
    answer = patchkit("check-data", openimages, "--by-content", "--least", "0", "--format", "json")
    assert told(answer) == [("image-in-two-splits", "c.jpg")]


# Files that hold no boxes

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0a1b\nsize 448\n"
NO_JSON: dict[str, tuple[str | bytes, str]] = {
    "pointer": (POINTER, "it is a pointer of git-lfs: run 'git lfs pull'"),
    "empty": ("", "it is empty"),
    "utf-16": (coco("a.jpg").encode("utf-16"), "it is UTF-16"),
    "utf-16-le": (coco("a.jpg").encode("utf-16-le"), "it is UTF-16"),
    "cut": (coco("a.jpg")[:40], "it is no JSON"),
    "text": ("boxes", ""),
}


@pytest.mark.parametrize("name", ["annotations/instances_train.json", "annotations/mine.json", "train2017.json"])
@pytest.mark.parametrize("kind", NO_JSON)
def test_what_is_no_json_is_told_beside_files_that_are(
    kind: str, name: str, patchkit: Patchkit, tmp_path: Path
) -> None:
    content, words = NO_JSON[kind]
    sound = "instances_val.json" if "/" not in name else "annotations/instances_val.json"
    write(tmp_path, {name: content, sound: coco("a.jpg")})
    answer = patchkit("check-data", tmp_path, "--format", "json", "--least", "0")
    assert told(answer) == [("path-unreadable", Path(name).name)]
    assert f"it cannot be read: {words}" in answer.json["findings"][0]["message"]
    assert {fate["outcome"] for fate in answer.json["findings"][0]["fates"]} == {"crash"}
    assert answer.code == 1
    alone = patchkit("check-data", tmp_path / name, "--format", "json")
    assert f"it cannot be read: {words}" in alone.json["findings"][0]["message"]


def test_json_of_other_kinds_is_only_skipped(patchkit: Patchkit, tmp_path: Path) -> None:
    others = {
        "captions_train2017.json": '{"images": [], "annotations": [{"id": 1, "image_id": 1, "caption": "a cat"}]}\n',
        "image_info_test2017.json": '{"images": [{"id": 1, "file_name": "a.jpg", "width": 9, "height": 9}]}',
        "names.json": '["cat"]',
        "val.json": '\ufeff{"images": [], "annotations": [{"id": 1, "image_id": 1, "caption": "a cat"}]}',
        "train.json": '{"annotations": [{"id": 1, "image_id": 1, "caption": "a cat"}], "images": []}',
    }
    write(tmp_path, {f"annotations/{name}": text for name, text in others.items()})
    write(tmp_path, {"annotations/instances_train2017.json": coco("a.jpg")})
    write(tmp_path, {"annotations/._instances_train2017.json": b"\0\5\x16\7Mac OS X"})
    answer = patchkit("check-data", tmp_path, "--format", "json", "--least", "0")
    assert (answer.code, told(answer)) == (0, [])
    skipped = {Path(one["reason"].partition(" has no boxes")[0]).name for one in answer.json["skipped"]}
    assert skipped == set(others)


def test_a_file_that_is_named_like_one_of_boxes_and_has_none_is_read(patchkit: Patchkit, tmp_path: Path) -> None:
    empty = json.dumps({**json.loads(coco("a.jpg")), "annotations": []})
    write(
        tmp_path, {"annotations/instances_train2017.json": empty, "annotations/instances_val2017.json": coco("b.jpg")}
    )
    answer = patchkit("check-data", tmp_path, "--format", "json", "--least", "0")
    assert told(answer) == [("split-without-objects", "instances_train2017.json")]


def test_two_files_whose_images_lie_in_folders_of_data_share_none(patchkit: Patchkit, tmp_path: Path) -> None:
    write(tmp_path, {f"{split}.json": coco("a.jpg") for split in ("train", "val")})
    write(tmp_path, {"data/train/a.jpg": IMAGE, "data/val/a.jpg": IMAGE})
    answer = patchkit("check-data", tmp_path, "--format", "json", "--least", "0")
    assert "image-in-two-splits" not in {one["rule"] for one in answer.json["findings"]}


def test_the_annotations_of_coco_2017_are_checked_once(patchkit: Patchkit, tmp_path: Path) -> None:
    segments = {"image_id": 1, "file_name": "a.png", "segments_info": [{"id": 1, "bbox": [1, 1, 9, 9]}]}
    panoptic = json.dumps({**json.loads(coco("a.jpg")), "annotations": [segments]})
    for split in ("train2017", "val2017"):
        write(
            tmp_path, {f"annotations/{kind}_{split}.json": coco("a.jpg") for kind in ("instances", "person_keypoints")}
        )
        write(tmp_path, {f"annotations/panoptic_{split}.json": panoptic, f"{split}/a.jpg": IMAGE})
    answer = patchkit("check-data", tmp_path, "--format", "json", "--least", "0")
    assert (answer.code, told(answer)) == (0, [])
    assert [split["name"] for split in answer.json["subject"]["splits"]] == ["train", "val"]
    assert (
        len(answer.json["skipped"]) - len([one for one in answer.json["skipped"] if "2017" not in one["reason"]]) == 4
    )
    alone = patchkit("check-data", tmp_path / "annotations/person_keypoints_val2017.json", "--format", "json")
    assert alone.json["subject"]["splits"][0]["objects"] > 0


CAPTION = {"id": 1, "image_id": 1, "caption": "a cat"}
NO_REST = "its first annotations have segments and no box; the rest was not read"
SEGMENTS = {"image_id": 1, "file_name": "a.png", "segments_info": [{"id": 1, "bbox": [1, 1, 9, 9]}]}


def of_other_task(*annotations: dict[str, object], **others: object) -> str:
    return json.dumps({**json.loads(coco("a.jpg")), "annotations": annotations, **others})


@pytest.mark.parametrize(
    ("name", "annotation", "has"),
    [
        ("captions_train2017.json", CAPTION, "it has captions and no boxes"),
        ("panoptic_train2017.json", SEGMENTS, NO_REST),
        ("train.json", SEGMENTS, NO_REST),
    ],
)
def test_a_file_of_another_task_is_refused_as_a_whole_and_not_moved(
    patchkit: Patchkit, tmp_path: Path, name: str, annotation: dict[str, object], has: str
) -> None:
    folder, text = tmp_path / "data", of_other_task(annotation, {**annotation, "id": 2})
    write(folder, {f"annotations/{name}": text})
    for data in (folder, folder / "annotations" / name):
        answer = patchkit("check-data", data, "--format", "json", "--fix", "--quarantine", tmp_path / "quarantine")
        assert (answer.code, told(answer)) == (1, [("path-unreadable", name)])
        (finding,) = answer.json["findings"]
        assert finding["message"] == f"it cannot be read: {has}"
        assert "instances_*.json" in finding["evidence"]
        assert {fate["trainer"]: fate["outcome"] for fate in finding["fates"]} == dict.fromkeys(
            ("paddledetection", "mlcommons", "torchvision"), "crash"
        )
    assert (folder / "annotations" / name).read_text() == text
    assert not (tmp_path / "quarantine").exists()


@pytest.mark.parametrize(
    "text",
    [
        of_other_task(CAPTION, 5, None, "x"),  # type: ignore[arg-type]
        of_other_task(*(20_000 * [CAPTION]))[:-90],
        of_other_task(CAPTION, categories=[]).replace('"annotations": [', '"annotations": [5,, '),
    ],
    ids=["no objects", "cut", "no json"],
)
def test_captions_are_told_by_their_first_annotations_whatever_else_is_there(
    text: str, patchkit: Patchkit, tmp_path: Path
) -> None:
    write(tmp_path, {"train.json": text})
    answer = patchkit("check-data", tmp_path / "train.json", "--format", "json")
    assert told(answer) == [("path-unreadable", "train.json")]
    assert "it has captions and no boxes" in answer.json["findings"][0]["message"]


BOX = {"id": 2, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20], "area": 400, "iscrowd": 0}
POLYGON = {key: value for key, value in BOX.items() if key != "bbox"}


@pytest.mark.parametrize(
    "text",
    [
        of_other_task({**BOX, "caption": "a\tb"}).replace("\\t", "\t"),
        of_other_task({**BOX, "caption": "a"}).replace("[10, 10, 20, 20]", "[10, 10, 20, 20,]"),
        of_other_task(*(6000 * [CAPTION]), BOX),
        of_other_task(POLYGON, {**POLYGON, "attributes": {"caption": "a"}}, BOX),
        of_other_task({**POLYGON, "attributes": {"segments_info": 1}}),
        of_other_task(1, "caption", {"x": {"caption": 1}}),  # type: ignore[arg-type]
    ],
    ids=["control character", "comma", "later boxes", "polygons", "nested", "junk"],
)
def test_captions_of_objects_and_broken_records_are_told_one_by_one(
    text: str, patchkit: Patchkit, tmp_path: Path
) -> None:
    write(tmp_path, {"train.json": text})
    answer = patchkit("check-data", tmp_path / "train.json", "--format", "json", "--select", "annotation-unreadable")
    assert {one["rule"] for one in answer.json["findings"]} == {"annotation-unreadable"}


def test_captions_without_categories_are_told_as_captions(patchkit: Patchkit, tmp_path: Path) -> None:
    content = json.loads(of_other_task(CAPTION))
    del content["categories"]
    write(tmp_path, {"captions_val2017.json": json.dumps(content)})
    answer = patchkit("check-data", tmp_path / "captions_val2017.json", "--format", "json")
    assert told(answer) == [("path-unreadable", "captions_val2017.json")]


def test_captions_among_boxes_are_told_one_by_one(patchkit: Patchkit, tmp_path: Path) -> None:
    (box,) = json.loads(coco("a.jpg"))["annotations"]
    write(tmp_path, {"train.json": of_other_task(box, {**CAPTION, "id": 2, "area": 1, "iscrowd": 0})})
    answer = patchkit("check-data", tmp_path / "train.json", "--format", "json", "--least", "0")
    assert told(answer) == [("annotation-unreadable", "train.json")]


def test_an_annotation_that_lost_its_box_is_told_by_its_line(patchkit: Patchkit, tmp_path: Path) -> None:
    (box,) = json.loads(coco("a.jpg"))["annotations"]
    del box["bbox"]
    write(tmp_path, {"train.json": of_other_task(box)})
    answer = patchkit("check-data", tmp_path / "train.json", "--format", "json", "--least", "0")
    assert told(answer) == [("annotation-unreadable", "train.json")]
