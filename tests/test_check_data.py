"""`patchkit check-data` from the command line: formats, exit codes, quarantine, and data that is damaged."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from patchkit.check_data.engines import local
from patchkit.errors import SourceUnreadable, TargetRefused
from patchkit.findings import Severity
from patchkit.subjects.dataset.json_stream import PIECE
from patchkit.subjects.dataset.seen import FEW, SeenIds
from tests.conftest import Answer
from tests.data_sets import IMAGE, ROW, YAML, check, places, rules, write, yolo
from tests.support import assert_refused

Patchkit = Callable[..., Answer]
BAD = f"{ROW}-1 0.5 0.5 0.2 0.2\n2 0.5 0.5 0.2 0.2\n0 nan 0.5 0.2 0.2\n1 0.1 0.1 0.1 0.1\n"
FOUND = {("class-negative", 2), ("class-too-large", 3), ("coordinate-not-finite", 4)}


def coco(**more: object) -> dict[str, object]:
    whole = {
        "info": {"categories": "of what"} if more.pop("hard", False) else {},
        "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 50}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 7, "bbox": [10, 10, 20, 20]}],
        "categories": [{"id": 7, "name": "cat"}],
        **more,
    }
    boxes = whole["annotations"]
    return {**whole, "annotations": list(map(complete, boxes)) if isinstance(boxes, list) else boxes}


def complete(annotation: object) -> object:
    """The annotation, with the area and the iscrowd that every one has."""
    if not isinstance(annotation, dict):
        return annotation
    return {**annotation, **{name: annotation.get(name, value) for name, value in (("area", 400), ("iscrowd", 0))}}


def test_each_bad_row_is_told_with_its_line_and_the_exit_code_is_1(patchkit: Patchkit, tmp_path: Path) -> None:
    answer = patchkit("check-data", yolo(tmp_path, BAD), "--format", "json")
    found = {(one["rule"], one["location"]["line"]) for one in answer.json["findings"] if one["severity"] == "error"}
    assert (answer.code, found) == (1, FOUND)
    assert answer.json["counts"]["error"] == 3
    assert set(answer.json) == {"schema", "command", "findings", "skipped", "counts", "subject"}
    assert answer.json["subject"]["splits"][0]["classes"] == {"-1": 1, "0": 2, "1": 2, "2": 1}
    fates = {(fate["trainer"], fate["outcome"]) for one in answer.json["findings"] for fate in one["fates"]}
    assert ("ultralytics", "drops-image") in fates
    assert ("yolov10", "crash") in fates  # class == nc


def test_sound_data_exits_0_and_is_summed_up(patchkit: Patchkit, tmp_path: Path) -> None:
    answer = patchkit("check-data", yolo(tmp_path), "--least", "0")
    assert answer.code == 0, answer.out
    assert "train: 2 images, 2 objects" in answer.out
    assert "0 errors, 0 warnings, 0 notes" in answer.out
    assert "1 dog" in answer.out


def test_text_shows_the_first_findings_of_a_rule_and_counts_all(patchkit: Patchkit, tmp_path: Path) -> None:
    rows = "".join(f"-1 0.{place:02d} 0.5 0.2 0.2\n" for place in range(11, 61))
    answer = patchkit("check-data", yolo(tmp_path, rows), "--max-per-rule", "3", "--ignore", "class-rare")
    assert answer.out.count("[class-negative]") == 3
    assert "... and 47 more of class-negative" in answer.out
    assert "50 errors" in answer.out


@pytest.mark.parametrize("format", ["sarif", "github", "junit", "html"])
def test_the_other_formats_hold_every_finding(format: str, patchkit: Patchkit, tmp_path: Path) -> None:
    answer = patchkit("check-data", yolo(tmp_path, BAD), "--format", format, "--select", "class-negative")
    assert answer.code == 1
    assert "class -1 is below 0" in answer.out
    if format == "sarif":
        assert json.loads(answer.out)["runs"][0]["results"][0]["ruleId"] == "class-negative"
    if format == "junit":
        assert ET.fromstring(answer.out).find("testsuite") is not None


HOSTILE_NAME = os.fsdecode(b"\xff 100%,a:b::error::\x1b[31m\r\nend")
HOSTILE_ROW = "::error::x\x1b[2J\x9b\x07 %0A\u202e 0.5 0.5 0.2\n"


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A data set with a file name and a row that would take over a terminal, a log or an XML file."""
    files = {f"images/train/{HOSTILE_NAME}.jpg": IMAGE, f"labels/train/{HOSTILE_NAME}.txt": ROW + HOSTILE_ROW}
    return yolo(tmp_path / "data", None, {**files, f"images/train/{HOSTILE_NAME}2.jpg": IMAGE})


def test_text_and_github_bring_no_control_character_of_the_data_into_a_log(hostile: Path, patchkit: Patchkit) -> None:
    for format in ("text", "github"):
        answer = patchkit("check-data", hostile, "--format", format, cwd=hostile.parent)
        assert (answer.code, answer.err) == (1, "")
        assert all(line.isprintable() for line in answer.out.split("\n")), format
        assert r"::error::x\x1b[2J\x9b\x07" in answer.out.replace("%25", "%"), format
    lines = answer.out.splitlines()
    commands = [line.partition(" ")[0] for line in lines]
    assert set(commands) <= {"::error", "::warning", "::notice"}
    (bad,) = (line for line in lines if "title=class-not-number" in line)
    name = r"labels/train/\udcff 100%25%2Ca%3Ab%3A%3Aerror%3A%3A\x1b[31m%0D%0Aend.txt"
    assert bad.startswith(f"::error file={name},line=2,col=1,title=class-not-number::")
    assert r"\x07 %250A\u202e 0.5" in bad


