"""`doctor` on patches that are lost, on edits in place, and on the caches that took them on."""

import os
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import LOSS, Environment, checked, wheel
from tests.doctor_look import cure, look, only, rules, unprivileged
from tests.stand_in_wheels import stand_in
from tests.support import PATCH, RELEASE, Build, Patchkit, is_patched

pytestmark = pytest.mark.usefixtures("no_caches_of_this_machine")


def test_a_patch_that_a_reinstall_took_away_is_told_and_applied_again(yolo: Environment, patchkit: Patchkit) -> None:
    assert patchkit("apply", PATCH, "--python", yolo.python).code == 0
    yolo.pip("install", "--force-reinstall", "--no-deps", wheel(RELEASE))

    found = only(look(patchkit, yolo), "patch-lost")

    assert f"{PATCH} 1.0.0 of ultralytics 8.2.50 is lost" in found["message"]
    assert found["location"]["path"] == str(yolo.loss)
    cure(found["commands"][0])
    assert is_patched(yolo.loss)
    assert rules(look(patchkit, yolo)) == set()


def test_a_patch_whose_package_is_gone_is_to_be_reverted(yolo: Environment, patchkit: Patchkit, tmp_path: Path) -> None:
    assert patchkit("apply", PATCH, "--python", yolo.python).code == 0
    yolo.pip("uninstall", "--yes", "ultralytics")
    yolo.pip("install", "--no-deps", stand_in(tmp_path, "numpy", "1.26.4"))
    found = only(look(patchkit, yolo), "patch-lost")
    cure(found["commands"][0])
    assert rules(look(patchkit, yolo)) == set()


def test_a_patched_file_that_was_edited_is_told_and_cured(yolo: Environment, patchkit: Patchkit) -> None:
    assert patchkit("apply", PATCH, "--python", yolo.python).code == 0
    with yolo.loss.open("a") as file:
        file.write("# one more fix\n")
    found = only(look(patchkit, yolo), "patch-drifted")
    cure(found["commands"][0], wheel(RELEASE))
    assert rules(look(patchkit, yolo)) == set()
    assert is_patched(yolo.loss)


def test_a_ledger_that_is_damaged_is_an_error(yolo: Environment, patchkit: Patchkit) -> None:
    assert patchkit("apply", PATCH, "--python", yolo.python).code == 0
    (yolo.site / ".patchkit/ledger.json").write_text("{")
    answer = look(patchkit, yolo)
    assert answer.code == 1
    found = only(answer, "patch-drifted")
    assert (found["severity"], "ledger.json is damaged" in found["message"]) == ("error", True)
    assert "ledger.json is damaged" in found["evidence"]
    cure(found["commands"][0], wheel(RELEASE))
    assert (rules(look(patchkit, yolo)), is_patched(yolo.loss)) == (set(), True)


@pytest.mark.parametrize("same_size", [False, True], ids=["longer", "as long"])
def test_an_edit_in_place_is_told_and_cured(same_size: bool, yolo: Environment, patchkit: Patchkit) -> None:
    text = yolo.loss.read_text()
    yolo.loss.write_text(
        text.replace(".softmax(3).matmul(", ".softmax(3).matmuL(" if same_size else ".softmax(3).mul(")
    )
    answer = look(patchkit, yolo)
    found = only(answer, "record-differs")
    assert f"{LOSS} is not what was installed" in found["message"]
    assert ("another hash" if same_size else "bytes where RECORD says") in found["evidence"]
    assert any(PATCH in skipped["reason"] for skipped in answer.json["skipped"]), "no claim about an unknown file"
    assert found["commands"][1].endswith(f"patchkit apply {PATCH} --python {yolo.python}")
    cure(found["commands"][1], wheel(RELEASE))
    assert rules(look(patchkit, yolo)) == set()
    assert is_patched(yolo.loss)


