"""The table of what trainers do with defects of data sets, against the trainers' own functions.

Every entry of the table is compared with what came of the same defect, planted in a small data set, unless READ says
why it is known from the code alone. The YOLOv10 fork is on no index: its entries are compared where the environment
variable PATCHKIT_YOLOV10 names a checkout of it.
"""

import json
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from framework_tests.conftest import Packages
from patchkit.check_data import fates
from patchkit.check_data.fates import OUTCOMES, TRAINERS
from patchkit.rules import dataset as rules
from patchkit.subjects.dataset.labels import COCO, FOLDER, FORMATS, VOC, YOLO

Json = dict[str, Any]
Rows = Sequence[list[float]]

READS = {
    "ultralytics": (YOLO,),
    "yolov10": (YOLO,),
    "paddledetection": (COCO, VOC),
    "mlcommons": (COCO,),
    "torchvision": (COCO,),
    "crossentropy": (FOLDER,),
}
FIELDS = {"trainer", "releases", "outcome", "account", "evidence"}
YOLOV10 = os.environ.get("PATCHKIT_YOLOV10")
# In parts of the image, and in pixels: VOC clips at the last pixel, not at the edge.
PARTS, PIXELS = 1e-3, 1.0

ONE_SPLIT = "its reader takes one split and has nothing to compare it with"
REFERENCE = "its reference training is in no package; its models read neither area nor iscrowd"
INCOMPLETE = tuple(f"annotation-incomplete/{fault}" for fault in ("area", "iscrowd", "iscrowd-odd", "area-zero"))
ITS_OWN = "ConvertCocoPolysToMask is in no package; measured by hand with the checkout that the evidence names"
READ = {
    **{
        (trainer, rule): ONE_SPLIT
        for trainer in ("paddledetection", "mlcommons")
        for rule in ("image-in-two-splits", "class-only-in-validation")
    },
    **{
        ("mlcommons", rule): ITS_OWN
        for rule in (
            *("coordinate-not-finite", "coordinate-outside", "edge-outside", "size-zero", "size-negative"),
            *("annotation-unreadable", "annotation-unreadable/no-box", *INCOMPLETE),
        )
    },
    **{("torchvision", rule): REFERENCE for rule in INCOMPLETE},
}
OF_PYCOCOTOOLS = ("annotation-id-duplicate", "image-unknown")
OF_FILES = (  # variants of a COCO file
    *("record-id-duplicate/", "annotation-unreadable/", "path-unreadable/", "image-unknown/"),
)
OF_TARGETS = ("annotation-unreadable/no-box",)  # pycocotools reads it
OF_IMAGES = ("image-unreadable", "path-unreadable")


@dataclass(frozen=True)
class Entry:
    """An entry of the table, for one of its formats."""

    key: str
    format: str
    outcome: str
    trainer: str

    @property
    def planted(self) -> str:
        """The defect in the scripts: an image that is in two splits has the same bytes there."""
        return self.key.removesuffix("/content")

    def __str__(self) -> str:
        return f"{self.trainer}-{self.format}-{self.key}"


TABLE: dict[str, list[Json]] = json.loads(Path(fates.__file__).with_name("fates.json").read_text(encoding="utf-8"))


def entries() -> Iterator[Entry]:
    for key, found in TABLE.items():
        for entry in found:
            for format_ in entry.get("formats", READS[entry["trainer"]]):
                yield Entry(key, format_, entry["outcome"], entry["trainer"])


ENTRIES = list(entries())
MEASURED = [entry for entry in ENTRIES if (entry.trainer, entry.planted) not in READ and entry.trainer != "yolov10"]
FORK = [entry for entry in ENTRIES if entry.trainer == "yolov10"]


# What the scripts say


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fates")


@pytest.fixture(scope="module")
def ultralytics(torch_python: Path, folder: Path) -> Json:
    answer: Json = Packages(folder, torch_python).answer("dataset_fates_yolo.py", cwd=folder / "ultralytics")
    return answer


@pytest.fixture(scope="module")
def yolov10(torch_python: Path, folder: Path) -> Json:
    answer: Json = Packages(Path(str(YOLOV10)), torch_python).answer("dataset_fates_yolo.py", cwd=folder / "yolov10")
    return answer