def test_junit_and_sarif_of_hostile_data_are_read_by_their_readers(hostile: Path, patchkit: Patchkit) -> None:
    junit = patchkit("check-data", hostile, "--format", "junit", cwd=hostile.parent).out
    assert junit.isascii()
    assert not [letter for letter in junit if ord(letter) < 32 and letter != "\n"]
    failure = ET.fromstring(junit).find("testsuite/testcase[@name='class-not-number']/failure")
    assert failure is not None
    assert "::error::x\ufffd[2J\x9b\ufffd %0A\u202e" in (failure.text or "")
    sarif = patchkit("check-data", hostile, "--format", "sarif", cwd=hostile.parent).out
    assert sarif.isascii()
    assert not [letter for letter in sarif if ord(letter) < 32 and letter != "\n"]
    results = json.loads(sarif)["runs"][0]["results"]
    (bad,) = (one for one in results if one["ruleId"] == "class-not-number")
    uri = bad["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert unquote_to_bytes(uri) == os.fsencode(f"labels/train/{HOSTILE_NAME}.txt")
    assert "::error::x\x1b[2J\x9b\x07 %0A\u202e" in bad["message"]["text"]


def test_names_of_classes_are_padded_as_they_are_shown(patchkit: Patchkit, tmp_path: Path) -> None:
    data = yolo(tmp_path, None, {"data.yaml": YAML.replace("[cat, dog]", r'["\0\0", dog]')})
    lines = [line for line in patchkit("check-data", data).out.splitlines() if line.endswith("#")]
    assert [line.split()[:2] for line in lines] == [["0", r"\x00\x00"], ["1", "dog"]]
    assert len({line.index("#") for line in lines}) == 1


@pytest.mark.parametrize(("level", "code"), [("error", 0), ("warning", 1), ("note", 1)])
def test_the_exit_code_follows_the_least_severity(level: str, code: int, patchkit: Patchkit, tmp_path: Path) -> None:
    answer = patchkit("check-data", yolo(tmp_path, ROW + ROW), "--fail-on", level)
    assert answer.code == code


def test_fates_are_those_of_the_trainer_that_is_named(patchkit: Patchkit, tmp_path: Path) -> None:
    data = yolo(tmp_path, BAD)
    answer = patchkit("check-data", data, "--for", "yolov10", "--format", "json")
    assert {fate["trainer"] for one in answer.json["findings"] for fate in one["fates"]} == {"yolov10"}
    assert patchkit("check-data", data, "--for", "ultralytics==8.4.190").code == 1
    assert_refused(patchkit("check-data", data, "--for", "ultralytics==7.0"), "was not measured")
    assert_refused(patchkit("check-data", data, "--for", "detectron2"), "no trainer")


def test_a_coco_file_is_read_record_by_record_whatever_is_in_it(tmp_path: Path) -> None:
    bad = [
        {"id": 2, "image_id": 1, "category_id": 8, "bbox": [10, 10, 20, 20]},
        {"id": 3, "image_id": 9, "category_id": 7, "bbox": [10, 10, 20, 20]},
        {"id": 3, "image_id": 1, "category_id": 7, "bbox": [11, 10, 20, 20]},
        {"id": 4, "image_id": 1, "category_id": 7, "bbox": []},
        {"id": 5, "image_id": 1, "category_id": 7, "bbox": [10, 10, 0, 20]},
        {"id": 6, "image_id": 1, "category_id": 7, "bbox": [10, 10, 20, -20]},
        {"id": 7, "image_id": 1, "category_id": 7, "bbox": [90, 10, 20, 20]},
        {"id": 8, "image_id": 1, "category_id": 7, "bbox": [float("nan"), 10, 20, 20]},
        {"id": 9, "image_id": 1, "category_id": 7, "bbox": [10, 10, 20, 20]},
        "no object",
        {"id": 10, "image_id": {"x": [{}, {}]}, "category_id": 7, "bbox": [10, 10, 20, 20], "deep": [{}, {}]},
    ]
    for hard in (False, True):
        whole = coco(hard=hard)
        whole["annotations"] = [*whole["annotations"], *map(complete, bad)]  # type: ignore[misc]
        path = tmp_path / f"{hard}.json"
        path.write_text(json.dumps(whole, indent=1))
        findings, checked = check(path)
        found = {(one.rule, one.message.partition(":")[0].removeprefix("annotation ")) for one in findings}
        assert found >= {
            ("category-unknown", "2"),
            ("image-unknown", "3"),
            ("annotation-id-duplicate", "3"),
            ("annotation-unreadable", "4"),
            ("size-zero", "5"),
            ("size-negative", "6"),
            ("edge-outside", "7"),
            ("coordinate-not-finite", "8"),
            ("row-duplicate", "9"),
        }
        lines = path.read_text().splitlines()
        for one in findings:
            if one.rule == "size-zero":
                assert lines[one.location.line] == '   "id": 5,'
        assert checked.dataset.splits[0].tally.objects == 12


@pytest.mark.parametrize("order", [["categories", "annotations", "images"], ["annotations", "categories", "images"]])
def test_the_order_of_a_coco_file_does_not_matter(order: list[str], tmp_path: Path) -> None:
    whole = coco()
    path = tmp_path / "a.json"
    path.write_text(json.dumps({name: whole[name] for name in order}))
    findings, checked = check(path)
    assert rules(findings) == set()
    assert checked.dataset.splits[0].tally.classes == {7: 1}


def test_a_json_that_is_cut_off_says_how_far_it_was_sound(tmp_path: Path) -> None:
    rows = [{"id": id, "image_id": 1, "category_id": 7, "bbox": [10, 10, 20, 20 + id / 100]} for id in range(900)]
    whole = coco()
    text = json.dumps(
        {"categories": whole["categories"], "images": whole["images"], "annotations": list(map(complete, rows))},
        indent=0,
    )
    path = tmp_path / "a.json"
    path.write_text(text[: text.index('"id": 700,')])
    findings, checked = check(path)
    assert [one.rule for one in findings] == ["annotation-unreadable"]
    assert "700 annotations" in findings[0].message
    assert checked.dataset.splits[0].tally.objects == 700


@pytest.mark.parametrize("text", ["", "[]", "{", "{}", '{"images": []}', "\0" * 100, "[" * 10_000, '{"a":' * 10_000])
def test_what_is_no_coco_file_is_told_and_nothing_else_happens(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    findings, _ = check(path)
    assert [one.rule for one in findings] == ["path-unreadable"]


def test_nesting_of_ten_thousand_levels_is_one_bad_record(tmp_path: Path) -> None:
    text = json.dumps(coco()).replace('"bbox"', '"deep": ' + "[" * 10_000 + "]" * 10_000 + ', "bbox"')
    path = tmp_path / "a.json"
    path.write_text(
        text.replace('"annotations": [', '"annotations": [{"id": 3, "image_id": 1, "area": 1, "iscrowd": 0}, ')
    )
    findings, checked = check(path, ignore=("class-never-seen",))
    assert {one.rule for one in findings} == {"annotation-unreadable"}
    assert checked.dataset.splits[0].tally.objects == 2


def test_a_line_without_end_and_a_large_file_are_read_in_pieces(tmp_path: Path) -> None:
    rows = "".join(f"0 0.5 0.5 0.{number:07d} 0.2\n" for number in range(1_000_000, 1_260_000))
    long = "1 " + "0" * (9 << 20) + "\n"
    data = yolo(tmp_path, rows + long + "7 0.5 0.5 0.1 0.1\n")
    findings, checked = check(data)
    assert ("coordinate-not-number", 260_001) in places(findings)
    assert ("class-too-large", 260_002) in places(findings)
    assert checked.dataset.splits[0].tally.classes[0] == 260_000
    assert "row-duplicate" in {one.rule for one in checked.skipped}


def test_paths_that_lead_nowhere_or_back_are_told_and_the_rest_is_checked(patchkit: Patchkit, tmp_path: Path) -> None:
    data = yolo(tmp_path, BAD, {"data.yaml": YAML.replace("val\n", "vla\ntest: list.txt\n")})
    write(tmp_path, {"list.txt": "./images/train/a.jpg\n./images/none.jpg\n"})
    (tmp_path / "images/train/loop").symlink_to(tmp_path / "images")
    (tmp_path / "images/train/self").symlink_to("self")
    (tmp_path / "labels/train/c.txt").symlink_to("nowhere")
    (tmp_path / "images/train/c.jpg").write_bytes(IMAGE)
    name = os.fsdecode(b"\xff line\nfeed")
    write(tmp_path, {f"images/train/{name}.jpg": IMAGE, f"labels/train/{name}.txt": "-1 0.5 0.5 0.2 0.2\n"})
    answer = patchkit("check-data", data, "--max-per-rule", "50", cwd=tmp_path)
    assert answer.code == 1
    assert "Traceback" not in answer.err
    for words in (
        "images/vla is not there",
        "a link that leads back",
        "No such file",
        r"\xff" if False else "line\\nfeed",
    ):
        assert words in answer.out, answer.out
    assert answer.out.count("[class-negative]") == 3  # a.txt belongs to train and to test
    assert "test has the image, and train has it too" in answer.out


def test_a_folder_that_may_not_be_read_is_one_finding(tmp_path: Path) -> None:
    data = yolo(tmp_path, BAD, {"images/train/shut/d.jpg": IMAGE})
    shut = tmp_path / "images/train/shut"
    shut.chmod(0)
    as_others = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    command = [*as_others, sys.executable, "-m", "patchkit", "check-data", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    shut.chmod(0o755)
    assert done.returncode == 1, done.stderr
    assert done.stdout.count("[path-unreadable] it cannot be read: Permission denied") == 1
    assert done.stdout.count("[class-negative]") == 1


def test_polygons_poses_and_oriented_boxes_are_rows_of_their_own_kind(tmp_path: Path) -> None:
    pose = "kpt_shape: [2, 3]\n"
    rows = "0 0.5 0.5 0.2 0.2 0.4 0.4 2 0.6 0.6 1\n1 0.5 0.5 0.2 0.2 0.4 1.4 2 0.6 0.6 1\n0 0.5 0.5 0.2 0.2\n"
    data = yolo(tmp_path / "pose", rows, {"data.yaml": YAML + pose, "labels/train/b.txt": rows.splitlines()[0] + "\n"})
    assert places(check(data)[0]) >= {("coordinate-outside", 2), ("column-count", 3)}
    shapes = "0 0.1 0.1 0.2 0.1 0.2 0.2 0.1 0.2\n1 0.1 0.1 0.2 0.1 0.2 0.2\n1 0.1 0.1 0.1 0.1 0.1 0.2\n"
    findings, checked = check(yolo(tmp_path / "shapes", shapes))
    assert places(findings) == {("size-zero", 3)}
    assert checked.dataset.splits[0].tally.forms["polygon"] == 3


def test_class_folders_and_labels_in_file_names_are_counted(tmp_path: Path) -> None:
    write(
        tmp_path / "folders", {f"{split}/{name}/1.jpg": IMAGE for split in ("train", "val") for name in ("cat", "dog")}
    )
    findings, checked = check(tmp_path / "folders")
    assert (rules(findings), checked.dataset.format) == (set(), "folder")
    write(tmp_path / "hw3", dict.fromkeys(("0_1.jpg", "1_2.jpg", "none.jpg", "11_0.jpg"), IMAGE))
    findings, checked = check(tmp_path / "hw3", pattern=r"(?P<label>\d+)_.*\.jpg", nc=11, ignore=("class-never-seen",))
    assert {(one.rule, Path(one.location.path).name) for one in findings} == {
        ("class-negative", "none.jpg"),
        ("class-too-large", "11_0.jpg"),
    }
    assert {fate.outcome for one in findings for fate in one.fates if fate.trainer == "crossentropy"} == {"crash"}


def test_voc_and_dataset_ymls_of_paddle_are_read(tmp_path: Path) -> None:
    xml = (
        "<annotation><size><width>100</width><height>50</height></size>\n"
        "<object><name>cat</name><bndbox><xmin>10</xmin><ymin>10</ymin><xmax>5</xmax><ymax>20</ymax></bndbox></object>\n"
        "<object><name>cow</name><bndbox><xmin>10</xmin><ymin>10</ymin><xmax>50</xmax><ymax>20</ymax></bndbox></object>\n"
        "</annotation>\n"
    )
    files = {"Annotations/a.xml": xml, "JPEGImages/a.jpg": IMAGE, "label_list.txt": "cat\ndog\n"}
    voc = write(tmp_path / "voc", files)
    findings, checked = check(voc)
    assert places(findings) >= {("size-negative", 2), ("category-unknown", 3)}
    assert checked.dataset.format == "voc"
    yml = "TrainDataset:\n  name: COCODataSet\n  anno_path: a.json\n  dataset_dir: {0}\nnum_classes: 3\n"
    write(tmp_path / "paddle", {"a.json": json.dumps(coco()), "d.yml": yml.format(tmp_path / "paddle")})
    findings, checked = check(tmp_path / "paddle/d.yml")
    assert "class-count-differs" in rules(findings)
    assert checked.dataset.splits[0].tally.objects == 1


def test_images_of_two_splits_are_found_by_their_bytes(tmp_path: Path) -> None:
    data = yolo(tmp_path)
    assert "image-in-two-splits" not in rules(check(data)[0])
    assert "image-in-two-splits" in rules(check(data, by_content=True)[0])


def test_the_nc_of_a_model_is_compared(tmp_path: Path) -> None:
    data = yolo(tmp_path)
    write(tmp_path, {"model.yaml": "nc: 80\n"})
    assert rules(check(data, model=tmp_path / "model.yaml")[0]) == {"class-count-differs"}


def test_many_files_are_looked_at_by_several_processes_with_one_result(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {}
    for number in range(5200):
        files[f"images/train/{number}.jpg"] = b""
        files[f"labels/train/{number}.txt"] = ROW if number % 100 else "5 0.5 0.5 0.1 0.1\n"
    data = yolo(tmp_path, None, files)
    one, first = check(data, jobs=1)
    two, second = check(data, jobs=2)
    assert one == two
    assert len(one) == 52
    assert first.dataset.splits[0].tally == second.dataset.splits[0].tally


@pytest.mark.parametrize("engine", ["dask", "ray"])
def test_an_engine_that_is_not_installed_is_told(engine: str, patchkit: Patchkit, tmp_path: Path) -> None:
    assert_refused(patchkit("check-data", yolo(tmp_path), "--engine", engine), f"patchkit-cv[{engine}]")


@pytest.mark.parametrize(
    "text",
    [
        '{"images": [], "annotations": [[]], "categories": []}',
        json.dumps(coco(images=[{"id": "1", "file_name": "a.jpg", "width": 9, "height": 9}])),
        json.dumps(coco()) + "more",
        json.dumps(coco()).replace("}]}", "},]}"),
        json.dumps(coco(images={}, annotations=None, categories=5)),
        json.dumps(coco()).replace("[10, 10,", f"[{10**400}, 10,"),
        "\ufeff" + json.dumps(coco()),
        json.dumps(coco()).replace('"info": {}', '"info": {bad}'),
        json.dumps({"annotations": [], **coco(images=[{"id": 2}])}),
    ],
)
def test_no_damage_of_a_coco_file_passes_for_sound(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    findings, _ = check(path, ignore=("class-never-seen",))
    assert {one.severity for one in findings if one.severity} & {Severity.ERROR}


IMAGE_OF_COCO = '{"id": 1, "file_name": "a.jpg", "width": 100, "height": 50}'
FIRST = '{"id": 1, "image_id": 1, "category_id": 7, "area": 400, "iscrowd": 0, "bbox": [10, 10, 20, 20]}'
SECOND = '{"id": 2, "image_id": 1, "category_id": 7, "area": 420, "iscrowd": 0, "bbox": [10, 10, 20, 21]}'
CAT = '{"id": 7, "name": "cat"}'


def of_coco(images: str = IMAGE_OF_COCO, annotations: str = FIRST, categories: str = CAT) -> str:
    """A COCO file whose arrays begin in the lines 1, 2 and 3."""
    return f'{{"images": [{images}],\n"annotations": [{annotations}],\n"categories": [{categories}]}}'


def found_in(text: str, tmp_path: Path) -> set[tuple[str, str, int]]:
    """Rule, variant and line of every error and warning of a COCO file."""
    path = tmp_path / "a.json"
    path.write_text(text)
    findings, _ = check(path, ignore=("class-never-seen",))
    return {(one.rule, one.variant, one.location.line) for one in findings}


BAD_JSON = "annotation-unreadable", "json"
RECORD = "annotation-unreadable", "record"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (of_coco(annotations=f"{FIRST},,{SECOND}"), {(*BAD_JSON, 2)}),
        (of_coco(annotations=f"{FIRST},\n,{SECOND}, null"), {(*BAD_JSON, 3), (*RECORD, 3)}),
        (of_coco(annotations=f",{FIRST}"), {(*BAD_JSON, 2)}),
        (of_coco(annotations=f"{FIRST} {SECOND}"), {(*BAD_JSON, 2)}),
        (of_coco(annotations=f"{FIRST},}}"), {(*BAD_JSON, 2)}),
        (of_coco(annotations="}"), {(*BAD_JSON, 2)}),
        (of_coco().replace("],\n", "],,\n", 1), {(*BAD_JSON, 1)}),
        (of_coco().replace("],\n", "]\n", 1), {(*BAD_JSON, 2)}),
        (of_coco(images=f"{IMAGE_OF_COCO} 5"), {(*BAD_JSON, 1), (*RECORD, 1)}),
        (of_coco(categories=f"{CAT},,"), {(*BAD_JSON, 3)}),
        ('{"licenses": [{"id": 01}, 2], ' + of_coco()[1:], {(*BAD_JSON, 1)}),
        ('{"licenses": [{"id": 1},, 2], ' + of_coco()[1:], {(*BAD_JSON, 1)}),
    ],
)
def test_what_no_parser_of_json_takes_is_told_with_its_line(
    text: str, found: set[tuple[str, str, int]], tmp_path: Path
) -> None:
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)
    assert found_in(text, tmp_path) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (of_coco(annotations=f"{FIRST}, 7"), {(*RECORD, 2)}),
        (of_coco(annotations=f"{FIRST}, null"), {(*RECORD, 2)}),
        (of_coco(annotations=f'{FIRST}, "a"'), {(*RECORD, 2)}),
        (of_coco(images=f"{IMAGE_OF_COCO}, 5"), {(*RECORD, 1)}),
        (of_coco(categories=f"{CAT}, 7"), {(*RECORD, 3)}),
        (of_coco(categories=f'{CAT}, {{"name": "b"}}'), {(*RECORD, 3)}),
        (of_coco(categories=f"{CAT}, {CAT}"), {("record-id-duplicate", "category", 3)}),
        (
            of_coco(images=f"{IMAGE_OF_COCO}, {IMAGE_OF_COCO.replace('a.jpg', 'b.jpg').replace('50', '5')}"),
            {("record-id-duplicate", "image", 1)},
        ),
        (of_coco(images=f"{IMAGE_OF_COCO}, {IMAGE_OF_COCO}"), set()),
        ('{"images": null, "annotations": [], "categories": []}', {("annotation-unreadable", "member", 1)}),
        ('{"images": [], "annotations": [], "x": 1}', {("annotation-unreadable", "no-categories", 1)}),
        ('{"licenses": [1, "x", [], NaN, null], ' + of_coco()[1:], set()),
    ],
)
def test_records_that_are_none_or_have_the_id_of_another_are_told(
    text: str, found: set[tuple[str, str, int]], tmp_path: Path
) -> None:
    json.loads(text)
    assert found_in(text, tmp_path) == found