@pytest.mark.parametrize("gone", [LOSS, "ultralytics/cfg/default.yaml", "ultralytics"])
def test_files_that_are_gone_are_told_and_brought_back(gone: str, yolo: Environment, patchkit: Patchkit) -> None:
    """But tests, and sources that were compiled in their place, may be gone."""
    shutil.rmtree(yolo.site / "tests", ignore_errors=True)
    main = yolo.site / "ultralytics/__init__.py"
    main.rename(main.with_suffix(".pyc"))
    assert rules(look(patchkit, yolo)) == set()
    place = yolo.site / gone
    shutil.rmtree(place) if place.is_dir() else place.unlink()

    found = only(look(patchkit, yolo), "record-differs")

    assert (" is not there" in found["message"], " are not there" in found["message"]) == (
        gone != "ultralytics",
        gone == "ultralytics",
    )
    assert found["evidence"].endswith(": it is not there")
    cure(found["commands"][0], wheel(RELEASE))
    assert rules(look(patchkit, yolo)) == set()
    assert place.exists()


def test_a_file_that_was_edited_and_one_that_is_gone_are_told_together(yolo: Environment, patchkit: Patchkit) -> None:
    with yolo.loss.open("a") as file:
        file.write("# a fix from a blog\n")
    (yolo.site / "ultralytics/__init__.py").unlink()
    message = only(look(patchkit, yolo), "record-differs")["message"]
    assert f"{LOSS} is not what was installed; ultralytics/__init__.py is not there" in message


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("8.2.50", "was tested on ultralytics 8.2.50"),
        ("8.2.66", "was tested on ultralytics 8.2.50 and 8.2.70, which hold it alike"),
        ("8.9.0", "patchkit apply yolov10-dfl --check: would-apply"),
    ],
)
def test_how_it_is_known_that_a_release_holds_the_code(
    version: str, words: str, yolo: Environment, patchkit: Patchkit
) -> None:
    (yolo.info() / "direct_url.json").unlink(missing_ok=True)  # it names the wheel, and so its version
    yolo.info().rename(yolo.site / f"ultralytics-{version}.dist-info")
    answer = look(patchkit, yolo)
    (found,) = (one for one in answer.json["findings"] if f" {PATCH} " in one["message"])
    assert (answer.code, found["severity"], words in found["evidence"]) == (0, "note", True), found
    cure(found["commands"][0])
    assert is_patched(yolo.loss)
    assert not [one for one in look(patchkit, yolo).json["findings"] if f" {PATCH} " in one["message"]]


def test_the_commands_are_those_of_the_tool_that_installed(yolo: Environment, patchkit: Patchkit) -> None:
    with yolo.loss.open("a") as file:
        file.write("# a fix from a blog\n")
    commit = '{"url": "https://example.org/fork.git", "vcs_info": {"vcs": "git", "commit_id": "453c6e38"}}'
    (yolo.info() / "direct_url.json").write_text(commit)
    repository = look(patchkit, yolo, "--select", "record-differs").json["findings"][0]["commands"][0]
    assert rules(look(patchkit, yolo)) == {"record-differs", "ultralytics-not-a-release"}
    (yolo.info() / "INSTALLER").write_text("conda\n")
    assert rules(look(patchkit, yolo)) == {"record-differs"}, "conda names the folder of its own servers"
    conda = look(patchkit, yolo, "--select", "record-differs").json["findings"][0]["commands"][0]
    options = f"pip --python {yolo.python} install --force-reinstall --no-deps"
    assert repository == f"{options} 'ultralytics @ git+https://example.org/fork.git@453c6e38'"
    assert conda == "conda install --force-reinstall ultralytics=8.2.50"


def test_notes_count_where_that_is_asked(yolo: Environment, patchkit: Patchkit) -> None:
    assert look(patchkit, yolo, "--fail-on", "note").code == 1
    assert look(patchkit, yolo, "--fail-on", "note", "--ignore", "patch-not-applied").code == 0
    assert look(patchkit, yolo, "--select", "opencv-twice").json["counts"] == {"error": 0, "warning": 0, "note": 0}


