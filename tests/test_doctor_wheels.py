"""`doctor` on nvidia wheels, torch and torchvision that do not go together: its commands bring those that do."""

from pathlib import Path

import pytest

from patchkit.subjects.environment.versions import satisfies
from tests.doctor_look import cure, look, only, rules
from tests.stand_in_wheels import CUBLAS, LINUX, PINS, paddle, sound, stand_in, torch, torchvision
from tests.support import Build, Patchkit

pytestmark = pytest.mark.usefixtures("no_caches_of_this_machine")


def test_a_wheel_that_torch_does_not_pin_is_told_and_the_command_brings_the_right_one(
    environment: Build, patchkit: Patchkit, tmp_path: Path
) -> None:
    env, wheels = environment(), sound(tmp_path / "wheels")
    env.pip("install", "--no-deps", *wheels)
    env.pip("install", "--no-deps", stand_in(tmp_path / "later", "nvidia-cublas-cu12", "12.4.5.8", CUBLAS))

    found = only(look(patchkit, env), "nvidia-wheel-differs")

    assert "nvidia-cublas-cu12 12.4.5.8 (asked for: ==12.1.3.1)" in found["message"]
    assert "cudnn" not in found["message"]
    metadata = env.info("torch") / "METADATA"
    assert found["location"] == {"path": str(metadata), "line": 4, "column": 1}
    assert f"Requires-Dist: {PINS[0]}" in found["evidence"]
    cure(found["commands"][0], *wheels)
    assert rules(look(patchkit, env)) == set()


def test_a_wheel_that_is_missing_is_told_unless_it_is_for_another_platform(
    environment: Build, patchkit: Patchkit, tmp_path: Path
) -> None:
    env = environment()
    pins = [
        f"nvidia-nccl-cu12==2.19.3; {LINUX}",
        'nvidia-curand-cu12==10.3; platform_system == "Plan 9"',
        "nvidia-x==]",
        "nvidia-y==1; platform_systen == 'Linux'",
    ]
    env.pip("install", "--no-deps", torch(tmp_path, requires=pins))
    found = only(look(patchkit, env), "nvidia-wheel-differs")
    assert "nvidia-nccl-cu12 is not installed (asked for: ==2.19.3)" in found["message"]
    (env.info("torch") / "INSTALLER").write_text("conda\n")
    assert rules(look(patchkit, env)) == set(), "the libraries of conda are no wheels"
    (env.info("torch") / "INSTALLER").write_text("pip\n")
    assert "curand" not in found["message"]


@pytest.mark.parametrize("kept", [0, 1], ids=["torch", "paddle"])
def test_two_frameworks_that_pin_different_releases_of_a_wheel_are_told_once(
    kept: int, environment: Build, patchkit: Patchkit, tmp_path: Path
) -> None:
    env, old, new = environment(), "12.1.3.1", "12.6.4.1"
    wheels = [stand_in(tmp_path, "nvidia-cublas-cu12", version) for version in (old, new)]
    gpu = paddle(tmp_path, "paddlepaddle-gpu", "3.0.0", "12.6")
    env.pip("install", "--no-deps", torch(tmp_path, requires=[f"nvidia-cublas-cu12=={old}"]), gpu, wheels[0])
    with (env.info("paddlepaddle_gpu") / "METADATA").open("r+") as file:
        text = file.read().replace("Version: 3.0.0\n", f"Version: 3.0.0\nRequires-Dist: nvidia-cublas-cu12=={new}\n")
        file.seek(0)
        file.write(text)
    found = only(look(patchkit, env), "nvidia-wheel-differs")
    assert "pin different releases of nvidia-cublas-cu12: they cannot share an environment" in found["message"]
    cure(found["commands"][kept], *wheels)
    assert rules(look(patchkit, env)) == set()


def test_pins_that_a_collection_of_wheels_names_are_followed(
    environment: Build, patchkit: Patchkit, tmp_path: Path
) -> None:
    """torch 2.10 and later ask for cuda-toolkit[cublas,...]."""
    env = environment()
    here = "sys_platform == 'linux' and platform_machine != 'vax'"
    nested = [
        f"nvidia-cublas==13.1.1.3.*; ({here}) and extra == 'cublas'",
        f"nvidia-nvjitlink<14,>=13.0.88; ({here}) and extra == 'cufft'",
        f"nvidia-npp==13.0.1.2.*; ({here}) and extra == 'npp'",
    ]
    wheels = [
        torch(tmp_path, "2.14.1", "'13.0'", [f"cuda-toolkit[cublas,cufft]==13.0.3; {LINUX}"]),
        stand_in(tmp_path, "cuda-toolkit", "13.0.3.0", requires=nested),
        stand_in(tmp_path, "nvidia-cublas", "13.1.1.3"),
        stand_in(tmp_path, "nvidia-nvjitlink", "13.5.37"),
    ]
    env.pip("install", "--no-deps", *wheels)
    assert rules(look(patchkit, env)) == set()
    env.pip("install", "--no-deps", stand_in(tmp_path / "later", "nvidia-cublas", "13.2.0.9"))
    found = only(look(patchkit, env), "nvidia-wheel-differs")
    assert "nvidia-cublas 13.2.0.9 (asked for: ==13.1.1.3.*)" in found["message"]
    assert "npp" not in found["message"]
    cure(found["commands"][0], *wheels)
    assert rules(look(patchkit, env)) == set()


def test_torchvision_of_another_torch_is_told(environment: Build, patchkit: Patchkit, tmp_path: Path) -> None:
    env = environment()
    vision = torchvision(tmp_path, "0.16.0", "+cu121", ["torch (==2.1.0)", "gdown ; extra == 'gdown'"])
    env.pip("install", "--no-deps", torch(tmp_path, "2.2.0"), vision)
    found = only(look(patchkit, env), "torchvision-for-another-torch")
    assert "asks for torch==2.1.0, and torch 2.2.0 is installed" in found["message"]
    right = torchvision(tmp_path / "right", "0.17.0", "+cu121", ["torch (==2.2.0)"])
    cure(found["commands"][0], right, torch(tmp_path / "right", "2.2.0"))
    assert rules(look(patchkit, env)) == set()


@pytest.mark.parametrize(
    ("version", "range", "answer"),
    [
        ("2.1.0+cu121", "==2.1.0", True),
        ("2.1", "==2.1.0", True),
        ("2.1.0", "==2.1.*", True),
        ("2.10", "==2.1.*", False),
        ("2.1.0", "!=2.1.*", False),
        ("2.1.0", ">=2,<3,!=2.0.5", True),
        ("3.0", ">2,<=2.9", False),
        ("2.1.0a0+29c30b1", ">=2.1", False),
        ("2.1.3", "~=2.1.0", True),
        ("2.1.0+cu118", "==2.1.0+cu121", False),
        ("2.1.0", "", True),
        ("of today", ">=1", None),
        ("1.0", ">=one", None),
    ],
)
def test_ranges_are_those_of_pep_440(version: str, range: str, answer: bool | None) -> None:
    assert satisfies(version, range) is answer