@pytest.mark.parametrize("size", [1, PIECE // 4, PIECE, 3 * PIECE])
def test_elements_larger_than_a_piece_are_no_faults(size: int, tmp_path: Path) -> None:
    deep = '"deep": ["' + "x" * size + '", {"a": [{}, {}]}], '
    boxes = [FIRST, SECOND, SECOND.replace("2,", "3,", 1).replace("21", "22")]
    text = of_coco(annotations=",\n".join(box.replace('"bbox"', f'{deep}"bbox"') for box in boxes))
    assert found_in(text, tmp_path) == set()
    assert found_in(text.replace("},\n{", "},,\n{"), tmp_path) == {(*BAD_JSON, 2), (*BAD_JSON, 3)}


def test_images_without_size_are_told_and_neither_they_nor_their_boxes_are_moved(
    patchkit: Patchkit, tmp_path: Path
) -> None:
    images = [
        {"id": 1, "file_name": "a.jpg"},
        {"id": 2, "file_name": "b.jpg", "width": 0, "height": 10},
        {"id": 3, "file_name": "c.jpg", "width": "10", "height": 10},
        {"id": 4, "file_name": "d.jpg", "width": -10, "height": 10},
        {"id": 5, "width": 10, "height": 10},
        {"file_name": "f.jpg", "width": 10, "height": 10},
    ]
    boxes = [{"id": id, "image_id": id, "category_id": 7, "bbox": [1, 1, 5, 5]} for id in range(1, 7)]
    bad = {"id": 7, "image_id": 1, "category_id": 7, "bbox": [1, 1, 0, 5]}
    path = tmp_path / "a.json"
    path.write_text(json.dumps(coco(images=images, annotations=[*boxes, bad])))
    answer = patchkit("check-data", path, "--format", "json", "--least", "0")
    told = [(one["rule"], one["message"].partition(": its boxes")[0]) for one in answer.json["findings"]]
    assert told == [
        ("annotation-unreadable", "image 1: width is missing, height is missing"),
        ("annotation-unreadable", "image 2: width is 0, height is 10"),
        ("annotation-unreadable", 'image 3: width is "10", height is 10'),
        ("annotation-unreadable", "image 4: width is -10, height is 10"),
        ("annotation-unreadable", "image 5: it has no file_name"),
        ("annotation-unreadable", "the image has no id"),
        ("image-unknown", "annotation 6: no image has the id 6"),
        ("size-zero", "annotation 7: the width is 0"),
    ]
    fates = [[(fate["trainer"], fate["outcome"]) for fate in one["fates"]] for one in answer.json["findings"]]
    assert fates[0] == [("paddledetection", "crash"), ("mlcommons", "ignored"), ("torchvision", "ignored")]
    assert fates[3][0] == ("paddledetection", "drops-image")
    (split,) = answer.json["subject"]["splits"]
    assert (split["images"], split["objects"]) == (5, 7)
    fixed = patchkit("check-data", path, "--fix", "--quarantine", tmp_path / "q")
    assert fixed.code == 1, fixed.out
    assert json.loads(path.read_text()) == coco(images=images, annotations=boxes)


def test_annotations_are_found_by_ids_that_are_text(tmp_path: Path) -> None:
    images = [{"id": "x1", "file_name": "a.jpg", "width": 100, "height": 50}]
    boxes = [{"id": "a1", "image_id": "x1", "category_id": "k", "bbox": [10, 10, 20, 20]}]
    bad = [{**boxes[0], "id": "a2", "image_id": "x2"}, {**boxes[0], "id": "a3", "bbox": [90, 10, 20, 20]}]
    path = tmp_path / "a.json"
    content = coco(images=images, annotations=boxes + bad, categories=[{"id": "k", "name": "cat"}])
    path.write_text(json.dumps(content))
    findings, checked = check(path, ignore=("id-not-integer",))
    assert [(one.rule, one.message.partition(":")[0]) for one in findings] == [
        ("image-unknown", "annotation a2"),
        ("edge-outside", "annotation a3"),
    ]
    assert checked.dataset.splits[0].tally.classes == {"k": 3}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (of_coco(images='{"id": 01, "file_name": "a.jpg", "width": 100, "height": 50}'), "image-unknown"),
        (of_coco().replace(f"[{IMAGE_OF_COCO}]", "{}"), "image-unknown"),
        (of_coco(categories='{"id": 8}, {"id": 07}'), "category-unknown"),
    ],
)
def test_what_may_belong_to_a_record_that_cannot_be_read_is_not_moved(text: str, rule: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    (found,) = (one for one in check(path)[0] if one.rule == rule)
    assert found.fix is None


def test_boxes_are_not_compared_with_the_size_of_either_image_of_an_id(tmp_path: Path) -> None:
    other = IMAGE_OF_COCO.replace("a.jpg", "b.jpg").replace("100", "9")
    assert found_in(of_coco(images=f"{IMAGE_OF_COCO}, {other}"), tmp_path) == {("record-id-duplicate", "image", 1)}


def test_an_annotation_that_stands_twice_is_found_in_any_order_of_the_members(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    boxes = [json.loads(FIRST), {**json.loads(FIRST), "id": 2}]
    whole = coco(annotations=boxes)
    path.write_text(json.dumps({name: whole[name] for name in ("annotations", "images", "categories")}))
    assert rules(check(path)[0]) == {"row-duplicate"}


@pytest.mark.parametrize(
    ("text", "fates"),
    [
        ("[]", {("torchvision", "crash"), ("mlcommons", "crash"), ("paddledetection", "crash")}),
        ('{"images": [{"id": 1, "file_name": "a', {("torchvision", "crash"), ("mlcommons", "crash")}),
        ('{"images": []}', {("torchvision", "trains-on-it"), ("mlcommons", "trains-on-it")}),
        ('{"annotations": []}', {("torchvision", "crash"), ("mlcommons", "crash"), ("paddledetection", "crash")}),
    ],
)
def test_the_fate_of_what_is_no_coco_file_is_not_that_of_a_missing_image(
    text: str, fates: set[tuple[str, str]], patchkit: Patchkit, tmp_path: Path
) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    (found,) = patchkit("check-data", path, "--format", "json").json["findings"]
    assert found["rule"] == "path-unreadable"
    assert {(fate["trainer"], fate["outcome"]) for fate in found["fates"]} >= fates
    assert "image file" not in str(found["fates"])


@pytest.mark.parametrize("many", [False, True])
def test_ids_are_the_same_as_python_holds_them_for_the_same(many: bool) -> None:
    ids = SeenIds()
    if many:
        assert ids.repeated(range(10, FEW + 12)) == set()
    assert ids.repeated([None, None, [1]]) == set()
    assert ids.repeated([1, "1", 2.5, None, [1], "None", "[1]"]) == {4}
    assert ids.repeated([True, 1.0, 2.5, float("inf"), 10**400]) == {0, 1, 2}
    assert ids.repeated([2]) == set()


def test_annotations_without_id_have_not_the_same_one(tmp_path: Path) -> None:
    boxes = [{"image_id": 1, "category_id": 7, "bbox": [10, 10, 20, size]} for size in (20, 21, 22)]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(coco(annotations=[*boxes[:2], {**boxes[2], "id": [1]}])))
    assert rules(check(path)[0]) == {"annotation-unreadable"}


def test_captions_beside_annotations_are_left_alone(tmp_path: Path) -> None:
    captions = {"images": [], "annotations": [{"id": 1, "image_id": 1, "caption": "a cat"}]}
    files = {"annotations/instances_train2017.json": coco(), "annotations/captions_train2017.json": captions}
    write(tmp_path, {name: json.dumps(content) for name, content in files.items()})
    findings, checked = check(tmp_path)
    assert rules(findings) == set()
    assert [split.name for split in checked.dataset.splits] == ["train"]
    assert ["captions_train2017.json has no boxes" in one.reason for one in checked.skipped] == [True]


def test_lines_end_as_the_trainers_see_them(tmp_path: Path) -> None:
    findings, checked = check(yolo(tmp_path, "0 .5 .5 .1 .1\r9 .5 .5 .2 .1\r0 .5 .5 .3 .1\x0c1 .5 .5 .1 .4\r"))
    assert places(findings) == {("class-too-large", 2)}
    assert checked.dataset.splits[0].tally.objects == 5


def test_what_a_data_yaml_gets_wrong_is_told(tmp_path: Path) -> None:
    for number, (text, rule) in enumerate(
        [
            (YAML.replace("path: .", "path: /nowhere/at/all"), "path-unreadable"),
            (YAML.replace("[cat, dog]", "{1: cat, 2: dog}"), "class-count-differs"),
            (YAML.replace("nc: 2", "nc: 3"), "class-count-differs"),
            (YAML.replace("val: images/val", "validation: images/vla"), "path-unreadable"),
        ]
    ):
        assert rule in rules(check(yolo(tmp_path / str(number), None, {"data.yaml": text}))[0]), text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (YAML.replace("val: images/val\n", ""), {("val", 2)}),
        (YAML.replace("train: images/train\n", ""), {("train", 2)}),
        (YAML.replace("images/val", ""), {("val", 3)}),
        (YAML.replace("images/val", "[]\nvalidation: images/val"), {("val", 3)}),
        ("path: .\n\ntest: images/train\nnc: 2\nnames: [cat, dog]\n", {("train", 3), ("val", 3)}),
        (YAML.replace("val:", "validation:"), set()),
        (YAML, set()),
    ],
)
def test_a_split_that_a_data_yaml_must_name_is_told(text: str, found: set[tuple[str, int]], tmp_path: Path) -> None:
    findings, _ = check(yolo(tmp_path, None, {"data.yaml": text}), ignore=("class-never-seen",))
    assert rules(findings) <= {"split-missing"}
    assert {(one.message.partition(" ")[0], one.location.line) for one in findings} == found
    assert {Path(one.location.path).name for one in findings} <= {"data.yaml"}
    assert {fate.outcome for one in findings for fate in one.fates} <= {"crash"}


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("kpt_shape: [17, 4]\n", {("keypoint-shape-unreadable", 6)}),
        ("kpt_shape: 17\n", {("keypoint-shape-unreadable", 6)}),
        ("kpt_shape:\n", set()),
        ("kpt_shape: [0, 0]\n", set()),
        ("kpt_shape: [0, 3]\n", {("keypoint-shape-unreadable", 6)}),
        ("kpt_shape: [1.0, 3]\n", {("keypoint-shape-unreadable", 6)}),
        ("kpt_shape: [1, 2]\nflip_idx: [0, 1]\n", {("keypoint-shape-unreadable", 7)}),
        ("kpt_shape: [1, 2]\nflip_idx: 0\n", {("keypoint-shape-unreadable", 7)}),
        ("kpt_shape: [1, 2]\nflip_idx: []\n", set()),
        ("kpt_shape: [1, 2]\nflip_idx: [0]\n", set()),
        ("flip_idx: [0, 1]\n", set()),
    ],
)
def test_what_a_data_yaml_says_of_key_points(written: str, found: set[tuple[str, int]], tmp_path: Path) -> None:
    findings, _ = check(yolo(tmp_path, None, {"data.yaml": YAML + written}), select=("keypoint-shape-unreadable",))
    assert places(findings) == found


