"""`patchkit check-data --fix --quarantine` and `--undo`: what is moved, what comes back, and what is refused."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchkit.check_data.spans import merge, with_commas, with_rows, without
from tests.conftest import Answer, snapshot
from tests.data_sets import IMAGE, ROW, write, yolo
from tests.support import assert_refused

Patchkit = Callable[..., Answer]
BAD = f"{ROW}-1 0.5 0.5 0.2 0.2\n2 0.5 0.5 0.2 0.2\n0 nan 0.5 0.2 0.2\n1 0.1 0.1 0.1 0.1\n"


def test_bad_rows_go_into_quarantine_and_come_back_byte_for_byte(patchkit: Patchkit, tmp_path: Path) -> None:
    data = yolo(tmp_path / "data", "\ufeff" + BAD.replace("\n", "\r\n"), {"labels/train.cache": "old"})
    before = {path: path.read_bytes() for path in sorted(data.parent.rglob("*")) if path.is_file()}
    folder = tmp_path / "bad"
    answer = patchkit("check-data", data, "--fix", "--quarantine", folder, "--format", "json", "--least", "0")
    assert (answer.code, answer.json["counts"]["error"], answer.json["counts"]["warning"]) == (0, 0, 0)
    assert answer.json["moved"] == {"folder": str(folder), "rows": 4, "files": 1, "caches": 1}
    kept = (data.parent / "labels/train/a.txt").read_bytes()
    assert kept.decode() == f"{ROW}1 0.1 0.1 0.1 0.1\n".replace("\n", "\r\n")
    assert not (data.parent / "labels/train.cache").exists()
    assert patchkit("check-data", "--undo", folder).code == 0
    assert {path: path.read_bytes() for path in sorted(data.parent.rglob("*")) if path.is_file()} == before
    again = patchkit("check-data", "--undo", folder)
    assert (again.code, "as it was" in again.err) == (0, True)


class Quarantined:
    """A data set whose labels a, b and c had bad rows, that are in a quarantine now."""

    def __init__(self, folder: Path, patchkit: Patchkit) -> None:
        files = {"labels/train/b.txt": ROW + "9 0.5 0.5 0.1 0.1\n", "labels/train/c.txt": "-1 0.5 0.5 0.1 0.1\n"}
        data = yolo(folder / "data", BAD, {"images/train/c.jpg": IMAGE, **files})
        self.labels, self.folder = data.parent / "labels/train", folder / "bad"
        self.before = self.now()
        assert patchkit("check-data", data, "--fix", "--quarantine", self.folder).code in (0, 1)
        assert all(self.now()[name] != self.before[name] for name in self.before)
        self.undo = ("check-data", "--undo", self.folder)

    def now(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted(self.labels.iterdir())}


@pytest.fixture
def quarantined(tmp_path: Path, patchkit: Patchkit) -> Quarantined:
    return Quarantined(tmp_path, patchkit)


def test_undo_writes_nothing_if_files_were_changed_until_they_are_moved_elsewhere(
    quarantined: Quarantined, patchkit: Patchkit, tmp_path: Path
) -> None:
    for name in ("a.txt", "c.txt"):
        (quarantined.labels / name).write_text("1 0.5 0.5 0.3 0.3\n")
    left = quarantined.now()
    answer = patchkit(*quarantined.undo)
    assert_refused(
        answer, "changed since --fix; nothing was written", "labels/train/a.txt", "labels/train/c.txt", "move"
    )
    assert "b.txt" not in answer.err
    assert quarantined.now() == left
    for name in ("a.txt", "c.txt"):
        (quarantined.labels / name).rename(tmp_path / name)
    assert patchkit(*quarantined.undo).code == 0
    assert quarantined.now() == quarantined.before


def test_undo_makes_a_file_again_that_was_deleted(quarantined: Quarantined, patchkit: Patchkit) -> None:
    (quarantined.labels / "a.txt").unlink()
    answer = patchkit(*quarantined.undo)
    assert (answer.code, "of 3 files" in answer.err) == (0, True)
    assert quarantined.now() == quarantined.before
    assert "as it was" in patchkit(*quarantined.undo).err


def test_undo_of_a_data_set_that_is_not_in_its_place_makes_no_folders(
    quarantined: Quarantined, patchkit: Patchkit
) -> None:
    away = quarantined.labels.rename(quarantined.labels.with_name("away"))
    assert_refused(patchkit(*quarantined.undo), "the folders of files are gone", quarantined.labels, "mkdir -p")
    assert not quarantined.labels.exists()
    quarantined.labels.mkdir()
    assert patchkit(*quarantined.undo).code == 0
    assert quarantined.now() == quarantined.before
    assert away.exists()


def test_undo_needs_either_the_rows_or_the_copy_of_a_file(quarantined: Quarantined, patchkit: Patchkit) -> None:
    (quarantined.folder / "rows/000000.rows").write_text("damaged")  # of a.txt
    (quarantined.folder / "files/000001.kept").unlink()  # of b.txt
    (quarantined.folder / "files/000002.kept").unlink()  # of c.txt, whose rows are all that it had
    (quarantined.labels / "c.txt").unlink()
    assert patchkit(*quarantined.undo).code == 0
    assert quarantined.now() == quarantined.before


def test_undo_says_what_is_lost_and_how_the_other_files_come_back(quarantined: Quarantined, patchkit: Patchkit) -> None:
    (quarantined.labels / "b.txt").unlink()
    (quarantined.folder / "files/000001.kept").unlink()
    left, manifest = quarantined.now(), quarantined.folder / "manifest.json"
    answer = patchkit(*quarantined.undo)
    assert_refused(answer, "does not hold any more", "labels/train/b.txt", f"take their entries out of {manifest}")
    assert quarantined.now() == left
    content = json.loads(manifest.read_text())
    content["files"] = [entry for entry in content["files"] if not entry["path"].endswith("b.txt")]
    manifest.write_text(json.dumps(content))
    assert patchkit(*quarantined.undo).code == 0
    assert quarantined.now() == {name: quarantined.before[name] for name in ("a.txt", "c.txt")}


def test_a_quarantine_without_copies_can_be_undone(quarantined: Quarantined, patchkit: Patchkit) -> None:
    manifest = quarantined.folder / "manifest.json"
    content = json.loads(manifest.read_text())
    for entry in content["files"]:
        (quarantined.folder / entry.pop("kept")).unlink()
    manifest.write_text(json.dumps(content))
    assert patchkit(*quarantined.undo).code == 0
    assert quarantined.now() == quarantined.before


def test_a_cache_that_was_made_since_is_in_the_way_until_it_is_taken_away(patchkit: Patchkit, tmp_path: Path) -> None:
    data = yolo(tmp_path / "data", BAD, {"labels/train.cache": "old"})
    assert patchkit("check-data", data, "--fix", "--quarantine", tmp_path / "bad", "--least", "0").code == 0
    cache, undo = data.parent / "labels/train.cache", ("check-data", "--undo", tmp_path / "bad")
    cache.write_text("new")
    assert_refused(patchkit(*undo), "train.cache is there already", "take it away")
    assert (data.parent / "labels/train/a.txt").read_text() != BAD
    cache.unlink()
    (tmp_path / "bad/rows/000000.cache").rename(tmp_path / "kept")
    assert_refused(patchkit(*undo), "does not hold the cache", "take its entry out of")
    (tmp_path / "kept").rename(tmp_path / "bad/rows/000000.cache")
    assert patchkit(*undo).code == 0
    assert (cache.read_text(), (data.parent / "labels/train/a.txt").read_text()) == ("old", BAD)


def test_a_quarantine_that_was_cut_off_half_way_can_be_undone(patchkit: Patchkit, tmp_path: Path) -> None:
    data = yolo(tmp_path / "data", BAD, {"labels/train/b.txt": "9 0.5 0.5 0.1 0.1\n"})
    before = {name: (data.parent / f"labels/train/{name}.txt").read_bytes() for name in "ab"}
    patchkit("check-data", data, "--fix", "--quarantine", tmp_path / "bad")
    (data.parent / "labels/train/b.txt").write_bytes(before["b"])  # as if it had not been reached
    (tmp_path / "bad/rows/000001.rows").unlink()
    assert patchkit("check-data", "--undo", tmp_path / "bad").code == 0
    assert {name: (data.parent / f"labels/train/{name}.txt").read_bytes() for name in "ab"} == before


def test_what_goes_with_what_is_checked_before_anything_is_written(patchkit: Patchkit, tmp_path: Path) -> None:
    data = yolo(tmp_path / "data", BAD)
    before = (tmp_path / "data/labels/train/a.txt").read_bytes()
    assert_refused(patchkit("check-data", data, "--fix"), "--quarantine")
    assert_refused(patchkit("check-data", data, "--quarantine", tmp_path / "q"), "--fix")
    assert_refused(patchkit("check-data"), "nothing to check")
    assert_refused(patchkit("check-data", data, "--undo", tmp_path / "q"), "--undo goes without")
    assert_refused(patchkit("check-data", "--undo", tmp_path / "data"), "no quarantine")
    assert_refused(patchkit("check-data", data, "--fix", "--quarantine", tmp_path / "data"), "not an empty folder")
    assert_refused(patchkit("check-data", data, "--fix", "--quarantine", data / "bad"), f"{data}/bad", "is a file")
    assert_refused(patchkit("check-data", data, "--select", "class-negativ"), "class-negative")
    assert_refused(patchkit("check-data", tmp_path / "none.yaml"), "no such file")
    assert (tmp_path / "data/labels/train/a.txt").read_bytes() == before


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 99), max_size=8), st.data())
def test_annotations_are_taken_out_of_a_json_with_their_commas(numbers: list[int], data: st.DataObject) -> None:
    space = data.draw(st.sampled_from(["", " ", "\n  "]))
    text = f"[{space}" + f"{space},{space}".join(f'{{"id": {number}}}' for number in numbers) + f"{space}]"
    ends = [index + 1 for index, letter in enumerate(text) if letter == "}"]
    starts = [index for index, letter in enumerate(text) if letter == "{"]
    chosen = data.draw(st.sets(st.integers(0, len(numbers) - 1))) if numbers else set()
    spans = with_commas(text.encode(), [(starts[index], ends[index]) for index in sorted(chosen)])
    left = without(text.encode(), spans)
    assert json.loads(left) == [{"id": number} for index, number in enumerate(numbers) if index not in chosen]
    rows = b"".join(text.encode()[start:end] for start, end in spans)
    assert with_rows(left, spans, rows) == text.encode()


@given(st.binary(max_size=60), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=5))
def test_what_was_taken_out_can_be_put_back(text: bytes, places: list[tuple[int, int]]) -> None:
    spans = merge((min(pair, len(text)), min(max(pair, other), len(text))) for pair, other in places)
    rows = b"".join(text[start:end] for start, end in spans)
    assert with_rows(without(text, spans), spans, rows) == text


def fixed(patchkit: Patchkit, data: Path, folder: Path) -> Answer:
    """A data set whose bad rows were moved: nothing is left that could be."""
    answer = patchkit("check-data", data, "--fix", "--quarantine", folder, "--format", "json")
    assert answer.code in (0, 1), answer.err
    assert not [one for one in answer.json["findings"] if one["fix"] and one["fix"]["safe"]]
    return answer


def kfold(folder: Path, spelling: str) -> Path:
    """A data set that reaches a label file with bad rows by two paths."""
    data = yolo(folder, BAD)
    if spelling == "folder":
        write(folder, {"data.yaml": f"train: images/train\nval: ../{folder.name}/images/train\nnames: [cat, dog]\n"})
    elif spelling == "list":
        write(folder, {"data.yaml": "train: images/train\nval: val.txt\nnames: [cat, dog]\n"})
        write(folder, {"val.txt": f"{folder}/images/train/a.jpg\n"})
    else:
        (folder / "images/val/a.jpg").symlink_to("../../images/train/a.jpg")
        (folder / "labels/val/a.txt").symlink_to("../train/a.txt")
    return data


@pytest.mark.parametrize("spelling", ["folder", "list", "link"])
def test_a_file_that_two_paths_lead_to_is_moved_once(spelling: str, patchkit: Patchkit, tmp_path: Path) -> None:
    data = kfold(tmp_path / "data", spelling)
    before = snapshot(data.parent)
    answer = fixed(patchkit, data, tmp_path / "bad")
    assert (answer.json["moved"]["rows"], answer.json["moved"]["files"]) == (3, 1)
    assert (data.parent / "labels/train/a.txt").read_text() == f"{ROW}1 0.1 0.1 0.1 0.1\n"
    assert patchkit("check-data", "--undo", tmp_path / "bad").code == 0
    assert snapshot(data.parent) == before


def test_a_link_stays_and_the_label_that_it_leads_to_is_written(patchkit: Patchkit, tmp_path: Path) -> None:
    data = yolo(tmp_path / "data", None, {"../other/a.txt": BAD})
    label = data.parent / "labels/train/a.txt"
    label.unlink()
    label.symlink_to("../../../other/a.txt")
    before = snapshot(tmp_path)
    fixed(patchkit, data, tmp_path / "bad")
    assert label.is_symlink()
    assert "-1" not in (tmp_path / "other/a.txt").read_text()
    label.unlink()  # the file is found without it
    (tmp_path / "other/a.txt").unlink()
    assert patchkit("check-data", "--undo", tmp_path / "bad").code == 0
    label.symlink_to("../../../other/a.txt")
    shutil.rmtree(tmp_path / "bad")
    assert snapshot(tmp_path) == before


def test_a_store_that_label_files_are_links_into_is_not_written(patchkit: Patchkit, tmp_path: Path) -> None:
    data = yolo(tmp_path / "data", None, {"../blobs/5f3a": BAD})
    label = data.parent / "labels/train/a.txt"
    label.unlink()
    label.symlink_to("../../../blobs/5f3a")
    before = snapshot(tmp_path)
    answer = patchkit("check-data", data, "--fix", "--quarantine", tmp_path / "bad")
    assert_refused(answer, "blobs/5f3a", "not named like a label file", "put the file itself there")
    assert snapshot(tmp_path) == before


def test_what_fix_did_not_come_to_is_left_alone(quarantined: Quarantined, patchkit: Patchkit) -> None:
    for name, number in (("b.txt", 1), ("c.txt", 2)):  # as if another program had changed b.txt, and --fix had stopped
        (quarantined.folder / f"rows/00000{number}.rows").unlink()
        (quarantined.folder / f"files/00000{number}.kept").unlink()
        (quarantined.labels / name).write_bytes(quarantined.before[name])
    (quarantined.labels / "b.txt").write_text(foreign := "1 0.5 0.5 0.3 0.3\n")
    answer = patchkit(*quarantined.undo, "--format", "json")
    assert (answer.code, "left alone" in answer.err) == (0, True)
    assert answer.json["restored"]["untouched"] == [str(quarantined.labels / "b.txt")]
    assert quarantined.now() == {**quarantined.before, "b.txt": foreign.encode()}
    (quarantined.labels / "a.txt").write_text(foreign)  # this one was begun
    assert_refused(patchkit(*quarantined.undo), "changed since --fix", "a.txt")


@pytest.mark.parametrize("folder", ["labels/bad", "labels/train/bad", "images/train/bad", "bad"])
def test_a_quarantine_is_no_part_of_the_data(folder: str, patchkit: Patchkit, tmp_path: Path) -> None:
    data = yolo(tmp_path / "data", BAD)
    before = snapshot(data.parent)
    answer = fixed(patchkit, data, data.parent / folder)
    assert {one["rule"] for one in answer.json["findings"]} == {"class-rare"}
    assert patchkit("check-data", "--undo", data.parent / folder).code == 0
    shutil.rmtree(data.parent / folder)
    assert snapshot(data.parent) == before


@pytest.mark.parametrize("folder", ["annotations/bad", "bad"])
def test_a_quarantine_of_coco_files_is_no_part_of_the_data(folder: str, patchkit: Patchkit, tmp_path: Path) -> None:
    box = {"id": 1, "image_id": 1, "category_id": 7, "bbox": [10, 10, 20, 20], "area": 400, "iscrowd": 0}
    whole = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 50}],
        "annotations": [box, {**box, "id": 2, "category_id": 8}],
        "categories": [{"id": 7, "name": "cat"}],
    }
    write(tmp_path / "data", {"annotations/a.json": json.dumps(whole)})
    before = snapshot(tmp_path / "data")
    answer = fixed(patchkit, tmp_path / "data", tmp_path / "data" / folder)
    assert [split["name"] for split in answer.json["subject"]["splits"]] == ["a"]
    assert patchkit("check-data", "--undo", tmp_path / "data" / folder).code == 0
    shutil.rmtree(tmp_path / "data" / folder)
    assert snapshot(tmp_path / "data") == before


def changed(folder: Path, **values: Any) -> None:
    """Values of the manifest, and of its first file."""
    manifest = json.loads((folder / "manifest.json").read_text())
    for name, value in values.items():
        place = manifest if name in manifest else manifest["files"][0]
        place[name] = value
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "values",
    [
        {"path": "/tmp/evil.txt"},
        {"path": "../../../evil.txt"},
        {"path": "sub/../../evil.txt"},
        {"path": ".bashrc"},
        {"path": ""},
        {"root": "/"},
        {"kept": "/etc/hostname"},
        {"rows": "../data/data.yaml"},
        {"kept": "files/link"},
        {"schema": 1, "path": "/tmp/evil.txt"},
        {"schema": 1, "path": "../../.bashrc"},
        {"caches": [{"path": "/tmp/evil.cache", "sha256": "", "kept": "rows/000000.rows"}]},
        {"caches": [{"path": "evil.pth", "sha256": "", "kept": "rows/000000.rows"}]},
        {"caches": [{"path": "evil.cache", "sha256": "", "kept": "/etc/hostname"}]},
    ],
    ids=str,
)
def test_a_manifest_reaches_only_labels_below_its_root(
    values: dict[str, Any], quarantined: Quarantined, patchkit: Patchkit, tmp_path: Path
) -> None:
    (quarantined.folder / "files/link").symlink_to("/etc/hostname")
    changed(quarantined.folder, **values)
    left = snapshot(tmp_path)
    assert_refused(patchkit(*quarantined.undo), "manifest.json is damaged", "nothing was written")
    assert snapshot(tmp_path) == left


def test_links_that_were_made_since_are_not_followed_out_of_the_data(
    quarantined: Quarantined, patchkit: Patchkit, tmp_path: Path
) -> None:
    label = quarantined.labels / "a.txt"
    label.rename(tmp_path / "a.txt")
    label.symlink_to(tmp_path / "a.txt")
    left = snapshot(tmp_path)
    assert_refused(patchkit(*quarantined.undo), label, "leads out of", "put the file itself there")
    (tmp_path / "a.txt").rename(tmp_path / "away")
    assert_refused(patchkit(*quarantined.undo), label, "leads nowhere", "take the link away")
    (tmp_path / "away").rename(tmp_path / "a.txt")
    assert snapshot(tmp_path) == left
    (tmp_path / "a.txt").rename(label)
    assert patchkit(*quarantined.undo).code == 0
    assert quarantined.now() == quarantined.before


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{",
        "[]",
        "{}",
        "\udcff",
        '{"schema": 2, "files": [], "caches": [{"path": 1}]}',
        '{"schema": true, "files": [], "caches": []}',
        '{"schema": 2, "files": {}, "caches": []}',
        *(
            '{"schema": 2, "files": [{"path": "a.txt", "before_sha256": "", "after_sha256": "", "spans": [[0, 1]], '
            '"count": 1, "rows": "rows/0"}], "caches": []}'.replace(*change)
            for change in [
                ('"a.txt"', "5"),
                ('"a.txt"', r'"a\u0000b.txt"'),
                ('"a.txt"', r'"\ud800.txt"'),
                ('"count": 1', '"count": "x"'),
                ('"count": 1', '"count": -1'),
                ("[[0, 1]]", "[[0, 1e400]]"),
                ("[[0, 1]]", "[[-1, 1]]"),
                ("[[0, 1]]", "[0, 1]"),
                ('"count": 1', '"count": 1, "mode": 2541'),
                ('"count": 1', f'"count": 1, "changed_ns": {10**30}'),
                ('"rows/0"', "null"),
            ]
        ),
    ],
    ids=lambda text: text[-60:],
)
def test_a_damaged_manifest_is_told(text: str, patchkit: Patchkit, tmp_path: Path) -> None:
    write(tmp_path, {"bad/manifest.json": text})
    answer = patchkit("check-data", "--undo", tmp_path / "bad")
    assert_refused(answer, "manifest.json is damaged", "restore the file")
    assert "Traceback" not in answer.err


def test_a_quarantine_of_a_newer_patchkit_is_refused(quarantined: Quarantined, patchkit: Patchkit) -> None:
    changed(quarantined.folder, schema=3, files="of another form")
    assert_refused(patchkit(*quarantined.undo), "schema 3 is not known", "update patchkit-cv")


def test_a_quarantine_of_the_first_schema_can_be_undone(quarantined: Quarantined, patchkit: Patchkit) -> None:
    manifest = json.loads((quarantined.folder / "manifest.json").read_text())
    manifest["schema"] = 1
    root = manifest.pop("root")
    for index, entry in enumerate(manifest["files"]):
        entry["path"] = os.path.normpath(f"{root}/{entry['path']}")
        assert entry["path"].startswith("../data/labels/train/")
        del entry["mode"], entry["changed_ns"]
        (quarantined.folder / entry["kept"]).rename(quarantined.folder / f"files/{index:06d}.txt")
        entry["kept"] = f"files/{index:06d}.txt"
    (quarantined.folder / "manifest.json").write_text(json.dumps(manifest))
    (quarantined.labels / "b.txt").unlink()
    assert patchkit(*quarantined.undo).code == 0
    assert quarantined.now() == quarantined.before


AS_OTHERS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"] if os.geteuid() == 0 else []


def run_as_others(*arguments: str | Path) -> Answer:
    """The command line without the right to write what is read-only."""
    command = [*AS_OTHERS, sys.executable, "-m", "patchkit", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
    return Answer(done.returncode, done.stdout, done.stderr)


def test_a_folder_that_is_read_only_is_told_before_anything_is_written(patchkit: Patchkit, tmp_path: Path) -> None:
    data = yolo(tmp_path / "data", BAD, {"labels/val/v.txt": BAD, "labels/train.cache": "old"})
    for shut in (data.parent / "labels/val", data.parent / "labels"):
        before = snapshot(data.parent)
        shut.chmod(0o555)
        answer = run_as_others("check-data", data, "--fix", "--quarantine", tmp_path / "bad")
        shut.chmod(0o755)
        assert_refused(answer, f"its folder {shut} is read-only")
        assert (snapshot(data.parent), (tmp_path / "bad").exists()) == (before, False)
    fixed(patchkit, data, tmp_path / "bad")
    for shut in (data.parent / "labels/val", data.parent / "labels"):
        left = snapshot(data.parent)
        shut.chmod(0o555)
        answer = run_as_others("check-data", "--undo", tmp_path / "bad")
        shut.chmod(0o755)
        assert_refused(answer, "read-only; nothing was written", shut)
        assert snapshot(data.parent) == left
    assert patchkit("check-data", "--undo", tmp_path / "bad").code == 0
    assert snapshot(data.parent) == before


def test_a_quarantine_of_somebody_else_and_a_label_that_is_read_only_are_told(
    quarantined: Quarantined, patchkit: Patchkit, tmp_path: Path
) -> None:
    left = quarantined.now()
    (quarantined.labels / "a.txt").chmod(0o444)
    assert_refused(run_as_others(*quarantined.undo), "read-only; nothing was written", quarantined.labels / "a.txt")
    quarantined.folder.chmod(0)
    assert_refused(run_as_others(*quarantined.undo), "Permission denied", "run as the user who ran --fix")
    quarantined.folder.chmod(0o700)
    assert quarantined.now() == left
    data = yolo(tmp_path / "more", BAD)
    (tmp_path / "shut").mkdir(0o555)
    answer = run_as_others("check-data", data, "--fix", "--quarantine", tmp_path / "shut/q")
    assert_refused(answer, "Permission denied", "the data set is as it was")
    (data.parent / "labels/train/a.txt").chmod(0o444)
    answer = run_as_others("check-data", data, "--fix", "--quarantine", tmp_path / "q")
    assert_refused(answer, "labels/train/a.txt: it is read-only")
    assert_refused(patchkit("check-data", "--undo", data), "no quarantine")


def test_a_folder_in_the_place_of_a_label_is_told(quarantined: Quarantined, patchkit: Patchkit) -> None:
    (quarantined.labels / "b.txt").unlink()
    (quarantined.labels / "b.txt").mkdir()
    assert_refused(patchkit(*quarantined.undo), "b.txt: Is a directory", "nothing was written")
    (quarantined.labels / "b.txt").rmdir()
    assert patchkit(*quarantined.undo).code == 0
    assert quarantined.now() == quarantined.before


def test_a_write_that_fails_leaves_what_undo_ends(patchkit: Patchkit, tmp_path: Path) -> None:
    large = BAD + "".join(f"1 0.5 0.5 0.2 0.{number}\n" for number in range(10_000, 30_000))
    files = {"images/train/c.jpg": IMAGE, "labels/train/c.txt": "-1 0.5 0.5 0.1 0.1\n", "labels/val/v.txt": large}
    data = yolo(tmp_path / "data", BAD, {**files, "labels/train.cache": "old"})
    before = snapshot(data.parent)
    small = ("bash", "-c", 'ulimit -f 300; exec "$@"', "bash", sys.executable, "-m", "patchkit", "check-data")
    for arguments, next_step in (
        ((data, "--fix", "--quarantine", tmp_path / "bad"), "what was moved already comes back"),
        (("--undo", tmp_path / "bad"), "2 of 4 files are back"),
    ):
        done = subprocess.run([*small, *map(str, arguments)], capture_output=True, text=True, cwd="/", check=False)
        assert_refused(Answer(done.returncode, done.stdout, done.stderr), "File too large", next_step, "--undo")
        answer = patchkit("check-data", "--undo", tmp_path / "bad")
        assert (answer.code, snapshot(data.parent)) == (0, before), answer.err
        if "--fix" in arguments:
            shutil.rmtree(tmp_path / "bad")
            fixed(patchkit, data, tmp_path / "bad")


def test_a_label_whose_name_is_as_long_as_a_name_may_be(patchkit: Patchkit, tmp_path: Path) -> None:
    name = "n" * 251
    data = yolo(tmp_path / "data", None, {f"images/train/{name}.jpg": IMAGE, f"labels/train/{name}.txt": BAD})
    before = snapshot(data.parent)
    fixed(patchkit, data, tmp_path / "bad")
    assert patchkit("check-data", "--undo", tmp_path / "bad").code == 0
    assert snapshot(data.parent) == before


def test_nobody_reads_in_a_quarantine_what_he_may_not_read_in_the_data(patchkit: Patchkit, tmp_path: Path) -> None:
    data = yolo(tmp_path / "data", BAD, {"labels/train.cache": "old"})
    label, cache = data.parent / "labels/train/a.txt", data.parent / "labels/train.cache"
    label.chmod(0o600)
    cache.chmod(0o640)
    before = snapshot(data.parent)
    fixed(patchkit, data, tmp_path / "bad")
    assert [path.stat().st_mode & 0o777 for path in (tmp_path / "bad", tmp_path / "bad/rows")] == [0o700, 0o700]
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "bad").glob("*/*")}
    assert modes == {"000000.rows": 0o600, "000000.kept": 0o600, "000000.cache": 0o640}
    assert label.stat().st_mode & 0o777 == 0o600
    label.unlink()
    assert patchkit("check-data", "--undo", tmp_path / "bad").code == 0
    assert snapshot(data.parent) == before


@pytest.mark.parametrize("is_stale", [True, False])
def test_a_cache_is_as_stale_after_undo_as_before(is_stale: bool, patchkit: Patchkit, tmp_path: Path) -> None:
    data = yolo(tmp_path / "data", BAD, {"labels/train.cache": "old", "labels/val.cache": "old"})
    stale = ("check-data", data, "--select", "cache-stale", "--format", "json")
    for cache in ("train", "val"):
        at = (data.parent / "labels/train/a.txt").stat().st_mtime_ns + (-(10**9) if is_stale else 10**6)
        os.utime(data.parent / f"labels/{cache}.cache", ns=(at, at))
    times = {path: path.stat().st_mtime_ns for path in data.parent.rglob("*.*")}
    before = patchkit(*stale).json["findings"]
    assert len(before) == (2 if is_stale else 0)
    fixed(patchkit, data, tmp_path / "bad")
    assert patchkit("check-data", "--undo", tmp_path / "bad").code == 0
    assert patchkit(*stale).json["findings"] == before
    assert {path: path.stat().st_mtime_ns for path in data.parent.rglob("*.*")} == times


def test_a_cache_of_the_labels_without_the_rows_is_stale_after_undo(patchkit: Patchkit, tmp_path: Path) -> None:
    data = yolo(tmp_path / "data", BAD)
    fixed(patchkit, data, tmp_path / "bad")
    write(data.parent, {"labels/train.cache": "made by a training since"})
    assert patchkit("check-data", "--undo", tmp_path / "bad").code == 0
    assert "[cache-stale]" in patchkit("check-data", data, "--select", "cache-stale").out


def test_a_cache_that_is_a_link_comes_back_where_it_was(patchkit: Patchkit, tmp_path: Path) -> None:
    data = yolo(tmp_path / "data", BAD, {"../caches/train.cache": "old"})
    (data.parent / "labels/train.cache").symlink_to("../../caches/train.cache")
    before = snapshot(data.parent, tmp_path / "caches")
    fixed(patchkit, data, tmp_path / "bad")
    assert not (data.parent / "labels/train.cache").exists()
    assert patchkit("check-data", "--undo", tmp_path / "bad").code == 0
    assert snapshot(data.parent, tmp_path / "caches") == before


def test_undo_writes_json_and_refuses_what_it_does_not_heed(
    quarantined: Quarantined, patchkit: Patchkit, tmp_path: Path
) -> None:
    left = quarantined.now()
    for option in (
        ("--quarantine", "x"),
        ("--select", "foo"),
        ("--fix",),
        ("--images",),
        ("--least", "10"),
        ("--engine", "local"),
        ("--python", sys.executable),
    ):
        assert_refused(patchkit(*quarantined.undo, *option), f"--undo goes without {option[0]}")
    assert_refused(patchkit(*quarantined.undo, "--format", "html"), "--undo has no html form")
    assert quarantined.now() == left
    for files, rows in ((3, 5), (0, 0)):
        answer = patchkit(*quarantined.undo, "--format", "json")
        counts = {"rows": rows, "files": files, "caches": 0}
        restored = {"folder": str(quarantined.folder), **counts, "untouched": []}
        assert (answer.code, answer.json) == (0, {"schema": 1, "command": "check-data", "restored": restored})
    assert quarantined.now() == quarantined.before
    assert_refused(answer := patchkit("check-data", "--undo", tmp_path, "--format", "json"))
    assert "no quarantine" in answer.json["error"]["message"]


def test_an_empty_path_is_not_the_working_directory(patchkit: Patchkit, tmp_path: Path) -> None:
    data = yolo(tmp_path / "data", BAD).parent
    before = snapshot(data)
    for name, arguments in (
        ("DATA", ("",)),
        ("DATA", ("", "--fix", "--quarantine", tmp_path / "bad")),
        ("--quarantine", (".", "--fix", "--quarantine", "")),
        ("--undo", ("--undo", "")),
    ):
        assert_refused(patchkit("check-data", *arguments, cwd=data), f"{name} is empty", "variable")
    assert snapshot(data) == before
