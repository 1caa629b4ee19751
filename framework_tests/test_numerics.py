"""`verify --numerics` on the real packages: every site that changes maths is compared, a wrong patch is found out."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from framework_tests.conftest import Packages, unpacked
from tests.conftest import run_patchkit

NOTEBOOK = {
    "cells": [
        {
            "cell_type": "code",
            "execution_count": None,
            "metadata": {},
            "outputs": [],
            "source": [
                "import torch.nn as nn\n",
                "criterion = nn.CrossEntropyLoss(label_smoothing=0.1, weight=weights)",
            ],
        }
    ],
    "metadata": {},
    "nbformat": 4,
    "nbformat_minor": 4,
}
SITES = {
    "yolov10-dfl": {
        "ultralytics/utils/loss.py::v8DetectionLoss.bbox_decode",
        "ultralytics/utils/loss.py::v8OBBLoss.bbox_decode",
    },
    "ultralytics-sync-bn": {
        "ultralytics/engine/trainer.py::BaseTrainer._setup_train",
        "ultralytics/engine/trainer.py::BaseTrainer._model_train",
    },
    "retinanet-label-guard": {
        "torchvision/models/detection/retinanet.py::RetinaNetClassificationHead.compute_loss",
    },
}
DTYPES = {"float64", "float32", "float16", "bfloat16"}


@pytest.fixture(scope="module")
def checks(torch_python: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The check of each patch, all of them on one folder with ultralytics and torchvision."""
    folder = tmp_path_factory.mktemp("packages")
    unpacked("torchvision==0.29.1", torch_python, folder)
    packages = unpacked("ultralytics==8.4.190", torch_python, folder).apply(*SITES)
    return {check["patch"]: check for check in packages.verify_numerics()}


@pytest.mark.parametrize("patch", SITES)
def test_every_site_that_changes_maths_is_compared_and_agrees(checks: dict[str, Any], patch: str) -> None:
    check = checks[patch]
    assert check["ok"], check
    assert {row["site"] for row in check["rows"]} == SITES[patch]
    assert any(row["by_design"] for row in check["rows"])
    for row in check["rows"]:
        if not row["by_design"]:
            assert row["forward"]["max_abs"] <= row["forward"]["tolerance"]
            assert row["gradient"]["max_abs"] <= row["gradient"]["tolerance"]
            assert row["forward_ms"]["patched"] > 0
            assert row["backward_ms"]["patched"] > 0
            if sys.platform == "linux":
                assert row["peak_bytes"]["patched"] > 0


@pytest.mark.parametrize("patch", ["yolov10-dfl", "retinanet-label-guard"])
def test_each_dtype_has_its_row(checks: dict[str, Any], patch: str) -> None:
    rows = [row for row in checks[patch]["rows"] if not row["by_design"] and row["device"] == "cpu"]
    assert {row["dtype"] for row in rows} == DTYPES


def test_the_gradient_of_the_decode_is_bit_equal(checks: dict[str, Any]) -> None:
    rows = [row for row in checks["yolov10-dfl"]["rows"] if "v8DetectionLoss" in row["site"] and not row["by_design"]]
    assert all(row["gradient"]["bit_equal"] for row in rows)
    assert not any(row["forward"]["bit_equal"] for row in rows)


def test_a_decode_that_is_wrong_by_a_thousandth_fails(torch_python: Path, tmp_path: Path) -> None:
    """The installed file and its receipt agree; the function does not agree with the original."""
    packages = unpacked("ultralytics==8.4.190", torch_python, tmp_path / "packages").apply("yolov10-dfl")
    _rewrite(packages, "self.proj.type(pred_dist.dtype).view(1, 1, 1, -1)).sum(3)", ".sum(3) * 1.001")
    (check,) = packages.verify_numerics()
    assert not check["ok"]
    assert any("values differ by" in row["message"] for row in check["rows"])


def _rewrite(packages: Packages, old: str, ending: str) -> None:
    """Makes the patched file, and the receipt of it, those of another patch."""
    file, ledger = packages.folder / "ultralytics/utils/loss.py", packages.folder / ".patchkit/ledger.json"
    before = file.read_bytes()
    assert old in before.decode()
    after = before.decode().replace(old, old.replace(".sum(3)", ending)).encode()
    file.write_bytes(after)
    digests = (hashlib.sha256(data).hexdigest() for data in (before, after))
    ledger.write_text(ledger.read_text().replace(*digests))


@pytest.mark.parametrize("name", ["train.py", "train.ipynb"])
def test_the_calls_of_a_script_and_of_a_notebook_are_compared_without_running_them(
    torch_python: Path, tmp_path: Path, name: str
) -> None:
    file = tmp_path / name
    source = "".join(NOTEBOOK["cells"][0]["source"])
    file.write_text(json.dumps(NOTEBOOK) if name.endswith(".ipynb") else source + "\nraise SystemExit('it ran')\n")
    assert run_patchkit("apply", "cross-entropy-ignore-index", "--path", file).code == 0
    done = run_patchkit("verify", "--numerics", "--path", file, "--python", torch_python)
    assert done.code == 0, done.out + done.err
    assert "good labels, without weight" in done.out
    assert "original: raises IndexError: Target -1 is out of bounds." in done.out


def test_the_python_that_is_named_beside_a_folder_is_the_one_that_loads_it(torch_python: Path, tmp_path: Path) -> None:
    packages = unpacked("ultralytics==8.4.190", torch_python, tmp_path / "packages").apply("yolov10-dfl")
    done = run_patchkit(
        *("verify", "--numerics", "--format", "json", "--site-packages", packages.folder, "--python", torch_python)
    )
    (effect,) = [check for check in done.json["checks"] if check["check"] == "effect"]
    assert effect["message"].startswith(f"{torch_python} loads this file")


def test_a_python_without_the_framework_is_told(torch_python: Path, paddle_python: Path, tmp_path: Path) -> None:
    packages = unpacked("ultralytics==8.4.190", torch_python, tmp_path / "packages").apply("yolov10-dfl")
    (check,) = Packages(packages.folder, paddle_python).verify_numerics()
    assert not check["ok"]
    assert "No module named 'torch'" in check["message"]