def test_no_row_is_bad_while_nobody_knows_what_its_columns_are(patchkit: Patchkit, tmp_path: Path) -> None:
    row = "0 0.5 0.5 0.2 0.2 0.5 0.5 2\n"
    data = yolo(tmp_path / "data", row, {"data.yaml": f"{YAML}kpt_shape: [1, 4]\n"})
    answer = patchkit("check-data", data, "--fix", "--quarantine", tmp_path / "q", "--least", "0", "--format", "json")
    assert {one["rule"] for one in answer.json["findings"]} <= {"keypoint-shape-unreadable", "class-never-seen"}
    assert [one["reason"] for one in answer.json["skipped"] if one["rule"] == "column-count"]
    assert (data.parent / "labels/train/a.txt").read_text() == row


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ("{0: cat, 1: dog}", set()),
        ("{'0': cat, \"1\": dog}", set()),
        ("{0: cat, 1.0: dog}", set()),
        ("{0x0: cat, ' 1 ': dog}", set()),
        ("\n  cat: 0\n  dog: 1", {("class-key-not-integer", 6), ("class-key-not-integer", 7)}),
        ("\n  0: cat\n  '1.0': dog", {("class-key-not-integer", 7)}),
        ("\n  0: cat\n  ²: dog", {("class-key-not-integer", 7)}),
        ("\n  0: cat\n  ~: dog", {("class-key-not-integer", 7)}),
        ("\n  0: cat\n  .inf: dog", {("class-key-not-integer", 7)}),
        ("\n  0: cat\n  [1, 2]: dog", {("class-key-not-integer", 7)}),
        ("{1: cat, 2: dog}", {("class-count-differs", 5)}),
        ("{-1: cat, 0: dog}", {("class-count-differs", 5)}),
        ("{-1: cat, 1: dog}", {("class-count-differs", 5)}),
    ],
)
def test_keys_of_names_are_taken_as_int_takes_them(names: str, found: set[tuple[str, int]], tmp_path: Path) -> None:
    text = YAML.replace("[cat, dog]", names)
    findings, checked = check(yolo(tmp_path, None, {"data.yaml": text}), ignore=("class-never-seen",))
    assert places(findings) == found
    if not found:
        assert checked.dataset.names == {0: "cat", 1: "dog"}