@pytest.fixture(scope="module")
def paddle(paddle_python: Path, folder: Path) -> Json:
    answer: Json = Packages(folder, paddle_python).answer("dataset_fates_paddle.py", cwd=folder / "paddle")
    return answer


@pytest.fixture(scope="module")
def torch(torch_python: Path, folder: Path) -> Json:
    answer: Json = Packages(folder, torch_python).answer("dataset_fates_torch.py", cwd=folder / "torch")
    return answer


# The words for it


def is_same(one: Rows, other: Rows, tolerance: float) -> bool:
    """True if they are the same rows in any order."""
    if len(one) != len(other):
        return False
    pairs = zip(sorted(one), sorted(other), strict=True)
    return all(
        left[0] == right[0] and all(abs(a - b) <= tolerance for a, b in zip(left[1:], right[1:], strict=True))
        for left, right in pairs
    )


def of_rows(seen: Json, tolerance: float) -> str:
    """Of the rows of an image as they are written, as they should be, and as they come to the loss."""
    if "raised" in seen:
        return "crash"
    if "rows" not in seen:
        return "drops-image"
    rows, written, right = seen["rows"], seen["written"], seen["right"]
    if right is not None and is_same(rows, right, tolerance):
        return "ignored" if is_same(written, right, tolerance) else "mended"
    if is_same(rows, written, tolerance):
        return "trains-on-it"
    if len(rows) != len(written):
        return "drops-row" if len(rows) < len(written) else "wrong-box"
    same_classes = sorted(row[0] for row in rows) == sorted(row[0] for row in written)
    return "wrong-box" if same_classes else "wrong-class"


def of_losses(seen: Json) -> str:
    """Of the losses of a detector, and what they are the same as."""
    if "raised" in seen:
        return "crash"
    for other, outcome in (
        ("right", "ignored"),
        ("without the row", "drops-row"),
        ("the class below", "wrong-class"),
        ("the last class", "wrong-class"),
    ):
        if seen.get(f"same as {other}"):
            return outcome
    return "trains-on-it"


def of_pycocotools(key: str, seen: Json) -> str:
    """Of the boxes of an image that has (24, 24, 16, 16) and (8, 8, 16, 16), and of the images that there are."""
    if "raised" in seen:
        return "crash"
    boxes = seen["boxes"]
    if not boxes and seen["file"] == "bad.png":
        return "trains-on-it"
    if len(boxes) > 2:
        return "wrong-box"
    if boxes[:1] != [[24, 24, 16, 16]] or len(boxes) != 2:
        return "drops-row"
    if boxes[1] != [8, 8, 16, 16]:
        return "wrong-box"
    if key == "image-unknown" and seen["images"] == [1, 2]:
        return "drops-row"
    return "ignored" if seen["classes"] == [0, 1] else "trains-on-it"


def of_folders(key: str, seen: Json) -> str:
    """Of the cross entropy of images in class folders."""
    if "raised" in seen:
        return "crash"
    if seen["other indices in validation"]:
        return "wrong-class"
    return "ignored" if key == "stem-twice" else "trains-on-it"


def observed(entry: Entry, request: pytest.FixtureRequest) -> str:
    """The outcome of the defect; fails with KeyError if it is not planted."""
    key = entry.planted
    if key == "category-names-differ":
        seen = request.getfixturevalue("paddle")[key]
        first, second = seen["paddledetection" if entry.trainer == "paddledetection" else "pycocotools"]
        return "ignored" if first == second else "wrong-class"
    if entry.trainer in ("ultralytics", "yolov10"):
        return of_rows(request.getfixturevalue(entry.trainer)[key], PARTS)
    if entry.trainer == "paddledetection":
        paddle = request.getfixturevalue("paddle")
        if key.startswith("class-count-differs"):
            classes = {"fewer": "1", "more": "5", "splits": "3"}[key.partition("/")[2]]
            raised = ["raised" in seen for case, seen in paddle["heads"].items() if case.startswith(f"{classes} ")]
            assert len(raised) == 2
            return "crash" if all(raised) else "trains-on-it" if not any(raised) else "sometimes"
        return of_rows(paddle[entry.format][key], PIXELS)
    if key in OF_PYCOCOTOOLS or (key.startswith(OF_FILES) and key not in OF_TARGETS):
        return of_pycocotools(key, request.getfixturevalue("paddle")["pycocotools"][key])
    torch = request.getfixturevalue("torch")
    if entry.trainer == "crossentropy":
        return of_folders(key, torch["folder"][key])
    if key.endswith("/number-of-image"):
        return of_losses(request.getfixturevalue("paddle")["number of image"])
    if key.startswith("id-not-integer/"):
        return "crash" if "raised" in torch["ids"][key] else "ignored"
    return of_losses(torch["images" if key in OF_IMAGES else "RetinaNet"][key])


