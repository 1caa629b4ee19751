"""`patchkit check-data` and the files of YOLO: what cannot be read, what the trainers pass over, what counts once."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Answer
from tests.data_sets import IMAGE, ROW, YAML, write, yolo
from tests.support import assert_refused

Patchkit = Callable[..., Answer]
Told = tuple[str, str, str]  # rule, file name, outcomes for ultralytics and the fork
DROPPED, BACKGROUND = "drops-image drops-image", "trains-on-it trains-on-it"
QUIET = ("--least", "0", "--ignore", "class-never-seen", "--ignore", "class-only-in-validation")
UNREADABLE = "path-unreadable"
SUB: dict[str, str | bytes] = {"images/train/sub/d.jpg": IMAGE, "labels/train/sub/d.txt": "1 0.5 0.5 0.2 0.2\n"}


def told(answer: Answer) -> list[Told]:
    return [
        (one["rule"], Path(one["location"]["path"]).name, " ".join(fate["outcome"] for fate in one["fates"]))
        for one in answer.json["findings"]
    ]


def as_others(data: Path, *options: str) -> Answer:
    """The answer to a user whom permissions bind, as they do not bind root."""
    bounds = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    command = [*bounds, sys.executable, "-m", "patchkit", "check-data", str(data), "--format", "json", *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=data.parent, check=False)
    return Answer(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def shut() -> Callable[..., Path]:
    """Takes permissions away, and gives them back."""
    paths: list[Path] = []

    def take(path: Path, mode: int = 0) -> Path:
        path.chmod(mode)
        paths.append(path)
        return path

    yield take
    for path in paths:
        path.chmod(0o755)


def test_an_image_of_a_list_that_is_not_there_is_dropped(patchkit: Patchkit, tmp_path: Path) -> None:
    write(tmp_path, {"l.txt": "x.png\ngone.png\n", "x.png": IMAGE, "x.txt": ROW})
    answer = patchkit("check-data", "l.txt", "--format", "json", "--least", "0", cwd=tmp_path)
    assert told(answer) == [(UNREADABLE, "l.txt", DROPPED)]
    assert answer.json["findings"][0]["location"]["line"] == 2


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("images/train/a.jpg", [("label-missing", "l.txt", "crash trains-on-it")]),
        ("./images/train/a.jpg", []),
        ("{0}/images/train/a.jpg", []),
        ("a.jpg", []),
    ],
)
def test_of_a_path_of_a_list_images_is_replaced_between_two_slashes(
    line: str, found: list[Told], patchkit: Patchkit, tmp_path: Path
) -> None:
    files = {"images/train/a.jpg": IMAGE, "labels/train/a.txt": ROW, "a.jpg": IMAGE, "a.txt": ROW}
    write(tmp_path, {**files, "l.txt": line.format(tmp_path)})
    assert told(patchkit("check-data", "l.txt", "--format", "json", "--least", "0", cwd=tmp_path)) == found


@pytest.mark.parametrize(("has_label", "target"), [(True, "gone.jpg"), (False, "gone.jpg"), (True, "dead.jpg")])
def test_an_image_that_is_a_dead_link_is_dropped(
    has_label: bool, target: str, patchkit: Patchkit, tmp_path: Path
) -> None:
    data = yolo(tmp_path, None, {"labels/train/dead.txt": ROW} if has_label else {})
    (tmp_path / "images/train/dead.jpg").symlink_to(target)
    answer = patchkit("check-data", data, "--format", "json", "--least", "0")
    assert told(answer) == [(UNREADABLE, "dead.jpg", DROPPED)]
    assert answer.json["subject"]["splits"][0]["images"] == 2


def test_a_dead_link_beside_an_image_of_its_stem_does_not_hide_it(patchkit: Patchkit, tmp_path: Path) -> None:
    data = yolo(tmp_path)
    (tmp_path / "images/train/a.JPG").symlink_to("gone")
    answer = patchkit("check-data", data, "--format", "json", "--least", "0")
    assert told(answer) == [(UNREADABLE, "a.JPG", DROPPED)]
    assert answer.json["subject"]["splits"][0]["images"] == 2


def test_links_to_images_and_folders_are_followed(patchkit: Patchkit, tmp_path: Path) -> None:
    data = yolo(tmp_path, None, {"other/e.jpg": IMAGE, "others/e.txt": ROW, "labels/train/d.txt": ROW})
    (tmp_path / "images/train/d.jpg").symlink_to("../../other/e.jpg")
    (tmp_path / "images/train/sub").symlink_to("../../other")
    (tmp_path / "labels/train/sub").symlink_to("../../others")
    answer = patchkit("check-data", data, "--format", "json", "--least", "0")
    assert (answer.code, told(answer)) == (0, [])
    assert answer.json["subject"]["splits"][0]["images"] == 4


def test_a_dead_link_to_a_folder_and_a_loop_are_told(patchkit: Patchkit, tmp_path: Path) -> None:
    data = yolo(tmp_path, None, {"labels/train/sub/d.txt": ROW})
    (tmp_path / "images/train/sub").symlink_to("../elsewhere")
    (tmp_path / "images/train/loop").symlink_to(".")
    (tmp_path / "labels/train/loop").symlink_to(".")
    answer = patchkit("check-data", data, "--format", "json", "--least", "0")
    assert told(answer) == [(UNREADABLE, "loop", BACKGROUND), (UNREADABLE, "sub", DROPPED)]


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("gone")], ids=["pipe", "dead link"])
def test_a_label_that_is_no_file_is_missing(make: Callable[[Path], None], patchkit: Patchkit, tmp_path: Path) -> None:
    data = yolo(tmp_path)
    (tmp_path / "labels/train/a.txt").unlink()
    make(tmp_path / "labels/train/a.txt")
    answer = patchkit("check-data", data, "--format", "json", *QUIET)
    assert told(answer) == [(UNREADABLE, "a.txt", BACKGROUND)]


def test_a_test_split_that_is_not_there_does_not_stop_the_training(patchkit: Patchkit, tmp_path: Path) -> None:
    data = yolo(tmp_path, None, {"data.yaml": f"{YAML}test: images/tset\n"})
    assert told(patchkit("check-data", data, "--format", "json", "--least", "0")) == [
        (UNREADABLE, "data.yaml", "ignored ignored")
    ]


def test_a_label_file_that_may_not_be_read_drops_its_image(tmp_path: Path, shut: Callable[..., Path]) -> None:
    data = yolo(tmp_path)
    shut(tmp_path / "labels/train/a.txt")
    assert told(as_others(data, *QUIET)) == [(UNREADABLE, "a.txt", DROPPED)]


@pytest.mark.parametrize(
    ("folder", "outcomes"),
    [
        ("labels", "crash trains-on-it"),
        ("labels/train", "crash trains-on-it"),
        ("labels/train/sub", BACKGROUND),
        ("images/train", "crash crash"),
        ("images/train/sub", DROPPED),
    ],
)
def test_nothing_is_said_of_what_lies_in_a_folder_that_cannot_be_read(
    folder: str, outcomes: str, tmp_path: Path, shut: Callable[..., Path]
) -> None:
    data = yolo(tmp_path, None, SUB)
    shut(tmp_path / folder)
    answer = as_others(data)
    (train, *others) = told(answer)
    assert train == (UNREADABLE, Path(folder).name if folder != "labels" else "train", outcomes)
    assert [one for one in others if one != (UNREADABLE, "val", BACKGROUND)] == []
    assert "label-missing" in {one["rule"] for one in answer.json["skipped"]}
    images = {"images/train": 0, "images/train/sub": 2}.get(folder, 3)
    assert answer.json["subject"]["splits"][0]["images"] == images


def test_a_list_whose_labels_cannot_be_read_is_one_finding(tmp_path: Path, shut: Callable[..., Path]) -> None:
    data = yolo(tmp_path, None, {"data.yaml": YAML.replace("images/train", "train.txt"), **SUB})
    write(tmp_path, {"train.txt": "./images/train/a.jpg\n./images/train/b.jpg\n./images/train/sub/d.jpg\n"})
    shut(tmp_path / "labels/train/sub")
    answer = as_others(data, "--least", "0")
    assert told(answer) == [(UNREADABLE, "sub", BACKGROUND)]
    assert answer.json["subject"]["splits"][0]["images"] == 3


def test_labels_in_a_folder_that_cannot_be_listed_are_read(tmp_path: Path, shut: Callable[..., Path]) -> None:
    data = yolo(tmp_path, "-1 0.5 0.5 0.2 0.2\n", {"images/train/c.jpg": IMAGE})
    shut(tmp_path / "labels/train", 0o311)
    answer = as_others(data, *QUIET)
    assert told(answer)[0][:2] == ("class-negative", "a.txt")
    assert {one[0] for one in told(answer)} == {"class-negative", "label-missing"}


def test_names_with_a_dot_are_passed_over(patchkit: Patchkit, tmp_path: Path) -> None:
    hidden: dict[str, str | bytes] = {
        "images/train/.ipynb_checkpoints/a-checkpoint.jpg": IMAGE,
        "images/train/._a.jpg": b"\0",
        "labels/train/._a.txt": b"\0\5\x16\7",
        "labels/train/.ipynb_checkpoints/a-checkpoint.txt": "-1 0 0 0 0\n",
    }
    answer = patchkit("check-data", yolo(tmp_path, None, hidden), "--format", "json", "--least", "0")
    assert (answer.code, told(answer)) == (0, [])
    assert answer.json["subject"]["splits"][0]["images"] == 2


@pytest.mark.parametrize("end", ["\u2028", "\u2029", "\x85", "\x1c", "\r"])
def test_rows_end_where_python_ends_lines(end: str, patchkit: Patchkit, tmp_path: Path) -> None:
    rows = end.join(["0 0.5 0.5 0.2 0.2", "1 0.4 0.4 0.2 0.2", "7 0.3 0.3 0.2 0.2"])
    answer = patchkit("check-data", yolo(tmp_path, rows), "--format", "json", "--least", "0")
    assert [(one["rule"], one["location"]["line"]) for one in answer.json["findings"]] == [("class-too-large", 3)]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (YAML.replace("nc: 2", "nc: 3\nnc: 2"), 4, "nc is 3 here, and again in line 5, where 2 is what counts"),
        (YAML.replace("nc: 2", "nc:\nnc: 2"), 4, "nc is nothing here, and again in line 5, where 2 is what counts"),
        (YAML.replace("val:", "train: images/none\ntrain: images/train\nval:"), 2, "train is images/train here"),
        (
            YAML.replace("[cat, dog]", "\n  0: cat\n  1: cow\n  1: dog"),
            7,
            "names.1 is cow here, and again in line 8, where dog is what counts",
        ),
    ],
)
def test_a_key_that_stands_twice_in_a_data_yaml_is_told(
    text: str, line: int, words: str, patchkit: Patchkit, tmp_path: Path
) -> None:
    data = yolo(tmp_path, None, {"data.yaml": text})
    answer = patchkit("check-data", data, "--format", "json", "--least", "0")
    found = [one for one in answer.json["findings"] if one["location"]["line"] == line]
    assert {(one["rule"], one["severity"]) for one in answer.json["findings"]} == {("key-given-twice", "warning")}
    assert words in found[0]["message"]
    assert {fate["outcome"] for fate in found[0]["fates"]} == {"trains-on-it"}


@pytest.mark.parametrize(
    "train",
    [
        "[images/train, images/again]",
        "[images/train, images/train/../train]",
        "[images, images/train]",
        "[images/train, images/train]",
        "[images/train, list.txt]",
        "[list.txt, list.txt, images/train]",
        "images/train",
    ],
)
def test_what_one_split_names_twice_is_counted_once(train: str, patchkit: Patchkit, tmp_path: Path) -> None:
    text = YAML.replace("images/train", train).replace("images/val", "validation")
    data = yolo(tmp_path, None, {"data.yaml": text, "validation/v.jpg": IMAGE, "validation/v.txt": ROW, **SUB})
    for part in ("images", "labels"):
        for name in (tmp_path / part / "val").iterdir():
            name.unlink()
        (tmp_path / part / "again").symlink_to("train")
        (tmp_path / part / "train/also").symlink_to("sub")
    write(tmp_path, {"list.txt": "./images/train/a.jpg\n./images/train/a.jpg\n./images/again/b.jpg\n"})
    answer = patchkit("check-data", data, "--format", "json", "--least", "0")
    assert {one[0] for one in told(answer)} == {"image-listed-twice"}
    (split, _) = answer.json["subject"]["splits"]
    assert (split["images"], split["classes"]) == (3, {"0": 1, "1": 2})


def test_labels_are_looked_for_beside_what_a_linked_folder_leads_to(patchkit: Patchkit, tmp_path: Path) -> None:
    files = {"raw/images/first/e.jpg": IMAGE, "raw/labels/first/e.txt": "7 0.5 0.5 0.2 0.2\n"}
    data = yolo(tmp_path, None, {"data.yaml": YAML.replace("images/train", "images/first"), **files})
    (tmp_path / "images/first").symlink_to("../raw/images/first")
    answer = patchkit("check-data", data, "--format", "json", *QUIET)
    assert [one[:2] for one in told(answer)] == [("class-too-large", "e.txt")]
    assert json.loads(answer.out)["subject"]["splits"][0]["images"] == 1


def test_no_label_at_all_stops_the_training_of_ultralytics(patchkit: Patchkit, tmp_path: Path) -> None:
    data = yolo(tmp_path)
    for split, outcomes in (("val", BACKGROUND), ("train", "crash trains-on-it")):
        for label in (tmp_path / "labels" / split).iterdir():
            label.unlink()
        answer = patchkit("check-data", data, "--format", "json", "--select", "label-missing")
        assert outcomes in [one[2] for one in told(answer)]


def test_a_byte_order_mark_before_the_first_line_of_a_list_is_no_part_of_a_name(
    patchkit: Patchkit, tmp_path: Path
) -> None:
    write(tmp_path, {"l.txt": "\ufeff./x.png\n", "x.png": IMAGE, "x.txt": ROW})
    answer = patchkit("check-data", "l.txt", "--format", "json", "--least", "0", cwd=tmp_path)
    assert (answer.code, told(answer)) == (0, [])


@pytest.mark.parametrize("name", [".h.jpg", "readme.md", "sub"])
def test_what_the_folder_does_not_give_is_not_named_again(name: str, patchkit: Patchkit, tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "images/train/.h.jpg": IMAGE,
        "images/train/readme.md": "",
        "l.txt": f"./images/train/{name}\n",
    }
    data = yolo(tmp_path, ROW, {"data.yaml": YAML.replace("images/train", "[images/train, l.txt]"), **files})
    (tmp_path / "images/train/sub").mkdir()
    assert told(patchkit("check-data", data, "--format", "json", "--select", "image-listed-twice")) == []


def test_a_folder_that_is_named_twice_is_told_once_of_everything_else(patchkit: Patchkit, tmp_path: Path) -> None:
    train = "[images/train, images/train]"
    data = yolo(tmp_path, ROW, {"data.yaml": YAML.replace("images/train", train), "labels/train/sub/o.txt": ROW})
    answer = patchkit("check-data", data, "--format", "json", "--least", "0")
    assert sorted(one[0] for one in told(answer)) == ["image-listed-twice", "label-orphan"]


def test_a_name_that_would_colour_the_terminal_is_told_with_its_escapes(patchkit: Patchkit, tmp_path: Path) -> None:
    answer = patchkit("check-data", tmp_path / "\x1b[31mdata.yaml")
    assert_refused(answer, "\\x1b[31mdata.yaml", "there is no such file or folder")
    assert "\x1b" not in answer.err
    data, quarantine = yolo(tmp_path, "7 0.5 0.5 0.2 0.2\n"), tmp_path / "a b\x1b[31m"
    fixed = patchkit("check-data", data, "--fix", "--quarantine", quarantine, "--least", "0")
    assert "\\x1b[31m" in fixed.err
    assert "\x1b" not in fixed.err
    assert f"--undo '{tmp_path}/a b" in fixed.err


@pytest.mark.parametrize(
    ("train", "place", "count"),
    [
        ("[images/train, images/train]", "images/train:1", "2 images"),
        ("[images/train/., images]", "images/train:1", "2 images"),
        ("twice.txt", "twice.txt:3", "an image"),
        ("[one.txt, two.txt]", "two.txt:2", "an image"),
        ("[one.txt, images/train]", "one.txt:1", "an image"),
    ],
)
def test_images_that_a_split_names_again_are_told(
    train: str, place: str, count: str, patchkit: Patchkit, tmp_path: Path
) -> None:
    lists = {"twice": "./images/train/a.jpg\n\n" + 2 * "./images/train/a.jpg\n" + 2 * "./images/train/gone.jpg\n"}
    lists |= {"one": "./images/train/a.jpg\n", "two": "./images/train/b.jpg\n./images/train/../train/a.jpg\n"}
    files: dict[str, str | bytes] = {f"{name}.txt": text for name, text in lists.items()}
    data = yolo(tmp_path, ROW, {"data.yaml": YAML.replace("images/train", train), **files})
    answer = patchkit("check-data", data, "--format", "json", "--select", "image-listed-twice")
    assert answer.code == 0
    (finding,) = answer.json["findings"]
    assert finding["message"] == f"train names {count} again"
    assert f"{finding['location']['path']}:{finding['location']['line']}".endswith(place)
    assert [fate["outcome"] for fate in finding["fates"]] == ["trains-on-it"] * 2
