"""Real environments, as pip, uv and Debian make them: the file is patched, and nothing beside it is touched."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import LOSS, Environment, checked, snapshot, wheel, without_bytecode
from tests.support import (
    DEBIAN_PYTHON,
    NEWEST,
    PATCH,
    RELEASE,
    STAND_IN,
    STRANGER,
    TWIN,
    Build,
    Patchkit,
    assert_refused,
    codes,
    is_patched,
    rows,
    state,
    true_row,
)

# pip


def test_a_pip_environment_is_patched_proved_and_reverted_byte_for_byte(yolo: Environment, patchkit: Patchkit) -> None:
    target, before = ("--python", yolo.python), without_bytecode(snapshot(yolo.folder))

    assert patchkit("apply", PATCH, *target).code == 0

    after = without_bytecode(snapshot(yolo.folder))
    changed = {path for path in before if after.get(path) != before[path]}
    assert changed == {str(yolo.loss), str(yolo.info() / "RECORD")}
    added = {path for path in after.keys() - before.keys() if not path.startswith(f"{yolo.site}/.patchkit")}
    assert added == {str(yolo.info() / "patchkit.json")}
    assert state(patchkit, *target) == (0, ["applied"])
    assert codes(patchkit, *target) == (0, 0)

    assert patchkit("revert", PATCH, *target).code == 0
    assert without_bytecode(snapshot(yolo.folder)) == before
    assert codes(patchkit, *target) == (1, 1)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_record_tells_the_truth_of_the_patched_file_and_keeps_every_other_row(
    yolo: Environment, patchkit: Patchkit, newline: str
) -> None:
    record = yolo.info() / "RECORD"
    text = record.read_text() + '"ultralytics/a,""b"".txt",sha256=abc_-,3\nultralytics/no_hash.txt,,\n'
    record.write_bytes(text.replace("\n", newline).encode())
    before, original = rows(record), record.read_bytes()

    assert patchkit("apply", PATCH, "--site-packages", yolo.site).code == 0

    after = rows(record)
    assert after.pop(LOSS) == true_row(yolo.site) + newline
    marker = f"{yolo.info().name}/patchkit.json"
    assert after.pop(marker) == true_row(yolo.site, marker) + newline
    before.pop(LOSS)
    assert list(after.items()) == list(before.items())
    assert patchkit("revert", PATCH, "--site-packages", yolo.site).code == 0
    assert record.read_bytes() == original


def test_pip_checks_and_uninstalls_a_patched_package_as_before(yolo: Environment, patchkit: Patchkit) -> None:
    check = [sys.executable, "-m", "pip", "--python", str(yolo.python), "check"]
    before = subprocess.run(check, capture_output=True, text=True, check=False).stdout
    assert patchkit("apply", PATCH, "--python", yolo.python).code == 0
    assert subprocess.run(check, capture_output=True, text=True, check=False).stdout == before

    yolo.pip("uninstall", "--yes", "ultralytics")
    assert [path.name for path in yolo.site.iterdir()] == [".patchkit"]
    assert state(patchkit, "--python", yolo.python) == (1, ["lost"])
    assert patchkit("revert", "--all", "--python", yolo.python).code == 0
    assert list(yolo.site.iterdir()) == []


def test_the_target_is_never_imported(yolo: Environment, patchkit: Patchkit, tmp_path: Path) -> None:
    marker = tmp_path / "imported"
    for module in ("__init__.py", "utils/__init__.py"):
        (yolo.site / "ultralytics" / module).write_text(f"open({str(marker)!r}, 'w')\n")
    assert patchkit("apply", PATCH, "--python", yolo.python).code == 0
    assert codes(patchkit, "--python", yolo.python) == (0, 0)
    assert not marker.exists()


@pytest.mark.parametrize("form", ["executable", "folder", "command"])
def test_an_environment_is_named_by_executable_by_folder_or_by_command(
    yolo: Environment, patchkit: Patchkit, form: str
) -> None:
    name = {"executable": yolo.python, "folder": yolo.folder, "command": "python3"}[form]
    path = {"PATH": f"{yolo.python.parent}:{os.environ['PATH']}"} if form == "command" else {}
    assert patchkit("apply", PATCH, "--python", name, env=path).code == 0
    assert is_patched(yolo.loss)
    assert patchkit("verify", "--python", name, env=path).code == 0
    assert patchkit("verify", "--fast", "--python", name, env=path).code == 0


def test_verify_fast_means_the_same_python_as_verify(environment: Build, yolo: Environment, patchkit: Patchkit) -> None:
    assert patchkit("apply", PATCH, "--python", yolo.python).code == 0
    path = {"PATH": f"{environment(name='other').python.parent}:{os.environ['PATH']}"}
    inside = yolo.folder / "my project"
    inside.mkdir()
    for options in ((), ("--fast",)):
        absent = patchkit("verify", *options, "--python", yolo.folder / "bin/no-such-python")
        assert_refused(absent, "no-such-python")
        other = patchkit("verify", *options, "--python", "python3", cwd=inside, env=path)
        assert other.code == 1, f"{options}: this python3 is the one on PATH, whose environment is not patched"


def test_a_folder_made_by_pip_install_target_is_patched_and_reverted(tmp_path: Path, patchkit: Patchkit) -> None:
    folder = tmp_path / "vendored"
    checked([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, wheel(RELEASE)])
    before = without_bytecode(snapshot(folder))
    assert patchkit("apply", PATCH, "--site-packages", folder).code == 0
    assert is_patched(folder / LOSS)
    assert codes(patchkit, "--site-packages", folder) == (0, 0)
    for options in ((), ("--python", sys.executable)):
        for command in (("verify",), ("verify", "--fast")):
            answer = patchkit(*command, *options, env={"PYTHONPATH": str(folder)})
            assert answer.code == 0, f"{command} {options}: it is on the path, so it is the package of that Python"
    assert patchkit("revert", PATCH, "--site-packages", folder).code == 0
    assert without_bytecode(snapshot(folder)) == before


# uv


@pytest.fixture
def uv(tmp_path: Path) -> Callable[..., Environment]:
    """Builds environments with uv from one cache, in the link mode asked for."""
    settings = {**os.environ, "UV_CACHE_DIR": str(tmp_path / "cache"), "UV_OFFLINE": "1"}

    def build(name: str, mode: str, *command: str) -> Environment:
        env = Environment(tmp_path / name)
        if not command:
            checked([sys.executable, "-m", "uv", "venv", "--python", sys.executable, env.folder], env=settings)
            command = ("install", "--link-mode", mode, "--compile-bytecode", "--no-deps", str(wheel(RELEASE)))
        checked([sys.executable, "-m", "uv", "pip", command[0], "--python", env.python, *command[1:]], env=settings)
        return env

    return build


@pytest.mark.parametrize("mode", ["hardlink", "symlink", "copy"])
def test_the_cache_of_uv_and_its_other_environments_stay_pristine(
    uv: Callable[..., Environment], patchkit: Patchkit, tmp_path: Path, mode: str
) -> None:
    env, other = uv("one", mode), uv("two", mode)
    assert (env.loss.is_symlink(), env.loss.stat().st_nlink) == {
        "hardlink": (False, 3), "symlink": (True, 1), "copy": (False, 1)
    }[mode]  # fmt: skip
    original, record = env.loss.read_bytes(), (env.info() / "RECORD").read_bytes()
    pristine = snapshot(tmp_path / "cache/archive-v0", other.folder)

    assert patchkit("apply", PATCH, "--python", env.python).code == 0

    assert is_patched(env.loss)
    assert (env.loss.is_symlink(), env.loss.stat().st_nlink) == (False, 1), "the patched file is private"
    assert rows(env.info() / "RECORD")[LOSS].strip() == true_row(env.site)
    assert codes(patchkit, "--python", env.python) == (0, 0)
    uv("one", mode, "install", "--no-deps", str(wheel(RELEASE)))
    assert codes(patchkit, "--python", env.python) == (0, 0), "uv keeps what it takes for installed"

    assert patchkit("revert", PATCH, "--python", env.python).code == 0
    assert (env.loss.read_bytes(), (env.info() / "RECORD").read_bytes()) == (original, record)
    assert snapshot(tmp_path / "cache/archive-v0", other.folder) == pristine
    uv("one", mode, "uninstall", "ultralytics")


def test_a_cache_that_was_poisoned_before_is_noticed(uv: Callable[..., Environment], patchkit: Patchkit) -> None:
    one, two = uv("one", "hardlink"), uv("two", "hardlink")
    with one.loss.open("a") as file:  # what sed and editors do: write in place
        file.write("# a fix from a blog\n")
    before = snapshot(two.folder)
    assert_refused(patchkit("apply", PATCH, "--python", two.python), "RECORD", LOSS)
    assert snapshot(two.folder) == before


# Code that belongs to somebody else


@pytest.mark.parametrize("layout", ["flat", "src"])
def test_an_editable_install_is_refused_unless_its_tree_is_meant(
    environment: Build, patchkit: Patchkit, tmp_path: Path, layout: str
) -> None:
    """setuptools leads to the sources with a finder of its own, and to a `src` folder with a line in a .pth file."""
    env, tree = environment("setuptools==80.9.0"), tmp_path / "code"
    loss = tree / ("src" if layout == "src" else "") / LOSS
    loss.parent.mkdir(parents=True)
    for package in (loss.parent, loss.parent.parent):
        (package / "__init__.py").touch()
    shutil.copy(STAND_IN, loss)
    (tree / "setup.cfg").write_text(
        "[metadata]\nname = ultralytics\nversion = 8.2.50\n[options]\npackages = ultralytics, ultralytics.utils\n"
        + ("package_dir =\n    = src\n" if layout == "src" else "")
    )
    (tree / "pyproject.toml").write_text('[build-system]\nrequires = []\nbuild-backend = "setuptools.build_meta"\n')
    env.pip("install", "--no-deps", "--no-build-isolation", "--no-index", "--editable", tree)
    assert bool(list(env.site.glob("__editable__*finder.py"))) == (layout == "flat")
    before, target = snapshot(tree, env.folder), ("--python", env.python)

    assert_refused(patchkit("apply", PATCH, *target), "ultralytics 8.2.50 is an editable", "--path", tree)
    assert snapshot(tree, env.folder) == before

    applied = patchkit("apply", PATCH, *target, "--allow-editable")
    assert applied.code == 0
    assert f"patchkit status --path {tree}" in applied.out
    assert loss.read_text().count(".sum(3)") == 2
    assert state(patchkit, "--path", tree) == (0, ["applied"])
    assert codes(patchkit, "--path", tree) == (0, 0)
    assert patchkit("revert", PATCH, "--path", tree).code == 0
    assert without_bytecode(snapshot(tree, env.folder)) == without_bytecode(before)


@pytest.mark.parametrize("metadata", ["dist-info", "egg-info"])
def test_files_of_a_debian_package_are_refused_unless_they_are_meant(
    unpacked: Callable[[str], Path], patchkit: Patchkit, tmp_path: Path, metadata: str
) -> None:
    """Debian ships both kinds of metadata; an egg-info has no RECORD, so that nothing vouches for the file."""
    image = tmp_path / "image"
    system, local = image / "usr/lib/python3/dist-packages", image / "usr/local/lib/python3.11/dist-packages"
    for folder in (system, local):
        shutil.copytree(unpacked(RELEASE), folder)
    if metadata == "egg-info":
        (system / "ultralytics-8.2.50.dist-info").rename(system / "ultralytics-8.2.50.egg-info")
        (system / "ultralytics-8.2.50.egg-info/RECORD").unlink()
    lists = image / "var/lib/dpkg/info"
    lists.mkdir(parents=True)
    (lists / "python3-ultralytics.list").write_text(f"/.\n/usr/lib/python3/dist-packages/{LOSS}\n")
    (lists / "python3.list").write_text("/.\n/usr/bin/python3\n")
    before = snapshot(image)

    answer = patchkit("apply", PATCH, "--site-packages", system)
    assert_refused(answer, "'python3-ultralytics'", "--allow-system")
    waived = ["--allow-system"]
    if metadata == "egg-info":
        assert_refused(patchkit("apply", PATCH, "--site-packages", system, *waived), "no RECORD", "--allow-drift")
        waived.append("--allow-drift")
    assert snapshot(image) == before

    assert patchkit("apply", PATCH, "--site-packages", local).code == 0
    assert patchkit("apply", PATCH, "--site-packages", system, *waived).code == 0
    for folder in (system, local):
        assert is_patched(folder / LOSS)
        assert codes(patchkit, "--site-packages", folder) == (0, 0)
        assert patchkit("revert", "--all", "--site-packages", folder).code == 0
    assert snapshot(image) == before


def test_a_python_without_the_package_is_named_in_the_answer(environment: Build, patchkit: Patchkit) -> None:
    python = DEBIAN_PYTHON if DEBIAN_PYTHON.exists() else environment().python
    answer = patchkit("apply", PATCH, "--python", python, "--format", "json")
    assert (answer.code, answer.outcomes) == (2, ["not-applicable"])
    assert f"ultralytics is not installed in the environment of {python}" in answer.json["results"][0]["message"]
    assert "--site-packages" in answer.json["results"][0]["hint"]


# Two owners


def test_both_records_follow_a_file_that_two_distributions_agree_on(environment: Build, patchkit: Patchkit) -> None:
    env = environment(NEWEST, TWIN)
    infos = [env.info(), env.info("ultralytics_opencv_headless")]
    target, before = ("--python", env.python), without_bytecode(snapshot(env.folder))

    assert patchkit("apply", PATCH, *target).code == 0
    assert [rows(info / "RECORD")[LOSS].strip() for info in infos] == [true_row(env.site)] * 2
    assert codes(patchkit, *target) == (0, 0)
    assert patchkit("revert", PATCH, *target).code == 0
    assert without_bytecode(snapshot(env.folder)) == before


def test_a_file_that_two_distributions_disagree_on_is_refused_unless_its_owner_is_meant(
    environment: Build, patchkit: Patchkit
) -> None:
    env = environment(NEWEST, STRANGER)
    target, before = ("--python", env.python), without_bytecode(snapshot(env.folder))
    answer = patchkit("apply", PATCH, *target)
    assert_refused(answer, "ultralytics 8.4.190", "dgenerate_ultralytics_headless 8.4.176", "--allow-two-owners")
    assert without_bytecode(snapshot(env.folder)) == before

    assert patchkit("apply", PATCH, *target, "--allow-two-owners").code == 0
    after = without_bytecode(snapshot(env.folder))
    owner = env.info("dgenerate_ultralytics_headless") / "RECORD"
    assert {path for path in before if after[path] != before[path]} == {str(env.loss), str(owner)}
    assert rows(owner)[LOSS].strip() == true_row(env.site)
    assert patchkit("revert", PATCH, *target).code == 0
    assert without_bytecode(snapshot(env.folder)) == before