# The tests


def test_the_table_uses_the_words_that_there_are() -> None:
    assert set(READS) == set(TRAINERS)
    folders = [Path(place) for place in rules.__path__]
    for key, found in TABLE.items():
        rule = key.partition("/")[0].replace("-", "_")
        assert any((folder / f"{rule}.py").exists() for folder in folders), key
        for entry in found:
            assert set(entry) - {"formats"} == FIELDS, key
            assert all(isinstance(entry[field], str) and entry[field] for field in FIELDS), key
            assert entry["trainer"] in TRAINERS, key
            assert entry["outcome"] in OUTCOMES, key
            assert entry["account"].endswith("."), key
            assert set(entry.get("formats", ())) <= {*FORMATS} & {*READS[entry["trainer"]]}, key


def test_a_trainer_has_one_outcome_for_a_defect_of_a_format() -> None:
    places = [(entry.key, entry.trainer, entry.format) for entry in ENTRIES]
    assert len(places) == len(set(places))


def test_nothing_is_called_read_that_is_not_in_the_table() -> None:
    assert set(READ) <= {(entry.trainer, entry.planted) for entry in ENTRIES}


@pytest.mark.parametrize("entry", MEASURED, ids=str)
def test_the_trainer_does_what_the_table_says(entry: Entry, request: pytest.FixtureRequest) -> None:
    assert observed(entry, request) == entry.outcome


if YOLOV10:

    def test_the_fork_does_what_the_table_says(request: pytest.FixtureRequest) -> None:
        assert {str(entry): observed(entry, request) for entry in FORK} == {str(entry): entry.outcome for entry in FORK}


def test_ultralytics_checks_no_area_and_its_transforms_take_such_boxes_out(ultralytics: Json) -> None:
    for key in ("size-zero", "size-tiny"):
        seen = ultralytics[key]
        assert len(seen["loaded"]) == 2, key
        assert seen["log"] == [], key
        assert seen["classes by default"] == [0], key  # of boxes that the random transforms have moved
    assert ultralytics["edge-outside"]["classes by default"] == [0, 1]


def test_ultralytics_says_which_images_it_drops(ultralytics: Json) -> None:
    dropped = [key for key, seen in ultralytics.items() if of_rows(seen, PARTS) == "drops-image"]
    assert len(dropped) > 10
    silent = [key for key in dropped if "ignoring corrupt image/label" not in "".join(ultralytics[key]["log"])]
    assert silent == ["path-unreadable/folder"]


def test_ultralytics_trains_both_images_of_a_stem_and_an_image_as_often_as_it_is_named(ultralytics: Json) -> None:
    assert ultralytics["stem-twice"]["images"] == ["bad.jpg", "bad.png", "good.png"]
    assert ultralytics["image-listed-twice"]["images"] == ["bad.png", "bad.png", "good.png"]
    splits = ultralytics["image-in-two-splits"]
    assert "bad.png" in splits["images"]
    assert "bad.png" in splits["validation images"]


def test_ultralytics_refuses_a_data_yaml_without_train_or_val_or_with_an_empty_val(ultralytics: Json) -> None:
    for key, words in (("", "'val:' key missing"), (", train", "'train:' key missing"), (", empty", "get_img_files")):
        assert words in ultralytics[f"split-missing{key}"]["raised"], key


def test_ultralytics_takes_every_key_of_names_that_int_takes(ultralytics: Json) -> None:
    assert "invalid literal for int()" in ultralytics["class-key-not-integer"]["raised"]
    assert of_rows(ultralytics["class-key-not-integer, digits"], PARTS) == "ignored"


