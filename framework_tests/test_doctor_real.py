"""`doctor` on the real frameworks: it finds what is known to be true of these environments, and nothing else."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.frameworks import PADDLE, PADDLEDET, TORCH
from tests.conftest import run_patchkit

CUBLAS = "libcublas.so.13"


@pytest.fixture(autouse=True)
def no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies in the caches of this machine is another matter."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)


def look(python: Path, *options: str | Path, **env: str) -> Any:
    answer = run_patchkit("doctor", "--python", python, "--format", "json", *options, env=env)
    assert answer.code in (0, 1), answer.err
    return answer.json


def told(report: Any) -> list[tuple[str, str]]:
    return [(finding["rule"], finding["message"]) for finding in report["findings"]]


def driver(folder: Path, version: str) -> Path:
    place = folder / "proc/driver/nvidia/version"
    place.parent.mkdir(parents=True)
    place.write_text(f"NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  {version}  Release Build\n")
    return folder


def version_of(requirements: tuple[str, ...], name: str) -> str:
    return next(one.partition("==")[2] for one in requirements if one.startswith(f"{name}=="))


def test_the_real_torch_and_ultralytics_have_no_finding_but_patches_to_apply(
    torch_python: Path, tmp_path: Path
) -> None:
    report = look(torch_python, "--root", driver(tmp_path, "580.65.06"))
    assert {rule for rule, _ in told(report)} == {"patch-not-applied"}
    patches = {finding["commands"][0].split()[2] for finding in report["findings"]}
    assert patches == {"yolov10-dfl", "ultralytics-sync-bn", "retinanet-label-guard"}
    assert report["skipped"] == []
    there = report["environment"]
    assert there["torch"]["version"].partition("+")[0] == version_of(TORCH, "torch")
    assert there["ultralytics"] == {
        "distribution": "ultralytics", "version": version_of(TORCH, "ultralytics"), "origin": "release",
        "editable": None, "source": None, "commit": None,
    }  # fmt: skip


def test_what_is_wrong_with_the_real_torch_is_found(torch_python: Path, tmp_path: Path) -> None:
    report = look(torch_python, "--root", driver(tmp_path, "535.104.05"), "--ignore", "patch-not-applied")
    cuda = report["environment"]["torch"]["cuda"]
    if cuda is None:
        assert [rule for rule, _ in told(report)] == ["cpu-build-beside-driver"]
        return
    assert [rule for rule, _ in told(report)] == ["driver-too-old"]
    (tmp_path / CUBLAS).write_text("not that of the wheel\n")
    report = look(torch_python, "--select", "cuda-library-shadowed", LD_LIBRARY_PATH=str(tmp_path))
    assert [rule for rule, _ in told(report)] == ["cuda-library-shadowed"]
    assert f"{CUBLAS} of another size before that of nvidia-cublas " in told(report)[0][1]


def test_the_real_paddle_has_two_opencvs_and_a_patch_to_apply(paddle_python: Path, tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    report = look(paddle_python, "--root", tmp_path / "bare")
    assert [rule for rule, _ in told(report)] == ["opencv-twice", "patch-not-applied"]
    assert report["skipped"] == []
    build = report["environment"]["paddle"]
    assert (build["version"], build["build"]) == (version_of(PADDLE, "paddlepaddle"), "CPU")
    assert f"paddledet {version_of(PADDLEDET, 'paddledet')} holds the code" in told(report)[1][1]
    report = look(paddle_python, "--root", driver(tmp_path, "580.65.06"), "--ignore", "opencv-twice")
    assert sorted(rule for rule, _ in told(report)) == ["cpu-build-beside-driver", "patch-not-applied"]