def test_an_editable_fork_is_told_with_its_patches(environment: Build, patchkit: Patchkit, tmp_path: Path) -> None:
    env, tree = environment("setuptools==80.9.0"), tmp_path / "code"
    with zipfile.ZipFile(wheel("ultralytics==8.1.34")) as archive:
        archive.extractall(tree)
    shutil.rmtree(tree / "ultralytics-8.1.34.dist-info")
    (tree / "ultralytics/models/yolov10").mkdir()
    (tree / "setup.cfg").write_text(
        "[metadata]\nname = ultralytics\nversion = 8.1.34\n[options]\npackages = ultralytics\n"
    )
    (tree / "pyproject.toml").write_text('[build-system]\nrequires = []\nbuild-backend = "setuptools.build_meta"\n')
    env.pip("install", "--no-deps", "--no-build-isolation", "--no-index", "--editable", tree)

    answer = look(patchkit, env)

    found = only(answer, "ultralytics-not-a-release")
    assert f"ultralytics 8.1.34 is the YOLOv10 fork of THU-MIG, editable, in {tree}" in found["message"]
    there = answer.json["environment"]["ultralytics"]
    assert (there["origin"], there["editable"]) == ("fork", str(tree))
    commands = [one["commands"][0] for one in answer.json["findings"] if one["rule"] == "patch-not-applied"]
    assert f"patchkit apply {PATCH} --path {tree}" in commands
    cure(f"patchkit apply {PATCH} --path {tree}")
    assert is_patched(tree / LOSS)


def test_a_release_from_a_file_is_looked_at_by_its_code(yolo: Environment, patchkit: Patchkit) -> None:
    (yolo.info() / "direct_url.json").write_text(
        '{"url": "https://example.org/\\u001b[31mfork.git", "vcs_info": {"vcs": "git", "commit_id": "453c6e38"}}'
    )
    answer = look(patchkit, yolo)
    found = only(answer, "ultralytics-not-a-release")
    assert "at 453c6e38" in found["message"]
    (patch,) = (one for one in answer.json["findings"] if f" {PATCH} " in one["message"])
    assert patch["evidence"] == f"patchkit apply {PATCH} --check: would-apply"
    text = patchkit("doctor", "--python", yolo.python).out
    assert ("\x1b" in text, "\\x1b[31mfork.git" in text) == (False, True)


def test_a_cache_of_uv_that_was_edited_through_an_environment_is_told_and_cured(
    uv: Callable[..., Environment], patchkit: Patchkit, tmp_path: Path
) -> None:
    one, two = uv("one", wheel(RELEASE)), uv("two", wheel(RELEASE))
    assert one.loss.samefile(two.loss), "uv links the files of both to its cache"
    with one.loss.open("a") as file:
        file.write("# a fix from a blog\n")

    answer = look(patchkit, two)

    assert (answer.code, rules(answer)) == (1, {"cache-poisoned", "record-differs"})
    (found,) = (finding for finding in answer.json["findings"] if finding["rule"] == "cache-poisoned")
    assert f"the cache of uv holds ultralytics 8.2.50 with edited files: {LOSS}" in found["message"]
    assert "is the file of this environment" in found["evidence"]
    assert Path(found["location"]["path"]).is_relative_to(tmp_path / "cache/archive-v0")
    cure(found["commands"][0], wheel(RELEASE))
    assert rules(look(patchkit, two)) == set()
    assert rules(look(patchkit, one)) == {"record-differs"}, "what was linked before keeps the edit"
    assert rules(look(patchkit, uv("three", wheel(RELEASE)))) == set()


@pytest.mark.parametrize(
    ("command", "is_poisoned"),
    [("cp fix.py {0}", True), ("echo '# a fix' > {0}", True), ("sed -i s/softmax/mul/ {0}", False)],
    ids=["cp", "written into", "sed"],
)
def test_what_puts_a_new_file_in_place_of_a_linked_one_poisons_no_cache(
    command: str, is_poisoned: bool, uv: Callable[..., Environment], patchkit: Patchkit, tmp_path: Path
) -> None:
    env = uv("env", wheel(RELEASE))
    (tmp_path / "fix.py").write_text("# a fix from a blog\n")
    checked(["bash", "-c", command.format(env.loss)], cwd=tmp_path)
    assert rules(look(patchkit, env)) == {"record-differs", *(["cache-poisoned"] if is_poisoned else [])}