@pytest.mark.parametrize(
    ("nc", "names", "found"),
    [
        ("'2'", "[cat, dog]", set()),
        ("2.0", "{0: cat, 1: dog}", set()),
        ("two", "[cat, dog]", {("class-count-unreadable", 4)}),
        ("1.9", "[cat, dog]", {("class-count-unreadable", 4)}),
        ("-2", "[cat, dog]", {("class-count-unreadable", 4)}),
        ("", "[cat, dog]", {("class-count-unreadable", 4)}),
        ("[2]", "[cat, dog]", {("class-count-unreadable", 4)}),
        ("2", "cat dog", {("class-count-unreadable", 5)}),
        ("2", "[]", {("class-count-unreadable", 5)}),
        ("2", "{}", {("class-count-unreadable", 5)}),
        ("2", "", set()),
    ],
)
def test_nc_and_names_are_taken_as_ultralytics_takes_them(
    nc: str, names: str, found: set[tuple[str, int]], tmp_path: Path
) -> None:
    text = YAML.replace("nc: 2", f"nc: {nc}").replace("[cat, dog]", names)
    findings, checked = check(yolo(tmp_path, None, {"data.yaml": text}), ignore=("class-never-seen",))
    assert places(findings) == found
    assert checked.dataset.nc == (None if nc == names == "" else 2)


