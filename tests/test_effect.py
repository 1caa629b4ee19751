"""What Python would really load, and what becomes of a patch: reinstalled, edited, put back; modes and times."""

import os
import shutil
import socket
import sys
from pathlib import Path

import pytest

from tests.conftest import LOSS, REPOSITORY, Environment, snapshot, wheel, without_bytecode
from tests.support import PATCH, RELEASE, Build, Patchkit, assert_refused, codes, is_patched, state

# What Python would load


@pytest.mark.parametrize("place", ["PYTHONPATH", "path file", "before an installed one"])
def test_a_package_inside_a_zip_is_refused_in_words(
    environment: Build, patchkit: Patchkit, tmp_path: Path, place: str
) -> None:
    env, archive = environment(*[RELEASE][: place.startswith("before")]), tmp_path / "bundle.zip"
    shutil.copy(wheel(RELEASE), archive)
    if place == "path file":
        (env.site / "bundle.pth").write_text(f"{archive}\n")
    before = snapshot(env.folder)
    variables = {} if place == "path file" else {"PYTHONPATH": str(archive)}
    answer = patchkit("apply", PATCH, "--python", env.python, env=variables)
    assert_refused(answer, archive, "zip archive")
    assert snapshot(env.folder) == before


@pytest.mark.parametrize("place", ["working directory", "PYTHONPATH"])
def test_a_copy_that_python_loads_first_is_found_before_and_after_the_patch(
    yolo: Environment, patchkit: Patchkit, tmp_path: Path, place: str
) -> None:
    folder = tmp_path / "notebooks"
    shutil.copytree(yolo.site / "ultralytics", folder / "ultralytics")
    here = {"cwd": folder} if place == "working directory" else {"env": {"PYTHONPATH": str(folder)}}
    before, target = snapshot(yolo.folder, folder), ("--python", yolo.python)

    assert_refused(patchkit("apply", PATCH, *target, **here), folder / LOSS, "--allow-shadowed")
    assert snapshot(yolo.folder, folder) == before

    assert patchkit("apply", PATCH, *target, "--allow-shadowed", **here).code == 0
    assert is_patched(yolo.loss)
    assert not is_patched(folder / LOSS)
    proof = patchkit("verify", *target, **here)
    assert proof.code == 1
    assert f"loads {folder / LOSS} instead of {yolo.loss}" in proof.out
    assert patchkit("verify", *target).code == 0


def test_a_folder_of_that_name_without_modules_shadows_nothing(
    yolo: Environment, patchkit: Patchkit, tmp_path: Path
) -> None:
    (tmp_path / "work/ultralytics/utils").mkdir(parents=True)
    assert patchkit("apply", PATCH, "--python", yolo.python, cwd=tmp_path / "work").code == 0
    assert patchkit("verify", "--python", yolo.python, cwd=tmp_path / "work").code == 0


@pytest.mark.parametrize("folders", [("utils",), ("", "utils")])
def test_folders_without_an_init_file_are_found_as_python_finds_them(
    yolo: Environment, patchkit: Patchkit, folders: tuple[str, ...]
) -> None:
    for folder in folders:
        (yolo.site / "ultralytics" / folder / "__init__.py").unlink()
    assert patchkit("apply", PATCH, "--python", yolo.python).code == 0
    assert codes(patchkit, "--python", yolo.python) == (0, 0)


# After the patch


@pytest.mark.parametrize("again", [RELEASE, "ultralytics==8.3.200"])
def test_a_patch_that_went_with_a_reinstall_is_lost_until_it_is_applied_again_or_reverted(
    yolo: Environment, patchkit: Patchkit, tmp_path: Path, again: str
) -> None:
    target = ("--python", yolo.python)
    assert patchkit("apply", PATCH, *target).code == 0
    yolo.pip("install", "--force-reinstall", "--no-deps", "--no-index", wheel(again))
    assert state(patchkit, *target) == (1, ["lost"])
    assert codes(patchkit, *target) == (1, 1)
    twin = Environment(shutil.copytree(yolo.folder, tmp_path / "twin", symlinks=True))
    installed = without_bytecode(snapshot(twin.site / "ultralytics", twin.info()))

    assert patchkit("apply", PATCH, *target).code == 0
    assert is_patched(yolo.loss)
    assert (state(patchkit, *target), codes(patchkit, *target)) == ((0, ["applied"]), (0, 0))

    assert patchkit("revert", PATCH, "--python", twin.python).code == 0
    assert not (twin.site / ".patchkit").exists()
    assert without_bytecode(snapshot(twin.site / "ultralytics", twin.info())) == installed