def test_a_cache_that_poisons_only_the_next_environment_is_told(
    uv: Callable[..., Environment], patchkit: Patchkit
) -> None:
    env = uv("env", wheel(RELEASE))
    text = env.loss.read_bytes()
    with env.loss.open("a") as file:
        file.write("# a fix from a blog\n")
    env.loss.unlink()
    env.loss.write_bytes(text)
    found = only(look(patchkit, env), "cache-poisoned")
    assert found["commands"] == ["uv cache clean ultralytics"]


def test_what_a_reinstall_leaves_behind_in_a_cache_poisons_nothing(
    uv: Callable[..., Environment], patchkit: Patchkit, tmp_path: Path
) -> None:
    env, copy = uv("env", wheel(RELEASE)), tmp_path / "wheels" / wheel(RELEASE).name
    copy.parent.mkdir()
    shutil.copy(wheel(RELEASE), copy)
    install = [sys.executable, "-m", "uv", "pip", "install", "--no-deps", "--link-mode", "hardlink", "--reinstall"]
    checked([*install, "--python", env.python, copy])
    with env.loss.open("a") as file:
        file.write("# a fix from a blog\n")
    assert rules(look(patchkit, env)) == {"record-differs", "cache-poisoned"}

    os.utime(copy, (0, 0))  # as after a new download: uv unpacks it again
    checked([*install, "--python", env.python, copy])

    edited = [place for place in (tmp_path / "cache").glob(f"archive-v*/*/{LOSS}") if "a blog" in place.read_text()]
    assert len(edited) == 1
    assert rules(look(patchkit, env)) == set()
    checked([sys.executable, "-m", "uv", "cache", "prune"])
    assert not edited[0].exists(), "nothing pointed to it"
    assert rules(look(patchkit, uv("next", copy))) == set()


def test_a_cache_that_cannot_be_read_to_its_end_is_taken_for_one_that_is_used(
    uv: Callable[..., Environment], patchkit: Patchkit, tmp_path: Path
) -> None:
    env = uv("env", wheel(RELEASE))
    with env.loss.open("a") as file:
        file.write("# a fix from a blog\n")
    (entries,) = (tmp_path / "cache").glob("wheels-v*")
    entries.chmod(0)
    answer = unprivileged(patchkit, env)
    entries.chmod(0o755)
    assert rules(answer) == {"record-differs", "cache-poisoned"}


def test_an_entry_of_a_cache_that_is_damaged_is_told(
    uv: Callable[..., Environment], patchkit: Patchkit, tmp_path: Path
) -> None:
    env = uv("env", wheel(RELEASE))
    (record,) = (tmp_path / "cache").glob("archive-v*/*/ultralytics-*.dist-info/RECORD")
    record.write_text("one,two\n")
    answer = look(patchkit, env, "--select", "cache-poisoned")
    assert (answer.code, "2 fields instead of 3" in answer.json["skipped"][0]["reason"]) == (0, True)


def test_a_patched_environment_of_uv_poisons_nothing(uv: Callable[..., Environment], patchkit: Patchkit) -> None:
    env, other = uv("env", wheel(RELEASE)), uv("other", wheel(RELEASE))
    assert patchkit("apply", PATCH, "--python", env.python).code == 0
    for one in (env, other):
        assert rules(look(patchkit, one)) == set()


def test_a_cache_of_conda_is_looked_at_too(
    yolo: Environment, unpacked: Callable[[str], Path], patchkit: Patchkit, tmp_path: Path
) -> None:
    entry = tmp_path / "pkgs/ultralytics-8.2.50-pyhd8ed1ab_0"
    entry.mkdir(parents=True)
    unpacked(RELEASE).rename(entry / "site-packages")
    settings = {"CONDA_PKGS_DIRS": str(tmp_path / "pkgs")}
    assert rules(look(patchkit, yolo, env=settings)) == set()
    with (entry / "site-packages" / LOSS).open("a") as file:
        file.write("# a fix from a blog\n")
    found = only(look(patchkit, yolo, env=settings), "cache-poisoned")
    assert found["commands"] == [f"rm -r {entry}"]