def test_the_own_yaml_of_a_folder_is_not_passed_over(patchkit: Patchkit, tmp_path: Path) -> None:
    yolo(tmp_path, None, {"data.yaml": YAML.replace("dog]", "dog")})
    assert_refused(patchkit("check-data", tmp_path), "data.yaml", "not valid YAML")
    write(tmp_path, {"data.yaml": "validation: images/val\nnames: [cat, dog]\n"})
    assert rules(check(tmp_path)[0]) >= {"split-missing"}
    assert rules(check(tmp_path / "data.yaml")[0]) >= {"split-missing"}
    write(tmp_path, {"data.yaml": YAML, "a.yaml": "names: [", "args.yaml": "lr0: 0.01\n"})
    assert check(tmp_path)[1].dataset.path == str(tmp_path / "data.yaml")


def test_an_image_in_two_splits_is_found_in_any_spelling(tmp_path: Path) -> None:
    data = yolo(tmp_path, None, {"data.yaml": YAML.replace("images/val", f"../{tmp_path.name}/images/train")})
    assert [one.message for one in check(data, select=("image-in-two-splits",))[0]] == [
        "val names the same files as train"
    ]
    write(tmp_path, {"data.yaml": YAML.replace("images/val", "val.txt"), "val.txt": f"{tmp_path}/images/train/a.jpg\n"})
    assert len(check(data, select=("image-in-two-splits",))[0]) == 1
    write(tmp_path, {"data.yaml": YAML})
    (tmp_path / "images/val/link.jpg").symlink_to("../train/a.jpg")
    (finding,) = check(data, select=("image-in-two-splits",))[0]
    assert (Path(finding.location.path).name, "train/a.jpg" in finding.message) == ("link.jpg", True)


