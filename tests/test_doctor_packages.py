"""`doctor` on packages that are in each other's way: its commands leave one of them, whole."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Environment, wheel
from tests.doctor_look import cure, look, machine, only, rules
from tests.stand_in_wheels import paddle, stand_in
from tests.support import NEWEST, PATCH, TWIN, Build, Patchkit

pytestmark = pytest.mark.usefixtures("no_caches_of_this_machine")


def test_two_distributions_with_one_module_are_told_and_either_can_be_kept(
    environment: Build, patchkit: Patchkit
) -> None:
    env = environment(NEWEST)
    env.pip("install", "--no-deps", wheel(TWIN))
    assert patchkit("apply", PATCH, "--python", env.python).code == 0
    found = only(look(patchkit, env), "module-owned-twice")
    assert "both install the module ultralytics" in found["message"]
    assert len(found["commands"]) == 2
    kept = next(command for command in found["commands"] if command.endswith(TWIN))
    cure(kept, wheel(TWIN))
    answer = look(patchkit, env)
    assert rules(answer) == {"patch-lost"}, "the new package does not have the patch"
    assert answer.json["environment"]["ultralytics"]["distribution"] == TWIN.partition("==")[0]


def test_of_two_paddles_the_one_for_gpus_is_kept(environment: Build, patchkit: Patchkit, tmp_path: Path) -> None:
    env, gpu = environment(), paddle(tmp_path, "paddlepaddle-gpu", "3.0.0", "11.8")
    env.pip("install", "--no-deps", gpu)
    env.pip("install", "--no-deps", paddle(tmp_path, "paddlepaddle", "3.0.0"))
    root = machine(tmp_path / "machine", "535.104.05")
    found = only(look(patchkit, env, "--root", root, "--ignore", "record-differs"), "module-owned-twice")
    cure(found["commands"][0], gpu)
    answer = look(patchkit, env, "--root", root)
    assert (rules(answer), answer.json["environment"]["paddle"]["cuda"]) == (set(), "11.8")


def test_what_a_broken_upgrade_leaves_is_told(environment: Build, patchkit: Patchkit, tmp_path: Path) -> None:
    env, wheels = (
        environment(),
        [stand_in(tmp_path, "numpy", one, {"numpy/__init__.py": one}) for one in ("1.25.0", "1.26.4")],
    )
    env.pip("install", "--no-deps", wheels[0])
    shutil.copytree(env.info("numpy"), tmp_path / "kept")
    env.pip("install", "--no-deps", wheels[1])
    shutil.copytree(tmp_path / "kept", env.site / "numpy-1.25.0.dist-info")
    found = only(look(patchkit, env), "module-owned-twice")
    assert "the file is that of numpy 1.26.4" in found["message"]
    cure(found["commands"][0], *wheels)
    assert rules(look(patchkit, env)) == set()
    assert [path.name for path in env.site.glob("numpy-*")] == ["numpy-1.26.4.dist-info"]


def test_modules_without_an_init_file_are_shared_by_right(
    environment: Build, patchkit: Patchkit, tmp_path: Path
) -> None:
    env = environment()
    env.pip("install", "--no-deps", stand_in(tmp_path, "a", "1", {"torch/a.py": "", "bin/x": ""}))
    env.pip("install", "--no-deps", stand_in(tmp_path, "b", "1", {"torch/b.py": "", "bin/y": ""}))
    assert rules(look(patchkit, env)) == set()


def test_opencv_with_and_without_windows_is_told_and_the_command_leaves_one(
    uv: Callable[..., Environment], patchkit: Patchkit, tmp_path: Path
) -> None:
    names = ("opencv-python", "opencv-contrib-python-headless")
    wheels = [stand_in(tmp_path / "wheels", name, "4.10.0.84", {"cv2/__init__.py": name}) for name in names]
    env = uv("env", *wheels)
    found = only(look(patchkit, env), "opencv-twice")
    assert len(found["commands"]) == 2
    cure(found["commands"][1], *wheels)
    assert rules(look(patchkit, env)) == set()
    assert (env.site / "cv2/__init__.py").read_text() == names[1]


def test_old_metadata_is_read(patchkit: Patchkit, tmp_path: Path) -> None:
    """An egg-info is a folder, or with distutils a file; a version may stand only inside."""
    site = tmp_path / "site"
    (site / "torch.egg-info").mkdir(parents=True)
    (site / "torch.egg-info/PKG-INFO").write_text("Metadata-Version: 1.2\nName: torch\nVersion: 1.13.1\n")
    (site / "numpy-2.0.1-py3.9.egg-info").write_text("Metadata-Version: 1.0\nName: numpy\nVersion: 2.0.1\n")
    found = only(look(patchkit, site), "numpy-too-new")
    assert "torch 1.13.1 is of before numpy 2, and numpy 2.0.1 is installed" in found["message"]
    assert found["commands"] == [f"pip install --upgrade --target {site} 'numpy<2'"]


@pytest.mark.parametrize(
    ("version", "tag", "words"),
    [
        ("2.2.2", "win_amd64", "is of before numpy 2"),
        ("2.3.1", "win_amd64", "for Windows was built with numpy 1"),
        ("2.4.0+cpu", "win_amd64", "for Windows was built with numpy 1"),
        ("2.4.1", "win_amd64", ""),
        ("2.4.0", "manylinux1_x86_64", ""),
        ("2.4.0", "macosx_11_0_arm64", ""),
    ],
)
def test_wheels_for_windows_took_numpy_2_later(
    version: str, tag: str, words: str, environment: Build, patchkit: Patchkit, tmp_path: Path
) -> None:
    env = environment()
    env.pip("install", "--no-deps", stand_in(tmp_path, "torch", version), stand_in(tmp_path, "numpy", "2.0.1"))
    (env.info("torch") / "WHEEL").write_text(f"Wheel-Version: 1.0\nTag: cp312-cp312-{tag}\n")
    answer = look(patchkit, env)
    if words:
        assert words in only(answer, "numpy-too-new")["message"]
    assert rules(answer) == ({"numpy-too-new"} if words else set())
