"""`patchkit check-data` and coordinates beyond the image: what the trainers of YOLO drop, clip, or do not look at."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Answer
from tests.data_sets import YAML, yolo
from tests.support import assert_refused

Patchkit = Callable[..., Answer]
Found = tuple[str, str, str, str]  # rule, severity, outcomes for ultralytics and the fork
POSE = f"{YAML}kpt_shape: [1, 3]\n"
POINT = "0.5 0.5 2"
DROPPED, CLIPPED, LOST = "drops-image drops-image", "mended mended", "drops-row drops-row"
EDGE = ("edge-outside", "warning")
OUTSIDE = ("coordinate-outside", "error")


def found(patchkit: Patchkit, data: Path, *options: str) -> list[tuple[str, str, str]]:
    """Rule, severity and both outcomes of every finding about the first label file."""
    answer = patchkit("check-data", data, "--format", "json", "--least", "0", *options)
    return [
        (one["rule"], one["severity"], " ".join(fate["outcome"] for fate in one["fates"]))
        for one in answer.json["findings"]
        if one["location"]["path"].endswith("a.txt")
    ]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("0.9 0.6 1.04 0.6 1.04 0.9 0.9 0.9", (*EDGE, CLIPPED)),  # a corner of an oriented box
        ("-0.05 0.6 0.5 0.6 0.5 0.9", (*EDGE, CLIPPED)),
        ("0.5 0.6 1.0005 0.6 1.0005 0.9", None),
        ("0.9 0.6 1.4 0.6 1.4 0.9 0.9 0.9", (*OUTSIDE, DROPPED)),
        ("0.9 0.6 1.112 0.6 1.112 0.9", ("coordinate-outside", "warning", "mended drops-image")),
        ("90 60 140 60 140 90 90 90", ("coordinate-in-pixels", "error", DROPPED)),
        ("nan 0.6 0.5 0.6 0.5 0.9", ("coordinate-not-finite", "error", DROPPED)),
    ],
)
def test_of_a_polygon_the_box_around_it_is_judged(
    row: str, expected: Found | None, patchkit: Patchkit, tmp_path: Path
) -> None:
    sound = "0 0.1 0.1 0.2 0.1 0.2 0.2\n"
    assert found(patchkit, yolo(tmp_path, f"{sound}0 {row}\n")) == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("1.005 0.5 0.2 0.2", ("coordinate-outside", "warning", "mended drops-image")),
        ("-0.005 0.5 0.2 0.2", ("coordinate-outside", "warning", "mended drops-image")),
        ("0.5 0.5 0.2 1.01", ("coordinate-outside", "warning", "mended drops-image")),
        ("1.009 0.5 0.01 0.2", ("coordinate-outside", "error", "drops-row drops-image")),
        ("1.02 0.5 0.2 0.2", (*OUTSIDE, DROPPED)),
        ("0.5 -0.02 0.2 0.2", (*OUTSIDE, DROPPED)),
        ("0.5 0.5 0.2 1.02", (*OUTSIDE, DROPPED)),
    ],
)
def test_a_box_beyond_by_less_than_a_hundredth_is_kept_by_ultralytics(
    row: str, expected: Found, patchkit: Patchkit, tmp_path: Path
) -> None:
    assert found(patchkit, yolo(tmp_path, f"0 {row}\n")) == [expected]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (f"1.2 0.5 0.2 0.2 {POINT}", (*OUTSIDE, LOST)),
        (f"1.05 0.5 0.2 0.2 {POINT}", (*EDGE, CLIPPED)),
        (f"0.5 0.5 1.2 0.2 {POINT}", (*EDGE, CLIPPED)),
        (f"0.5 0.5 3 0.2 {POINT}", (*EDGE, CLIPPED)),
        (f"320 240 20 20 {POINT}", ("coordinate-in-pixels", "error", LOST)),
        ("320 240 20 20 320 240 2", ("coordinate-in-pixels", "error", DROPPED)),
        (f"inf 0.5 0.2 0.2 {POINT}", ("coordinate-not-finite", "error", LOST)),
        (f"nan 0.5 0.2 0.2 {POINT}", ("coordinate-not-finite", "error", DROPPED)),
        ("0.5 0.5 0.2 0.2 inf 0.5 2", ("coordinate-not-finite", "error", DROPPED)),
        ("0.5 0.5 0.2 0.2 0.5 0.5 inf", ("coordinate-not-finite", "note", "ignored ignored")),
        (f"-0.05 0.5 0.2 0.2 {POINT}", (*OUTSIDE, DROPPED)),
        (f"-0.005 0.5 0.2 0.2 {POINT}", ("coordinate-outside", "warning", "mended drops-image")),
        ("0.5 0.5 0.2 0.2 1.005 0.5 2", ("coordinate-outside", "warning", "mended drops-image")),
        ("0.5 0.5 0.2 0.2 1.2 0.5 2", (*OUTSIDE, DROPPED)),
        ("0.5 0.5 0.2 0.2 0.5 0.5 -1", (*OUTSIDE, DROPPED)),
    ],
)
def test_of_a_pose_the_points_are_judged(row: str, expected: Found, patchkit: Patchkit, tmp_path: Path) -> None:
    sound = f"0 0.4 0.4 0.2 0.2 {POINT}\n"
    files: dict[str, str | bytes] = {"data.yaml": POSE, "labels/train/b.txt": sound, "labels/val/v.txt": sound}
    assert found(patchkit, yolo(tmp_path, f"{sound}0 {row}\n", files)) == [expected]


@pytest.mark.parametrize(
    ("trainers", "moved"),
    [
        (("yolov10",), 1),
        (("ultralytics",), 0),
        (("ultralytics", "yolov10"), 0),
        (("yolov10", "torchvision"), 0),  # what it does with such a row is not known
    ],
)
def test_a_row_beyond_by_less_than_a_hundredth_is_moved_where_the_trainer_drops_its_image(
    trainers: tuple[str, ...], moved: int, patchkit: Patchkit, tmp_path: Path
) -> None:
    sound, beyond = "0 0.5 0.5 0.2 0.2\n", "0 1.005 0.5 0.2 0.2\n"
    data, quarantine = yolo(tmp_path, sound + beyond), tmp_path / "q"
    named = [word for trainer in trainers for word in ("--for", trainer)]
    before = patchkit("check-data", data, *named, "--least", "0", "--format", "json").json
    assert [one["fix"]["safe"] for one in before["findings"]] == [bool(moved)]
    fixed = patchkit("check-data", data, *named, "--least", "0", "--fix", "--quarantine", quarantine)
    assert fixed.code == 1 - moved, fixed.out
    assert (tmp_path / "labels/train/a.txt").read_text() == (sound if moved else sound + beyond)
    assert ("1 row stays: a trainer may still train on it; --unsafe-fixes moves it too" in fixed.err) == (not moved)
    assert "nothing can be moved" not in fixed.err
    if not moved:
        unsafe = patchkit(
            "check-data", data, *named, "--least", "0", "--fix", "--unsafe-fixes", "--quarantine", quarantine
        )
        assert unsafe.code == 0, unsafe.out
        assert "stays" not in unsafe.err
        assert (tmp_path / "labels/train/a.txt").read_text() == sound
    assert patchkit("check-data", "--undo", quarantine).code == 0
    assert (tmp_path / "labels/train/a.txt").read_text() == sound + beyond


def test_unsafe_fixes_without_fix_are_refused(patchkit: Patchkit, tmp_path: Path) -> None:
    assert_refused(patchkit("check-data", yolo(tmp_path), "--unsafe-fixes"), "--unsafe-fixes goes with --fix")


def test_a_row_that_is_moved_for_another_finding_is_not_told_as_one_that_stays(
    patchkit: Patchkit, tmp_path: Path
) -> None:
    data = yolo(tmp_path, "0 0.5 0.5 0.2 0.2\n7 1.005 0.5 0.2 0.2\n")
    options = ("--for", "ultralytics", "--least", "0")
    fixed = patchkit("check-data", data, *options, "--fix", "--quarantine", tmp_path / "q")
    assert (fixed.code, "stay" in fixed.err) == (0, False)


def installed(tmp_path: Path, *, editable: Path | None = None) -> Path:
    """Site-packages with the metadata of a release and a fork that share their name and version."""
    site = tmp_path / "site-packages"
    info = site / "ultralytics-8.1.34.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ultralytics\nVersion: 8.1.34\n")
    (info / "RECORD").write_text(f"{info.name}/METADATA,,\n{info.name}/RECORD,,\n")
    if editable:
        (info / "direct_url.json").write_text(json.dumps({"url": editable.as_uri(), "dir_info": {"editable": True}}))
    return site


def trainers_told(patchkit: Patchkit, tmp_path: Path, site: Path) -> list[str]:
    data = yolo(tmp_path, "0 1.005 0.5 0.2 0.2\n")
    answer = patchkit("check-data", data, "--site-packages", site, "--least", "0", "--format", "json")
    return [fate["trainer"] for fate in answer.json["findings"][0]["fates"]]


@pytest.mark.parametrize(("folder", "trainer"), [("models/yolo", "ultralytics"), ("models/yolov10", "yolov10")])
def test_the_trainer_is_the_one_that_is_installed(
    folder: str, trainer: str, patchkit: Patchkit, tmp_path: Path
) -> None:
    site = installed(tmp_path)
    (site / "ultralytics" / folder).mkdir(parents=True)
    assert trainers_told(patchkit, tmp_path, site) == [trainer]


def test_the_trainer_of_an_editable_fork_is_told_by_its_checkout(patchkit: Patchkit, tmp_path: Path) -> None:
    checkout = tmp_path / "yolov10"
    (checkout / "ultralytics/models/yolov10").mkdir(parents=True)
    assert trainers_told(patchkit, tmp_path, installed(tmp_path, editable=checkout)) == ["yolov10"]


def test_without_an_installed_trainer_all_that_read_the_format_are_told(patchkit: Patchkit, tmp_path: Path) -> None:
    (tmp_path / "site-packages").mkdir()
    assert trainers_told(patchkit, tmp_path, tmp_path / "site-packages") == ["ultralytics", "yolov10"]


def test_rows_that_the_trainer_keeps_are_not_moved(patchkit: Patchkit, tmp_path: Path) -> None:
    kept = "0 0.9 0.6 1.04 0.6 1.04 0.9 0.9 0.9\n1 -0.005 0.5 0.2 0.5 0.2 0.9 -0.005 0.9\n"
    data = yolo(tmp_path, f"{kept}0 0.9 0.6 1.9 0.6 1.9 0.9\n")
    box = "1 1.005 0.4 0.1 0.3\n"
    (tmp_path / "labels/train/b.txt").write_text(box)
    fixed = patchkit("check-data", data, "--fix", "--quarantine", tmp_path / "q", "--least", "0")
    assert fixed.code == 1, fixed.out
    assert (tmp_path / "labels/train/a.txt").read_text() == kept
    assert (tmp_path / "labels/train/b.txt").read_text() == box
