"""`patchkit check-data` on annotations of COCO that lack a member: area, iscrowd or the box."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Answer

Patchkit = Callable[..., Answer]
BOX = {"image_id": 1, "category_id": 7, "bbox": [10, 10, 20, 20], "area": 400, "iscrowd": 0}
MANY = 3000  # in several pieces of the file


def coco(path: Path, annotations: list[dict[str, Any]]) -> Path:
    whole = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 9000, "height": 50}],
        "categories": [{"id": 7, "name": "cat"}],
        "annotations": annotations,
    }
    path.write_text(json.dumps(whole, indent=None).replace('{"id": ', '\n{"id": '))
    return path


def boxes(count: int, **members: Any) -> list[dict[str, Any]]:
    """Annotations with other members, or without those that are None."""
    each = {name: value for name, value in {**BOX, **members}.items() if value is not None}
    return [{"id": id, **each, "bbox": [id, 10, 20, 20]} for id in range(1, count + 1)]


def told(answer: Answer, rule: str = "annotation-incomplete") -> list[dict[str, Any]]:
    return [one for one in answer.json["findings"] if one["rule"] == rule]


def outcomes(finding: dict[str, Any]) -> dict[str, str]:
    return {fate["trainer"]: fate["outcome"] for fate in finding["fates"]}


@pytest.mark.parametrize("member", ["area", "iscrowd"])
def test_annotations_that_all_lack_a_member_are_told_once(member: str, patchkit: Patchkit, tmp_path: Path) -> None:
    data = coco(tmp_path / "a.json", boxes(MANY, **{member: None}))
    answer = patchkit("check-data", data, "--format", "json", "--least", "0")
    (one,) = answer.json["findings"]
    assert one["message"] == f"{MANY} of {MANY} annotations have no {member}: this is the first"
    assert (one["rule"], one["severity"], one["location"]["line"]) == ("annotation-incomplete", "error", 4)
    assert outcomes(one) == dict.fromkeys(("paddledetection", "mlcommons", "torchvision"), "crash")
    assert answer.code == 1
    assert one["fix"] is None
    assert answer.json["subject"]["splits"][0]["objects"] == MANY


@pytest.mark.parametrize("broken", [False, True])
def test_the_first_of_few_is_told_with_its_line(broken: bool, patchkit: Patchkit, tmp_path: Path) -> None:
    annotations = boxes(MANY)
    if broken:  # no decoder takes these pieces as they are
        annotations[0]["bbox"] = [1, 2, 3]
        annotations[2600]["bbox"] = [1, 2, 3]
        annotations[2610]["area"] = float("nan")
    del annotations[2500]["area"], annotations[2700]["area"], annotations[2800]["iscrowd"]
    annotations[2900]["area"] = 0
    answer = patchkit("check-data", coco(tmp_path / "a.json", annotations), "--format", "json", "--least", "0")
    found = [(one["location"]["line"], one["message"].partition(" of ")[0]) for one in told(answer)]
    assert sorted(found) == sorted([(2504, "2"), (2804, "1"), (2614, "2") if broken else (2904, "1")])


def test_an_area_of_0_drops_the_row_of_paddledetection(patchkit: Patchkit, tmp_path: Path) -> None:
    answer = patchkit("check-data", coco(tmp_path / "a.json", boxes(20, area=0)), "--format", "json")
    (one,) = told(answer)
    assert one["message"].startswith("20 of 20 annotations have an area that is not above 0")
    assert (one["severity"], outcomes(one)["paddledetection"]) == ("warning", "drops-row")
    flat = [{**one, "bbox": [1, 1, 0, 5]} for one in boxes(1, area=0)]
    answer = patchkit("check-data", coco(tmp_path / "b.json", flat), "--format", "json")
    assert not told(answer)
    assert told(answer, "size-zero")


def test_an_area_that_is_no_number_is_none(patchkit: Patchkit, tmp_path: Path) -> None:
    answer = patchkit("check-data", coco(tmp_path / "a.json", boxes(3, area="400")), "--format", "json")
    assert [one["message"].partition(":")[0] for one in told(answer)] == ["3 of 3 annotations have no area"]


def test_the_members_are_counted_once_in_any_order_of_the_file(patchkit: Patchkit, tmp_path: Path) -> None:
    path = coco(tmp_path / "a.json", [*boxes(9, area=None), {**boxes(1, area=None)[0], "id": 10}])
    whole = json.loads(path.read_text())
    path.write_text(json.dumps({name: whole[name] for name in ("annotations", "images", "categories")}))
    answer = patchkit("check-data", path, "--format", "json")
    assert [one["message"].partition(" have ")[0] for one in told(answer)] == ["10 of 10 annotations"]
    assert len(told(answer, "row-duplicate")) == 1


# A box that is not there


@pytest.mark.parametrize(
    ("box", "outcome"), [([], "drops-row"), (None, "drops-row"), ("null", "crash"), ([1, 2, 3], "crash")]
)
def test_an_empty_box_is_what_paddledetection_leaves_out(
    box: object, outcome: str, patchkit: Patchkit, tmp_path: Path
) -> None:
    annotations = boxes(2)
    annotations[1]["bbox"] = None if box == "null" else box
    if box is None:
        del annotations[1]["bbox"]
    answer = patchkit("check-data", coco(tmp_path / "a.json", annotations), "--format", "json")
    (one,) = told(answer, "annotation-unreadable")
    assert outcomes(one) == {"paddledetection": outcome, "mlcommons": "crash", "torchvision": "crash"}


@pytest.mark.parametrize("written", ["0", 0.5, [0]])
def test_an_iscrowd_that_equals_neither_0_nor_1_drops_the_row(written: Any, patchkit: Patchkit, tmp_path: Path) -> None:
    answer = patchkit("check-data", coco(tmp_path / "a.json", boxes(20, iscrowd=written)), "--format", "json")
    (one,) = told(answer)
    assert one["message"].startswith("20 of 20 annotations have an iscrowd that is neither 0 nor 1")
    assert set(outcomes(one).values()) == {"drops-row"}


@pytest.mark.parametrize("written", [0, 1, False, True, 0.0])
def test_an_iscrowd_that_python_takes_for_0_or_1_is_sound(written: Any, patchkit: Patchkit, tmp_path: Path) -> None:
    answer = patchkit("check-data", coco(tmp_path / "a.json", boxes(20, iscrowd=written)), "--format", "json")
    assert not told(answer)
