"""`doctor` finds nothing in environments in which nothing is wrong, and tells what is there."""

import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from patchkit.patching.target import find_target
from patchkit.subjects.environment.environment import Environment as Looked
from tests.conftest import Environment, snapshot, wheel
from tests.doctor_look import look, machine, rules
from tests.stand_in_wheels import paddle, sound, torch, torchvision
from tests.support import PATCH, RELEASE, Build, Patchkit

pytestmark = pytest.mark.usefixtures("no_caches_of_this_machine")


def test_a_sound_environment_of_pip_has_no_findings(environment: Build, patchkit: Patchkit, tmp_path: Path) -> None:
    env = environment(RELEASE)
    env.pip("install", "--no-deps", *sound(tmp_path / "wheels"))
    assert patchkit("apply", PATCH, "--python", env.python).code == 0
    before = snapshot(env.folder)

    answer = look(patchkit, env, "--root", machine(tmp_path / "machine", "535.104.05"))

    assert (answer.code, rules(answer)) == (0, set())
    assert snapshot(env.folder) == before, "doctor only reads"
    there = answer.json["environment"]
    assert there["torch"] == {
        "distribution": "torch", "version": "2.1.0+cu121", "build": "CUDA 12.1", "cuda": "12.1",
        "commit": "5c4886908584", "debug": False,
    }  # fmt: skip
    assert (there["driver"], there["torchvision"]["cuda"], there["paddle"]) == ("535.104.05", "12.1", None)
    assert there["ultralytics"]["origin"] == "release"
    assert there["packages"] == {"numpy": "1.26.4", "opencv-python": "4.10.0.84"}
    assert there["patches"] == [{"patch": PATCH, "version": "1.0.0", "state": "applied"}]
    assert there["python"]["prefix"] == str(env.folder)


def test_a_sound_environment_of_uv_has_no_findings(
    uv: Callable[..., Environment], patchkit: Patchkit, tmp_path: Path
) -> None:
    env = uv("env", wheel(RELEASE), *sound(tmp_path / "wheels"))
    answer = look(patchkit, env)
    assert (answer.code, rules(answer)) == (0, set())


def test_a_sound_folder_of_packages_has_no_findings(
    unpacked: Callable[[str], Path], patchkit: Patchkit, tmp_path: Path
) -> None:
    folder = unpacked(RELEASE)
    for path in sound(tmp_path / "wheels"):
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
    answer = look(patchkit, folder)
    assert (answer.code, rules(answer)) == (0, set())
    commands = [finding["commands"] for finding in answer.json["findings"]]
    assert [f"patchkit apply {PATCH} --site-packages {folder}"] in commands


def test_the_environment_of_patchkit_itself_is_the_default(patchkit: Patchkit) -> None:
    answer = patchkit("doctor", "--format", "json")
    assert (answer.code, rules(answer)) == (0, set())
    assert answer.json["environment"]["python"] == {
        "version": f"{sys.version_info[0]}.{sys.version_info[1]}", "prefix": sys.prefix
    }  # fmt: skip


@pytest.mark.parametrize("path", ["active", "another", "none"])
def test_pip_is_named_alone_only_where_the_shell_finds_that_of_the_environment(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment of patchkit itself need not be activated."""
    own, other = tmp_path / "own/bin/python", tmp_path / "other/pip"
    for pip in (own.with_name("pip"), other):
        pip.parent.mkdir(parents=True)
        pip.touch(0o755)
    monkeypatch.setenv("PATH", str({"active": own, "another": other, "none": tmp_path / "none/pip"}[path].parent))
    command = Looked(find_target(None, None, fast=True), own, is_own=True).commands.install("numpy")
    assert command == ("pip install numpy" if path == "active" else f"{own} -m pip install numpy")


@pytest.mark.parametrize(
    ("local", "build"), [("", None), ("+cpu", "CPU"), ("+cu118", "CUDA 11.8"), ("+rocm6.2", "ROCm")]
)
def test_a_torchvision_that_does_not_name_its_build_is_not_said_to_be_for_the_cpu(
    local: str, build: str | None, environment: Build, patchkit: Patchkit, tmp_path: Path
) -> None:
    env = environment()
    env.pip("install", "--no-deps", torchvision(tmp_path, "0.16.0", local))
    assert look(patchkit, env).json["environment"]["torchvision"]["build"] == (build or "unknown")
    line = next(
        line for line in patchkit("doctor", "--python", env.python).out.splitlines() if line.startswith("torchvision")
    )
    assert line.split(maxsplit=1)[1] == f"0.16.0{local}, {build or 'its build is not known'}"


def test_builds_for_the_cpu_and_for_rocm_need_no_wheels_and_no_driver(
    environment: Build, patchkit: Patchkit, tmp_path: Path
) -> None:
    env = environment()
    env.pip("install", "--no-deps", torch(tmp_path, cuda="None"), paddle(tmp_path, "paddlepaddle", "3.0.0"))
    answer = look(patchkit, env)
    assert (answer.code, rules(answer), answer.json["skipped"]) == (0, set(), [])
    assert answer.json["environment"]["paddle"]["build"] == "CPU"
    file = env.site / "torch/version.py"
    file.write_text(file.read_text().replace("hip: Optional[str] = None", "hip: Optional[str] = '6.2.4'"))
    answer = look(patchkit, env, "--root", machine(tmp_path / "machine", "535.104.05"), "--ignore", "record-differs")
    assert {finding["message"].split()[0] for finding in answer.json["findings"]} == {"paddlepaddle"}
    assert answer.json["environment"]["torch"]["build"] == "ROCm"
