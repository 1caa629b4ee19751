"""`check-data` on records of COCO, VOC and image folders that trainers read in other ways than they are meant."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.data_sets import IMAGE, write
from tests.support import Patchkit

Json = dict[str, Any]
BOX = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20], "area": 400, "iscrowd": 0}
OTHER = {"id": 2, "image_id": 1, "category_id": 2, "bbox": [30, 10, 20, 20], "area": 400, "iscrowd": 0}
CATEGORIES = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]


def coco(*annotations: Json, **more: Any) -> str:
    """A file whose annotations stand in lines of their own, from the second on."""
    rest = json.dumps({"images": [image()], "categories": CATEGORIES, **more})
    return '{"annotations": [\n' + ",\n".join(map(json.dumps, annotations)) + f"\n], {rest[1:]}"


def image(**members: Any) -> Json:
    return {"id": 1, "file_name": "a.jpg", "width": 64, "height": 48, **members}


def found(patchkit: Patchkit, data: Path, *options: str) -> list[Json]:
    answer = patchkit("check-data", data, "--least", "0", "--format", "json", *options)
    beside = ("class-never-seen", "label-empty")
    return [one for one in answer.json["findings"] if one["rule"] not in beside]


def found_in(patchkit: Patchkit, folder: Path, text: str, *options: str) -> list[Json]:
    (folder / "a.json").write_text(text)
    return found(patchkit, folder / "a.json", *options)


def told(findings: list[Json]) -> list[tuple[str, str, str]]:
    return [(one["rule"], one["severity"], one["message"]) for one in findings]


def fates(finding: Json) -> dict[str, str]:
    return {fate["trainer"]: fate["outcome"] for fate in finding["fates"]}


# Categories and ids


@pytest.mark.parametrize(("category", "text"), [(1.0, "1.0"), (True, "true")])
def test_a_category_of_1_0_or_true_is_a_note_and_stays(
    category: object, text: str, patchkit: Patchkit, tmp_path: Path
) -> None:
    whole = coco({**BOX, "category_id": category}, OTHER)
    (finding,) = found_in(patchkit, tmp_path, whole)
    message = f"annotation 1: category_id is {text}, which readers take for 1"
    assert told([finding]) == [("class-not-integer", "note", message)]
    assert fates(finding) == {"paddledetection": "ignored", "mlcommons": "ignored", "torchvision": "ignored"}
    answer = patchkit("check-data", tmp_path / "a.json", "--least", "0", "--fix", "--quarantine", tmp_path / "q")
    assert answer.code == 0, answer.out
    assert (tmp_path / "a.json").read_text() == whole


def test_a_category_with_a_fraction_has_its_own_fates_and_is_moved_alone(patchkit: Patchkit, tmp_path: Path) -> None:
    (finding,) = found_in(patchkit, tmp_path, coco({**BOX, "category_id": 1.5}, OTHER))
    assert told([finding]) == [("class-not-integer", "error", "annotation 1: category_id 1.5 is no whole number")]
    assert finding["location"]["line"] == 2
    assert fates(finding) == {"paddledetection": "crash", "mlcommons": "wrong-class", "torchvision": "wrong-class"}
    patchkit("check-data", tmp_path / "a.json", "--fix", "--quarantine", tmp_path / "q")
    assert json.loads((tmp_path / "a.json").read_text())["annotations"] == [OTHER]


def test_a_category_of_1_0_that_the_file_does_not_have_is_unknown(patchkit: Patchkit, tmp_path: Path) -> None:
    findings = found_in(patchkit, tmp_path, coco({**BOX, "category_id": 9.0}, OTHER))
    assert told(findings) == [("category-unknown", "error", "annotation 1: no category is 9")]


@pytest.mark.parametrize(
    ("members", "message", "outcome", "word"),
    [
        ({"category_id": None}, "category_id is missing", "crash", "category_id"),
        ({"category_id": [1]}, "category_id is [1]", "crash", "category_id"),
        ({"category_id": float("nan")}, "category_id is NaN", "crash", "category_id"),
        ({"id": [1]}, "id is [1]", "crash", "without id"),
        ({"id": None}, "id is null", "wrong-box", "id is null"),
        ({"bbox": []}, "bbox is [], and no list of four numbers", "drops-row", "passed over"),
        ({"bbox": [1, 2, 3]}, "bbox is [1, 2, 3], and no list of four numbers", "crash", "four numbers"),
        ({"image_id": [1]}, "it has no image_id", "crash", "image_id"),
    ],
)
def test_the_account_of_an_annotation_is_that_of_its_fault(
    members: Json, message: str, outcome: str, word: str, patchkit: Patchkit, tmp_path: Path
) -> None:
    (finding,) = found_in(patchkit, tmp_path, coco({**BOX, **members}, OTHER))
    assert finding["message"].removeprefix("annotation 1: ") == message
    (fate,) = (fate for fate in finding["fates"] if fate["trainer"] == "paddledetection")
    assert fate["outcome"] == outcome
    assert word in fate["account"]


@pytest.mark.parametrize(
    ("member", "message"),
    [("id", "id is missing"), ("image_id", "it has no image_id"), ("bbox", "bbox is missing, and no list")],
)
def test_a_member_that_is_missing_is_not_one_that_is_null(
    member: str, message: str, patchkit: Patchkit, tmp_path: Path
) -> None:
    lacking = {name: value for name, value in BOX.items() if name != member}
    missing = found_in(patchkit, tmp_path, coco(lacking, OTHER))[0]
    null = found_in(patchkit, tmp_path, coco({**BOX, member: None}, OTHER))[0]
    assert message in missing["message"]
    assert fates(missing) != fates(null)


def test_ids_of_annotations_that_pandas_has_written_are_sound(patchkit: Patchkit, tmp_path: Path) -> None:
    assert found_in(patchkit, tmp_path, coco({**BOX, "id": 1.0, "image_id": 1.0}, OTHER)) == []
    (twice,) = found_in(patchkit, tmp_path, coco({**BOX, "id": 2.0}, OTHER))
    assert twice["rule"] == "annotation-id-duplicate"


@pytest.mark.parametrize(
    ("id", "shown", "outcomes"),
    [
        ("a", '"a"', ("crash", "crash", "crash")),
        (1.0, "1.0", ("ignored", "crash", "crash")),
        (True, "true", ("ignored", "crash", "crash")),
    ],
)
def test_ids_of_images_that_are_no_whole_numbers_are_told_once(
    id: object, shown: str, outcomes: tuple[str, ...], patchkit: Patchkit, tmp_path: Path
) -> None:
    images = [image(id=id), image(id=f"{id} too" if id == "a" else 2.0, file_name="b.jpg")]
    (finding,) = found_in(patchkit, tmp_path, coco({**BOX, "image_id": id}, images=images))
    assert finding["rule"] == "id-not-integer"
    assert finding["message"].startswith(f"the id of an image is {shown}: ")
    assert tuple(fates(finding).values()) == outcomes
    assert finding["fix"] is None


def test_ids_of_categories_that_are_no_whole_numbers_are_told(patchkit: Patchkit, tmp_path: Path) -> None:
    boxes = [{**BOX, "category_id": "k"}, OTHER]
    categories = [{"id": "k", "name": "cat"}, {"id": "m", "name": "cow"}, {"id": 2.0, "name": "dog"}]
    first, second = found_in(patchkit, tmp_path, coco(*boxes, categories=categories))
    assert {first["rule"], second["rule"]} == {"id-not-integer"}
    assert fates(first) == {"paddledetection": "crash", "mlcommons": "crash", "torchvision": "crash"}
    assert fates(second) == {"paddledetection": "crash", "mlcommons": "ignored", "torchvision": "ignored"}


def test_a_category_without_name_is_told_and_shown_without_one(patchkit: Patchkit, tmp_path: Path) -> None:
    (finding,) = found_in(patchkit, tmp_path, coco(BOX, OTHER, categories=[*CATEGORIES, {"id": 3}]))
    assert told([finding]) == [("annotation-unreadable", "error", "category 3: it has no name")]
    assert fates(finding) == {"paddledetection": "crash", "mlcommons": "ignored", "torchvision": "ignored"}
    assert "class 3 has no object" in patchkit("check-data", tmp_path / "a.json").out


# Boxes


@pytest.mark.parametrize(
    ("box", "rule", "outcomes"),
    [
        ([60, 5, 10, 4], "edge-outside", ("mended", "mended", "trains-on-it")),
        ([-9, 5, 10, 4], "edge-outside", ("mended", "mended", "trains-on-it")),
        ([-200, 5, 464, 10], "edge-outside", ("mended", "mended", "trains-on-it")),
        ([64, 5, 10, 4], "coordinate-outside", ("wrong-box", "drops-row", "trains-on-it")),
        ([5, -4, 10, 4], "coordinate-outside", ("wrong-box", "drops-row", "trains-on-it")),
        ([900, 5, 10, 4], "coordinate-outside", ("wrong-box", "drops-row", "trains-on-it")),
    ],
)
def test_a_box_is_outside_if_clipping_leaves_nothing_of_it(
    box: list[int], rule: str, outcomes: tuple[str, ...], patchkit: Patchkit, tmp_path: Path
) -> None:
    (finding,) = found_in(patchkit, tmp_path, coco({**BOX, "bbox": box}, OTHER))
    assert (finding["rule"], tuple(fates(finding).values())) == (rule, outcomes)
    assert (finding["fix"] is None) == (rule == "edge-outside")


def test_the_same_box_in_two_images_is_no_row_twice(patchkit: Patchkit, tmp_path: Path) -> None:
    images = [{"id": id, "file_name": f"{id}.jpg", "width": 64, "height": 48} for id in (1, 2, 2**40)]
    record = {"category_id": 1, "bbox": [0, 0, 70, 48], "area": 9, "iscrowd": 0}  # each is looked at: it reaches out
    boxes = [{"id": number, "image_id": image["id"], **record} for number, image in enumerate(images)]
    text = json.dumps({"images": images, "categories": [{"id": 1, "name": "cat"}], "annotations": boxes})
    assert [one["rule"] for one in found_in(patchkit, tmp_path, text)] == ["edge-outside"] * 3


def test_a_box_without_bounds_is_only_not_finite(patchkit: Patchkit, tmp_path: Path) -> None:
    for bad in ("Infinity", "-Infinity", "NaN"):
        text = coco({**BOX, "bbox": [0, 5, 99, 4]}, OTHER)
        for box in (f"[{bad}, 5, 99, 4]", f"[0, 5, {bad}, 4]"):
            findings = found_in(patchkit, tmp_path, text.replace("[0, 5, 99, 4]", box))
            assert {one["rule"] for one in findings} <= {"coordinate-not-finite", "size-negative"}


VOC = """<annotation><size><width>64</width><height>48</height></size>
<object><name>cat</name><bndbox><xmin>{0}</xmin><ymin>10</ymin><xmax>{1}</xmax><ymax>20</ymax></bndbox></object>
</annotation>
"""


def voc(folder: Path, text: str) -> Path:
    return write(folder, {"Annotations/a.xml": text, "JPEGImages/a.jpg": IMAGE})


@pytest.mark.parametrize(
    ("edges", "rule", "outcome"),
    [
        ((50, 80), "edge-outside", "mended"),
        ((60, 80), "edge-outside", "mended"),
        ((63, 80), "coordinate-outside", "drops-row"),  # the last pixel is 63
        ((64, 80), "coordinate-outside", "drops-row"),
        ((-9, 0), "coordinate-outside", "drops-row"),
    ],
)
def test_a_box_of_voc_is_outside_behind_the_last_pixel(
    edges: tuple[int, int], rule: str, outcome: str, patchkit: Patchkit, tmp_path: Path
) -> None:
    (finding,) = found(patchkit, voc(tmp_path, VOC.format(*edges)), "--for", "paddledetection")
    assert (finding["rule"], fates(finding)) == (rule, {"paddledetection": outcome})


def test_a_doctype_is_no_fault_and_entities_that_multiply_are_refused(patchkit: Patchkit, tmp_path: Path) -> None:
    sound = VOC.format(10, 20)
    assert found(patchkit, voc(tmp_path / "doctype", f"<!DOCTYPE annotation>\n{sound}")) == []
    bomb = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 20))
    text = f'<!DOCTYPE a [<!ENTITY l0 "cat">\n{bomb}]>{sound.replace("cat", "&l19;")}'
    only = ("--for", "paddledetection", "--select", "annotation-unreadable")
    (finding,) = found(patchkit, voc(tmp_path / "bomb", text), *only)
    assert finding["message"].startswith("it uses the entity l1, which is long, or holds markup")
    assert finding["location"]["line"] == 2
    assert "Entities that multiply" in finding["fates"][0]["account"]


# Numbers of classes


@pytest.mark.parametrize(
    ("classes", "outcomes"),
    [(1, {"crash"}), (80, {"trains-on-it"})],
)
def test_more_outputs_than_categories_stop_no_training(
    classes: int, outcomes: set[str], patchkit: Patchkit, tmp_path: Path
) -> None:
    (finding,) = found_in(patchkit, tmp_path, coco(BOX, OTHER), "--nc", str(classes))
    assert finding["rule"] == "class-count-differs"
    assert set(fates(finding)) == {"paddledetection", "mlcommons", "torchvision"}
    assert set(fates(finding).values()) == outcomes


def test_categories_of_validation_are_not_what_the_training_counts(patchkit: Patchkit, tmp_path: Path) -> None:
    files = {"train.json": coco(BOX, OTHER), "val.json": coco(BOX, categories=CATEGORIES[:1])}
    write(tmp_path, {f"annotations/instances_{name}": text for name, text in files.items()})
    differs = [one for one in found(patchkit, tmp_path) if one["rule"] == "class-count-differs"]
    assert [fates(one) for one in differs] == [
        {"paddledetection": "trains-on-it", "mlcommons": "ignored", "torchvision": "ignored"}
    ]


# What is no COCO, and folders


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "it is a list, as files of detection results are, and no COCO file"),
        ('\n [{"image_id": 1}]', "it is a list, as files of detection results are, and no COCO file"),
        ('{"info": 1}', 'it is no COCO file: it has no images, but "info"'),
        ("{}", "it is no COCO file: it has no images, but no key at all"),
        (json.dumps(dict.fromkeys("abcdefg", 1)), 'it has no images, but "a", "b", "c", "d", "e", ...'),
        ('{"images": [], "x": 1}', 'it is no COCO file: it has no annotations, but "images", "x"'),
    ],
)
def test_what_is_no_coco_file_says_what_it_has_and_what_to_do(
    text: str, message: str, patchkit: Patchkit, tmp_path: Path
) -> None:
    (finding,) = found_in(patchkit, tmp_path, text)
    assert message in finding["message"]
    assert finding["evidence"].endswith("name a file with images, annotations and categories")


@pytest.mark.parametrize("names", [("training", "validation"), ("train", "val"), ("training", "testing", "evaluation")])
def test_images_right_in_folders_of_splits_are_not_taken_for_two_classes(
    names: tuple[str, ...], patchkit: Patchkit, tmp_path: Path
) -> None:
    write(tmp_path / "hw3", {f"{name}/{label}_12.jpg": IMAGE for name in names for label in (0, 3)})
    write(tmp_path / "hw3", {"notes/read.txt": "no class"})
    answer = patchkit("check-data", tmp_path / "hw3")
    assert answer.code == 2, answer.out
    assert "their images are in no class folders" in answer.err
    assert r"--pattern '(?P<label>\d+)_.*\.jpg'" in answer.err
    pattern = patchkit("check-data", tmp_path / "hw3", "--pattern", r"(?P<label>\d+)_.*\.jpg", "--least", "0")
    assert pattern.code == 0, pattern.out


def test_a_class_that_no_file_name_has_is_not_refused_as_an_empty_folder_is(patchkit: Patchkit, tmp_path: Path) -> None:
    write(tmp_path / "names", {"train/0_1.jpg": IMAGE, "val/1_1.jpg": IMAGE})
    options = ("--pattern", r"(?P<label>\d+)_.*\.jpg", "--nc", "3", "--least", "0", "--format", "json")
    answer = patchkit("check-data", tmp_path / "names", *options, "--for", "crossentropy")
    assert {one["rule"]: fates(one)["crossentropy"] for one in answer.json["findings"]} == {
        "class-never-seen": "trains-on-it",
        "class-only-in-validation": "trains-on-it",
    }
    assert "ImageFolder" not in answer.out
    write(tmp_path / "folders", {f"{split}/cat/1.jpg": IMAGE for split in ("train", "val")})
    for split in ("train", "val"):
        (tmp_path / "folders" / split / "dog").mkdir()
    answer = patchkit("check-data", tmp_path / "folders", "--for", "crossentropy", "--least", "0", "--format", "json")
    assert [fates(one)["crossentropy"] for one in answer.json["findings"]] == ["crash"]