def test_an_original_put_back_by_hand_is_reverted_and_revert_puts_record_right(
    yolo: Environment, patchkit: Patchkit
) -> None:
    target, before = ("--python", yolo.python), without_bytecode(snapshot(yolo.folder))
    original = yolo.loss.read_bytes()
    assert patchkit("apply", PATCH, *target).code == 0
    yolo.loss.write_bytes(original)
    assert state(patchkit, *target) == (1, ["reverted"])
    assert codes(patchkit, *target) == (1, 1)
    assert patchkit("revert", PATCH, *target).code == 0
    assert without_bytecode(snapshot(yolo.folder)) == before


def test_a_file_edited_after_the_patch_is_drifted_and_never_overwritten(yolo: Environment, patchkit: Patchkit) -> None:
    target = ("--python", yolo.python)
    assert patchkit("apply", PATCH, *target).code == 0
    with yolo.loss.open("a") as file:
        file.write("# mine\n")
    edited = snapshot(yolo.folder)
    assert state(patchkit, *target) == (1, ["drifted"])
    assert codes(patchkit, *target) == (1, 1)
    assert_refused(patchkit("revert", PATCH, *target), LOSS, "edited")
    assert_refused(patchkit("apply", PATCH, *target), LOSS, "edited")
    assert snapshot(yolo.folder) == edited


# Modes, owners and times


@pytest.mark.parametrize("mode", [0o664, 0o640, 0o444])
def test_mode_and_owner_are_kept_and_the_state_belongs_to_the_owner_of_the_folder(
    yolo: Environment, patchkit: Patchkit, mode: int
) -> None:
    user = (1000, 1000) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    record = yolo.info() / "RECORD"
    compiled = next((yolo.loss.parent / "__pycache__").glob("loss.*.pyc"))
    files = (yolo.loss, record, compiled)
    for path in (yolo.site, *files):
        os.chown(path, *user)
    for path in files:
        path.chmod(mode)

    for command in ("apply", "revert"):
        assert patchkit(command, PATCH, "--site-packages", yolo.site).code == 0
        for path in files:
            status = path.stat()
            assert (status.st_mode & 0o7777, (status.st_uid, status.st_gid)) == (mode, user), f"{command}: {path}"
        kept = list((yolo.site / ".patchkit").rglob("*"))
        assert bool(kept) == (command == "apply")
        for path in kept:
            assert (path.stat().st_uid, path.stat().st_gid) == user
            assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644)


def test_a_source_date_is_the_time_of_all_that_was_touched_and_no_state_tells_of_place_or_moment(
    environment: Build, patchkit: Patchkit
) -> None:
    builds = []
    for name, epoch in (("one", 1_700_000_000), ("a longer name/two", 1_700_000_000), ("three", 1_600_000_000)):
        env = environment(RELEASE, name=name)
        before = {path: path.lstat().st_mtime_ns for path in env.site.rglob("*")}
        variables = {"SOURCE_DATE_EPOCH": str(epoch), "TZ": "UTC" if name == "one" else "Asia/Shanghai"}
        assert patchkit("apply", PATCH, "--python", env.python, env=variables).code == 0

        times = {path: path.lstat().st_mtime_ns for path in [env.site, *env.site.rglob("*")]}
        touched = {path for path, time in times.items() if time != before.get(path)}
        assert not [path for path in touched if times[path] != epoch * 10**9]
        compiled, record = next((env.loss.parent / "__pycache__").glob("loss.*.pyc")), env.info() / "RECORD"
        assert touched >= {env.loss, record, compiled, env.loss.parent, compiled.parent, record.parent, env.site}
        builds.append({str(path.relative_to(env.site)): path.read_bytes() for path in touched if path.is_file()})
        ledger = (env.site / ".patchkit/ledger.json").read_text()
        assert not [word for word in (env.folder, REPOSITORY, sys.prefix, socket.gethostname()) if str(word) in ledger]
    assert builds[0] == builds[1], "bytecode included, which holds the time of its source"
    first, later = ({path: data for path, data in builds[n].items() if not path.endswith(".pyc")} for n in (0, 2))
    assert first == later