def test_ultralytics_refuses_names_that_are_none_and_takes_what_int_takes_for_nc(ultralytics: Json) -> None:
    assert "must be list or dict" in ultralytics["class-count-unreadable"]["raised"]
    assert "at least one class name" in ultralytics["class-count-unreadable, empty"]["raised"]
    assert of_rows(ultralytics["class-count-unreadable, digits"], PARTS) == "ignored"


def test_what_cannot_be_opened_drops_an_image_of_ultralytics_and_what_is_no_file_is_missing(ultralytics: Json) -> None:
    for key in ("image", "no image"):
        assert of_rows(ultralytics[f"path-unreadable, {key}"], PARTS) == "drops-image"
    assert ultralytics["path-unreadable, pipe"]["rows"] == []
    assert "get_img_files" in ultralytics["path-unreadable, all"]["raised"]


def test_a_loop_lists_images_of_ultralytics_over_and_over(ultralytics: Json) -> None:
    assert len(ultralytics["path-unreadable/loop"]["images"]) == 82


def test_ultralytics_passes_over_names_with_a_dot_and_resolves_what_a_data_yaml_names(ultralytics: Json) -> None:
    assert ultralytics["hidden"]["images"] == ["bad.png", "good.png"]
    for key in ("hidden", "linked images", "line ends"):
        assert of_rows(ultralytics[key], PARTS) == "ignored", key


def test_ultralytics_takes_the_last_of_two_names(ultralytics: Json) -> None:
    assert of_rows(ultralytics["key-given-twice, names"], PARTS) == "trains-on-it"


def test_trainers_check_the_points_of_a_pose_and_of_its_box_what_is_below_0(ultralytics: Json) -> None:
    dropped = {key for key, seen in ultralytics.items() if "/pose" in key and of_rows(seen, PARTS) == "drops-image"}
    words = ("coordinate-not-finite/pose, nan", "coordinate-not-finite/pose, below")
    assert dropped == {*words, "coordinate-outside/pose, point", "coordinate-outside/pose, below"}
    assert of_rows(ultralytics["coordinate-not-finite/pose, width"], PARTS) == "drops-row"
    assert of_rows(ultralytics["coordinate-not-finite/visibility, nan"], PARTS) == "drops-image"
    assert of_rows(ultralytics["edge-outside/pose"], PARTS) == "mended"


def test_trainers_check_the_box_around_a_polygon(ultralytics: Json) -> None:
    assert of_rows(ultralytics["coordinate-outside/polygon"], PARTS) == "drops-image"
    assert of_rows(ultralytics["edge-outside/polygon"], PARTS) == "mended"


def test_ultralytics_tolerates_a_hundredth_on_every_side(ultralytics: Json) -> None:
    for key in ("tolerated", "tolerated, below", "tolerated, width"):
        assert of_rows(ultralytics[f"coordinate-outside/{key}"], PARTS) == "mended", key
    assert of_rows(ultralytics["coordinate-outside/tolerated, point"], PARTS) == "ignored"


def test_paddledetection_drops_with_a_warning_or_without_one(paddle: Json) -> None:
    for format_ in (COCO, VOC):
        for key in ("size-zero", "size-negative", "image-unreadable, missing"):
            assert paddle[format_][key]["log"], (format_, key)
        assert paddle[format_]["label-empty"]["log"] == []
        assert "bad.png" not in paddle[format_]["image-unreadable, missing"]["images"]
    for key in ("annotation-unreadable/no-box", "annotation-unreadable/no-box, absent"):
        assert paddle[COCO][key]["log"] == []
        assert of_rows(paddle[COCO][key], PIXELS) == "drops-row"
    assert "raised" in paddle[COCO]["annotation-unreadable, null"]
    assert paddle[COCO]["annotation-incomplete/area-zero"]["log"]
    for member in ("area", "iscrowd"):
        assert f"'{member}'" in paddle[COCO][f"annotation-incomplete/{member}"]["raised"]


def test_a_box_whose_centre_alone_is_outside_is_clipped_and_one_behind_the_last_pixel_is_dropped(
    paddle: Json, torch: Json
) -> None:
    for format_ in (COCO, VOC):
        for key in ("edge-outside, centre outside", "edge-outside, all edges"):
            assert of_rows(paddle[format_][key], PIXELS) == "mended", (format_, key)
    assert of_rows(paddle[VOC]["coordinate-outside, last pixel"], PIXELS) == "drops-row"
    assert of_losses(torch["RetinaNet"]["edge-outside, centre outside"]) == "trains-on-it"


