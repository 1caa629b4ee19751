"""The commands that `doctor` names: builds that exist, where they lie, from the tool that installed the package."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import run_patchkit
from tests.data_sets import archive, write

DRIVER = "-- machine/proc/driver/nvidia/version --\nNVRM version: NVIDIA UNIX x86_64 Kernel Module  {}  Sat\n"
CPU = (
    "-- site/torch-{0}.dist-info/METADATA --\nName: torch\n"
    "-- site/torch/version.py --\n__version__ = '{0}'\ncuda = {1}\n"
)


def found(folder: Path, text: str, rule: str, site: str = "site") -> dict[str, Any]:
    """What a rule finds in an environment that is written as an archive."""
    (folder / "home").mkdir()
    write(folder, archive(text))
    (folder / "machine").mkdir(exist_ok=True)
    target = ("--site-packages", folder / site, "--root", folder / "machine")
    settings = {"HOME": str(folder / "home"), "UV_CACHE_DIR": "", "XDG_CACHE_HOME": "", "LD_LIBRARY_PATH": ""}
    answer = run_patchkit("doctor", *target, "--select", rule, "--format", "json", cwd=folder, env=settings)
    assert answer.code in (0, 1), answer.err
    (finding,) = json.loads(answer.out)["findings"]
    return dict(finding)


def with_others(*names: str) -> str:
    return "".join(f"-- site/{name}.dist-info/METADATA --\nName: {name.split('-')[0]}\n" for name in names)


@pytest.mark.parametrize(
    ("version", "vision", "audio"),
    [
        ("1.13.1", "0.14.*", "0.13.*"),
        ("2.0.1", "0.15.*", "2.0.*"),
        ("2.2.2", "0.17.*", "2.2.*"),
        ("2.14.1", "0.29.*", "2.11.*"),
    ],
)
def test_torchvision_and_torchaudio_change_with_torch(version: str, vision: str, audio: str, tmp_path: Path) -> None:
    text = DRIVER.format("580.65.06") + CPU.format(f"{version}+cpu", None)
    command = found(tmp_path, text + with_others("torchvision-0.1", "torchaudio-0.1"), "cpu-build-beside-driver")[
        "commands"
    ][0]
    assert command.endswith(f"torch=={version} 'torchvision=={vision}' 'torchaudio=={audio}'")
    assert "https://pypi.org/simple" in command


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("2.3.0a0+40ec155e58.nv24.04", "is a build of NVIDIA that no index has"),
        ("2.6.0.dev20241112+cu124", "is no release but a nightly"),
        ("2.1.0a0+gitunknown", "is no release but a nightly"),
    ],
)
def test_of_a_torch_that_no_index_has_no_release_is_made_up(version: str, words: str, tmp_path: Path) -> None:
    text = DRIVER.format("470.199.02") + CPU.format(version, "'12.4'")
    finding = found(tmp_path, text + with_others("torchvision-0.18.0"), "driver-too-old")
    assert words in finding["message"]
    assert finding["commands"] == ["patchkit explain driver-too-old"]


@pytest.mark.parametrize(
    ("driver", "release", "index"),
    [
        ("535.104.05", "3.0.0", "https://www.paddlepaddle.org.cn/packages/stable/cu126/"),
        ("470.199.02", "3.0.0", "https://www.paddlepaddle.org.cn/packages/stable/cu118/"),
        ("535.104.05", "2.6.2", "https://pypi.org/simple"),
    ],
)
def test_paddle_for_gpus_comes_from_the_index_that_has_it(
    driver: str, release: str, index: str, tmp_path: Path
) -> None:
    text = (
        f"-- site/paddlepaddle-{release}.dist-info/METADATA --\nName: paddlepaddle\n"
        f"-- site/paddle/version/__init__.py --\nfull_version = '{release}'\ncuda_version = 'False'\n"
    )
    (command,) = found(tmp_path, DRIVER.format(driver) + text, "cpu-build-beside-driver")["commands"]
    assert command.count(f"--index-url {index} paddlepaddle-gpu=={release}") == 2


CONDA = "env/lib/python3.11/site-packages"


def of_conda(version: str, cuda: str, channel: str) -> str:
    """What conda leaves of torch: a record of its own, an egg-info, and neither RECORD nor INSTALLER."""
    return (
        f'-- env/conda-meta/pytorch-{version}-py3.11_cuda.json --\n{{"name": "pytorch", "channel": "{channel}"}}\n'
        f"-- env/conda-meta/numpy-2.0.1-py311.json --\n{{}}\n"
        f"-- env/conda-meta/cudatoolkit-11.8.0-0.json --\n{{}}\n"
        f"-- {CONDA}/torch-{version}-py3.11.egg-info/PKG-INFO --\nName: torch\nVersion: {version}\n"
        f"Requires-Dist: nvidia-cublas-cu12==12.1.3.1\n"
        f"-- {CONDA}/torch/version.py --\n__version__ = '{version}'\ncuda = {cuda}\n"
        f"-- {CONDA}/numpy-2.0.1.dist-info/METADATA --\nName: numpy\n"
    )


@pytest.mark.parametrize(
    ("channel", "command"),
    [
        ("https://conda.anaconda.org/pytorch/linux-64", "-c pytorch -c nvidia 'pytorch=2.1.0' pytorch-cuda=11.8"),
        ("conda-forge", "-c conda-forge pytorch-gpu=2.1.0 cuda-version=11.8"),
    ],
)
def test_what_conda_installed_is_changed_by_conda(channel: str, command: str, tmp_path: Path) -> None:
    text = DRIVER.format("470.199.02") + of_conda("2.1.0", "'12.1'", channel)
    (cure,) = found(tmp_path, text, "driver-too-old", CONDA)["commands"]
    assert cure == f"conda install --prefix {tmp_path / 'env'} {command}".replace("'", "")
    numpy = found_again(tmp_path, "numpy-too-new")
    assert numpy["commands"] == [f"conda install --prefix {tmp_path / 'env'} 'numpy<2'"]


def found_again(folder: Path, rule: str) -> dict[str, Any]:
    target = ("--site-packages", folder / CONDA, "--root", folder / "machine")
    settings = {"UV_CACHE_DIR": "", "XDG_CACHE_HOME": "", "LD_LIBRARY_PATH": "", "HOME": str(folder / "home")}
    answer = run_patchkit("doctor", *target, "--format", "json", cwd=folder, env=settings)
    findings = json.loads(answer.out)["findings"]
    assert {one["rule"] for one in findings} == {"driver-too-old", "numpy-too-new"}, (
        "the libraries of conda are no wheels"
    )
    return dict(next(one for one in findings if one["rule"] == rule))
