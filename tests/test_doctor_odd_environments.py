"""`doctor` on environments that are odd or broken: it tells what can be known, and never stops half-way."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Answer, run_patchkit
from tests.data_sets import archive, write
from tests.doctor_look import look, only, rules
from tests.support import Patchkit, assert_refused

pytestmark = pytest.mark.usefixtures("no_caches_of_this_machine")
NVIDIA = "2.3.0a0+40ec155e58.nv24.04"
LOSS_ROW = "ultralytics/utils/loss.py,sha256=TMyMAwZJQc8W3bTdAEGTc38OGCo3bBAgXHBqBGf-i9E,7\n"
ULTRALYTICS = (
    "-- site/ultralytics-8.2.50.dist-info/METADATA --\nName: ultralytics\n"
    "-- site/ultralytics/utils/loss.py --\n# loss\n"
    f"-- site/ultralytics-8.2.50.dist-info/RECORD --\n{LOSS_ROW}"
)
TORCH = "-- site/torch-{0}.dist-info/METADATA --\nName: torch\n-- site/torch/version.py --\n__version__ = '{0}'\n"


def looked(folder: Path, text: str, *options: str) -> Answer:
    """The look at an environment that is written as an archive, on a machine without a driver."""
    write(folder, archive(text))
    (folder / "machine").mkdir(exist_ok=True)
    target = ("--site-packages", folder / "site", "--root", folder / "machine")
    return run_patchkit("doctor", *target, "--format", "json", *options, cwd=folder)


def unprivileged(folder: Path, *options: str, **settings: str) -> Answer:
    """The same as a user whom permissions stop."""
    command = [sys.executable, "-m", "patchkit", "doctor", "--site-packages", str(folder / "site"), "--format", "json"]
    command += ["--root", str(folder / "machine"), *options]
    if os.geteuid() == 0:
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    environ = {**os.environ, **settings}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environ)
    return Answer(done.returncode, done.stdout, done.stderr)


def test_an_environment_whose_python_is_gone_is_read_by_its_folder(patchkit: Patchkit, tmp_path: Path) -> None:
    python, site = tmp_path / "env/bin/python", tmp_path / "env/lib/python3.11/site-packages"
    python.parent.mkdir(parents=True)
    python.symlink_to(tmp_path / "gone/python3.11")
    (site / "numpy-1.26.4.dist-info").mkdir(parents=True)
    for named in (python, tmp_path / "env"):
        refused = patchkit("doctor", "--python", named)
        assert_refused(refused, f"leads to {tmp_path / 'gone/python3.11'}, which is not there", "--site-packages")
    answer = look(patchkit, site / "../../python3.11/site-packages")
    assert answer.json["environment"]["python"] == {"version": "3.11", "prefix": str(tmp_path / "env")}
    assert answer.json["environment"]["packages"] == {"numpy": "1.26.4"}


def test_a_file_that_is_called_as_metadata_is_no_package(patchkit: Patchkit, tmp_path: Path) -> None:
    answer = looked(tmp_path, TORCH.format("2.1.0") + "-- site/numpy-2.0.1.dist-info --\nno folder\n")
    assert (answer.code, rules(answer), answer.json["environment"]["distributions"]) == (0, set(), 1)
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone/numpy-2.0.1.dist-info").touch()
    assert_refused(patchkit("doctor", "--site-packages", tmp_path / "alone"), "no package is installed there")


@pytest.mark.parametrize("metadata", ["", "Name: torch\n"], ids=["empty", "no version"])
def test_of_a_torch_whose_metadata_has_no_version_its_own_file_tells_it(metadata: str, tmp_path: Path) -> None:
    text = f"-- site/torch.dist-info/METADATA --\n{metadata}-- site/torch/version.py --\n"
    text += "__version__ = '2.1.0+cpu'\ncuda = None\n-- site/numpy-2.0.1.dist-info/METADATA --\nName: numpy\n"
    answer = looked(tmp_path, text)
    message = "torch 2.1.0+cpu is of before numpy 2, and numpy 2.0.1 is installed"
    assert only(answer, "numpy-too-new")["message"] == message


def test_rows_that_lead_out_of_the_folder_are_none_of_its_business(tmp_path: Path) -> None:
    (tmp_path / "fix.py").write_text("# of somebody else\n")
    others = [
        f"{place},{LOSS_ROW.partition(',')[2]}" for place in ("../fix.py", f"{tmp_path}/fix.py", "a/../../fix.py")
    ]
    assert rules(looked(tmp_path, ULTRALYTICS + "".join(others))) == set()


def test_what_patchkit_notes_in_the_metadata_disturbs_no_rule(tmp_path: Path) -> None:
    marker = "ultralytics-8.2.50.dist-info/patchkit.json"
    text = f"{ULTRALYTICS}{marker},sha256=TMyMAwZJQc8W3bTdAEGTc38OGCo3bBAgXHBqBGf-i9E,7\n-- site/{marker} --\n{{}}\n"
    answer = looked(tmp_path, text)
    assert (answer.code, rules(answer)) == (0, set())


@pytest.mark.parametrize("text", ["# of nvidia\n", "# loss\n"], ids=["the build of NVIDIA", "the release"])
def test_a_release_over_a_build_of_nvidia_is_cured_by_what_can_be_had(text: str, tmp_path: Path) -> None:
    """The build of NVIDIA is in no index: it is kept where it is there, and no command asks an index for it."""
    release = "sha256=TMyMAwZJQc8W3bTdAEGTc38OGCo3bBAgXHBqBGf-i9E,7"
    nvidia = "sha256=HvwP6cNyfSivRrP3UoTcjdicsrjw4cokzTR_UkonvIE,12"
    rows = "".join(
        f"-- site/torch-{version}.dist-info/RECORD --\ntorch/__init__.py,{digest}\n"
        for version, digest in (("2.2.0", release), (NVIDIA, nvidia))
    )
    numpy = "-- site/numpy-2.0.1.dist-info/METADATA --\nName: numpy\n"
    answer = looked(tmp_path, f"{TORCH.format(NVIDIA)}cuda = '12.4'\n{rows}{numpy}-- site/torch/__init__.py --\n{text}")
    commands = only(answer, "module-owned-twice")["commands"]
    stale, own = (tmp_path / f"site/torch-{version}.dist-info" for version in ("2.2.0", NVIDIA))
    assert not [command for command in commands if f"torch=={NVIDIA}" in command]
    assert commands[0].startswith(f"rm -r {stale}" if text == "# of nvidia\n" else f"rm -r {own} && ")
    assert [command.endswith("torch==2.2.0") for command in commands][-1:] == [True]


def test_two_releases_of_one_opencv_are_told_and_the_newer_one_is_kept(tmp_path: Path) -> None:
    site, releases = tmp_path / "site", ("4.10.0.84", "4.9.0.80")
    rows = (f"-- site/opencv_python-{one}.dist-info/RECORD --\ncv2/__init__.py,,\n" for one in releases)
    (command,) = only(looked(tmp_path, "".join(rows)), "opencv-twice")["commands"]
    old, new = (f"rm -r {site}/opencv_python-{one}.dist-info" for one in reversed(releases))
    assert command.startswith(f"{old} && {new} && pip install")
    assert command.endswith(f"opencv-python=={releases[0]}")


@pytest.mark.parametrize("version", [NVIDIA, "2.6.0.dev20241112+cpu"])
def test_a_torch_that_no_index_has_is_asked_for_by_no_rule(version: str, tmp_path: Path) -> None:
    driver = (
        "-- machine/proc/driver/nvidia/version --\nNVRM version: NVIDIA UNIX x86_64 Kernel Module  470.199.02  Sat\n"
    )
    vision = "-- site/torchvision-0.17.0.dist-info/METADATA --\nName: torchvision\nRequires-Dist: torch (==2.2.0)\n"
    kinds = {"None": "cpu-build-beside-driver", "'12.4'": "driver-too-old"}
    for cuda, rule in kinds.items():
        answer = looked(tmp_path / rule, f"{TORCH.format(version)}cuda = {cuda}\n{driver}{vision}")
        assert rules(answer) == {rule, "torchvision-for-another-torch"}
        commands = [command for finding in answer.json["findings"] for command in finding["commands"]]
        assert sorted(commands) == [f"patchkit explain {name}" for name in sorted(rules(answer))]


@pytest.mark.parametrize(
    ("value", "words", "left"),
    [
        (":/absent", "puts the working directory, by an empty entry, before", "export LD_LIBRARY_PATH=/absent"),
        ("/absent:lib64:", "puts lib64 before", "export LD_LIBRARY_PATH=/absent:."),
        ("lib64", "puts lib64 before", "unset LD_LIBRARY_PATH"),
    ],
)
def test_empty_and_relative_entries_of_the_library_path_are_those_of_the_working_directory(
    value: str, words: str, left: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (
        f"{TORCH.format('2.1.0')}cuda = '12.1'\n-- site/nvidia/cublas/lib/libcublas.so.12 --\nof the wheel\n"
        "-- site/nvidia_cublas_cu12-12.1.3.1.dist-info/METADATA --\nName: nvidia-cublas-cu12\n"
    )
    place = "" if value.startswith(":") else "lib64/"
    monkeypatch.setenv("LD_LIBRARY_PATH", value)
    found = only(looked(tmp_path, f"{text}-- {place}libcublas.so.12 --\nof the system\n"), "cuda-library-shadowed")
    assert (words in found["message"], found["commands"]) == (True, [left])
    assert f"LD_LIBRARY_PATH={value}; {tmp_path / place}" in found["evidence"]


@pytest.mark.parametrize(
    ("closed", "rule", "words"),
    [
        ("machine/proc/driver", "driver-too-old", "version cannot be read"),
        ("site/ultralytics", "patch-not-applied", "loss.py cannot be read"),
        ("site/ultralytics", "record-differs", "loss.py cannot be read"),
        ("cache/archive-v0", "cache-poisoned", "archive-v0 cannot be read"),
        ("site/torch", "driver-too-old", "version.py cannot be read"),
        ("site/torch-2.1.0.dist-info", "nvidia-wheel-differs", "METADATA cannot be read"),
    ],
)
def test_folders_that_may_not_be_read_stop_no_other_rule(closed: str, rule: str, words: str, tmp_path: Path) -> None:
    opencv = "".join(
        f"-- site/{name}-4.10.0.84.dist-info/RECORD --\ncv2/__init__.py,,\n"
        for name in ("opencv_python", "opencv_python_headless")
    )
    (tmp_path / "cache/archive-v0/one").mkdir(parents=True)
    (tmp_path / "machine/proc/driver/nvidia").mkdir(parents=True)
    write(tmp_path, archive(f"{TORCH.format('2.1.0')}cuda = '12.1'\n{ULTRALYTICS}{opencv}"))
    (tmp_path / closed).chmod(0)
    answer = unprivileged(tmp_path)
    (tmp_path / closed).chmod(0o755)
    assert (answer.code, rules(answer)) == (1, {"opencv-twice"}), answer.out + answer.err
    told = [skipped["reason"] for skipped in answer.json["skipped"] if skipped["rule"] == rule]
    assert [reason for reason in told if words in reason], answer.out