def test_a_category_that_is_written_as_true_is_the_first_and_one_that_is_no_number_raises(
    paddle: Json, torch: Json
) -> None:
    assert of_rows(paddle[COCO]["class-not-integer/whole, true"], PIXELS) == "ignored"
    assert of_losses(torch["RetinaNet"]["class-not-integer/whole, true"]) == "ignored"
    for key in ("annotation-unreadable/category-id, null", "annotation-unreadable/category-id, nan"):
        assert "raised" in paddle[COCO][key]
        assert "raised" in torch["RetinaNet"][key]
    assert "raised" in paddle["pycocotools"]["annotation-unreadable/annotation-id, list"]


def test_paddledetection_reads_text_ids_of_images_and_stops_at_the_first_batch(paddle: Json) -> None:
    assert "raised" not in paddle[COCO]["sound"]
    assert "raised" not in paddle[COCO]["id-not-integer/of-category, one character"]
    assert "KeyError" in paddle["text of image"]["raised"]
    assert paddle[COCO]["id-not-integer/of-image"]["images"] == ["bad.png", "good.png"]


def test_paddledetection_reads_a_doctype_and_text_of_entities(paddle: Json) -> None:
    assert of_rows(paddle[VOC]["annotation-unreadable, doctype"], PIXELS) == "ignored"
    assert of_rows(paddle[VOC]["annotation-unreadable, text"], PIXELS) == "ignored"
    for key in ("annotation-unreadable, cut", "annotation-unreadable, undefined", "annotation-unreadable/entity, file"):
        assert "ParseError" in paddle[VOC][key]["raised"], key
    assert "ValueError" in paddle[VOC]["path-unreadable, label_list"]["raised"]


def test_an_image_folder_of_paddledetection_reads_no_labels(paddle: Json) -> None:
    assert paddle["ImageFolder"] == {"images": 2, "members": ["im_file", "im_id"]}


def test_paddledetection_numbers_the_categories_of_each_file_by_itself(paddle: Json) -> None:
    assert paddle["splits"] == {"train": {"one": 0, "two": 1, "three": 2}, "val": {"two": 0, "three": 1}}


def test_paddledetection_takes_the_class_after_the_last_for_background_at_first(paddle: Json) -> None:
    heads = paddle["heads"]
    assert heads["3 classes, static assigner"]["loss_iou"] > 0
    assert heads["2 classes, static assigner"]["loss_iou"] == 0
    assert "gather_nd" in heads["2 classes, task-aligned assigner"]["raised"]


def test_faster_rcnn_is_as_the_accounts_say(torch: Json) -> None:
    differs = {"class-negative", "row-duplicate"}
    for key, seen in torch["Faster R-CNN"].items():
        assert (of_losses(seen) == of_losses(torch["RetinaNet"][key])) == (key not in differs), key
    negative = torch["Faster R-CNN"]["class-negative"]
    assert "raised" not in negative
    assert not negative["same as the last class"]
    assert not torch["Faster R-CNN"]["row-duplicate"]["same as right"]


def test_the_background_of_faster_rcnn_is_label_0_and_retinanet_has_none(torch: Json) -> None:
    assert torch["RetinaNet"]["category-id-zero"]["losses"]["bbox_regression"] > 0
    assert torch["Faster R-CNN"]["category-id-zero"]["losses"]["loss_box_reg"] == 0
    assert torch["Faster R-CNN"]["label-missing"]["losses"]["loss_box_reg"] > 0  # of the other images


@pytest.mark.parametrize("detector", ["RetinaNet", "Faster R-CNN"])
def test_the_loss_of_a_box_of_nan_is_nan(torch: Json, detector: str) -> None:
    assert any(math.isnan(loss) for loss in torch[detector]["coordinate-not-finite"]["losses"].values())


def test_class_folders_with_a_dead_link_or_without_images_stop_the_training(torch: Json) -> None:
    assert "pil_loader" in torch["folder"]["path-unreadable, image"]["raised"]
    assert "Found no valid file" in torch["folder"]["class-never-seen"]["raised"]