def test_what_has_no_data_yaml_lacks_no_split(patchkit: Patchkit, tmp_path: Path) -> None:
    yolo(tmp_path).unlink()
    shutil.rmtree(tmp_path / "images/val")
    shutil.rmtree(tmp_path / "labels/val")
    assert patchkit("check-data", tmp_path, "--least", "0").code == 0
    write(tmp_path, {"list.txt": "./images/train/a.jpg\n"})
    assert patchkit("check-data", tmp_path / "list.txt", "--least", "0").code == 0


def test_folders_of_splits_with_images_and_labels_are_yolo(tmp_path: Path) -> None:
    files = {f"{split}/{name}": content for split in ("train", "valid") for name, content in ONE.items()}
    findings, checked = check(write(tmp_path, files))
    assert (rules(findings), [split.name for split in checked.dataset.splits]) == (set(), ["train", "val"])


ONE: dict[str, str | bytes] = {"images/a.jpg": IMAGE, "labels/a.txt": ROW, "labels/classes.txt": "cat\n"}


def test_an_image_that_is_sound_and_left_out_all_the_same_is_told_where_it_is_asked_for(tmp_path: Path) -> None:
    data = yolo(tmp_path)
    images = tmp_path / "images/train"
    for name, side, kind in (("small", 9, "PNG"), ("large", 10, "PNG"), ("gif", 16, "GIF"), ("webp", 16, "WEBP")):
        Image.new("RGB", (side, 16)).save(images / f"{name}.jpg", kind)
        (tmp_path / f"labels/train/{name}.txt").write_text(ROW)
    findings, _ = check(data, images=True)
    assert {(finding.rule, Path(finding.location.path).name, finding.message) for finding in findings} >= {
        ("image-refused", "gif.jpg", "the image is of the format GIF, whatever it is called"),
        ("image-refused", "small.jpg", "the image is 9 x 16 pixels: one of fewer than 10 in a direction is left out"),
    }
    assert len([finding for finding in findings if finding.rule.startswith("image-")]) == 2
    assert "image-refused" not in rules(check(data)[0])


def test_what_was_asked_for_and_could_not_be_done_is_told(patchkit: Patchkit, tmp_path: Path) -> None:
    write(tmp_path, {"a.json": json.dumps(coco())})
    for option in ("--images", "--by-content"):
        assert_refused(patchkit("check-data", tmp_path / "a.json", option), option, "where the images are")
    write(tmp_path, {"images/a.jpg": b"no image"})
    assert "image-unreadable" in rules(check(tmp_path / "a.json", images=True)[0])
    both = ("--select", "class-rare", "--ignore", "class-rare")
    assert_refused(patchkit("check-data", tmp_path / "a.json", *both), "no rule is left")
    answer = patchkit("check-data", tmp_path / "a.json", "--for", "ultralytics")
    assert "ultralytics does not read coco itself" in answer.err


def test_a_voc_file_without_size_and_one_without_objects_are_told(tmp_path: Path) -> None:
    thing = "<object><name>cat</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>9</ymax></bndbox></object>"
    files = {"a": f"<annotation>\n{thing}\n</annotation>\n", "b": "<annotation></annotation>\n"}
    write(tmp_path, {f"Annotations/{name}.xml": text for name, text in files.items()})
    write(tmp_path, {f"JPEGImages/{name}.jpg": IMAGE for name in files})
    findings, checked = check(tmp_path)
    assert places(findings) == {("annotation-unreadable", 2), ("label-empty", 1)}
    assert checked.dataset.splits[0].tally.objects == 1


def test_an_annotation_without_image_still_has_its_category_checked(tmp_path: Path) -> None:
    bad = {"id": 1, "image_id": 9, "category_id": 9, "bbox": [1, 1, 2, 2]}
    write(tmp_path, {"a.json": json.dumps(coco(annotations=[bad]))})
    assert rules(check(tmp_path / "a.json")[0]) >= {"image-unknown", "category-unknown"}


def test_a_process_that_is_killed_ends_the_check_as_a_failure() -> None:
    with pytest.raises(TargetRefused, match="was killed"):
        list(local(killed_at_one, [0, 1, 2], 2))


def test_a_process_that_is_killed_is_seen_while_another_has_much_to_say() -> None:
    with pytest.raises(TargetRefused, match="was killed"):
        list(local(killed_at_one_else_much, list(range(40)), 2))


def test_a_failure_in_a_process_is_a_failure_of_the_check(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="ended with 1"):
        list(local(failing_at_one, [0, 1, 2], 2))
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_processes_end_with_the_check_that_began_them() -> None:
    results = iter(local(slow_after_one, [0, 1, 2, 3], 2))
    assert next(results) == 0
    results.close()
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_known_failure_in_a_process_is_the_same_failure_of_the_check() -> None:
    with pytest.raises(SourceUnreadable, match="part 1") as failure:
        list(local(refused_at_one, [0, 1, 2], 2))
    assert failure.value.hint == "see to it"


def test_a_process_without_memory_is_told_as_that() -> None:
    with pytest.raises(TargetRefused, match="no memory left"):
        list(local(without_memory_at_one, [0, 1, 2], 2))


def test_more_processes_than_files_can_be_open_for_are_fewer_processes() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())) + 8, hard))
    try:
        assert list(local(abs, range(-300, 0), 300)) == list(range(300, 0, -1))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_label_that_never_ends_is_no_label(tmp_path: Path) -> None:
    data = yolo(tmp_path)
    label = tmp_path / "labels/train/a.txt"
    label.unlink()
    label.symlink_to("/dev/zero")
    findings, _ = check(data)
    assert ("path-unreadable", "it cannot be read: it is no regular file") in [
        (finding.rule, finding.message) for finding in findings
    ]


def refused_at_one(part: int) -> int:
    if part == 1:
        raise SourceUnreadable("part 1 cannot be read", "see to it")
    return part


def without_memory_at_one(part: int) -> int:
    if part == 1:
        raise MemoryError
    return part


def test_results_come_in_the_order_of_the_parts() -> None:
    assert list(local(abs, range(-20, 0), 3)) == list(range(20, 0, -1))


def killed_at_one_else_much(part: int) -> bytes:
    return bytes(1 << 20) if part % 2 == 0 else bytes(killed_at_one(1))


def failing_at_one(part: int) -> float:
    return part / (part - 1)


def slow_after_one(part: int) -> int:
    if part > 1:
        time.sleep(600)
    return part


def killed_at_one(part: int) -> int:
    if part == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return part
