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
SUMMED = "(pred_dist.view(b, a, 4, c // 4).softmax(3) * self.proj.type(pred_dist.dtype).view(1, 1, 1, -1)).sum(3)"
PRODUCT = "pred_dist.view(b, a, 4, c // 4).softmax(3).matmul(self.proj.type(pred_dist.dtype))"
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
    packages = unpacked("ultralytics==8.4.190", torch_python, tmp_path / "packages").apply("yolov10-dfl")
    _rewrite(packages, "ultralytics/utils/loss.py", SUMMED, SUMMED.replace(".sum(3)", ".sum(3) * 1.001"))
    (check,) = packages.verify_numerics()
    assert not check["ok"]
    assert any("values differ by" in row["message"] for row in check["rows"])


def test_a_product_that_is_back_in_the_decode_fails_what_the_patch_is_for(torch_python: Path, tmp_path: Path) -> None:
    """It gives the same values where cuBLAS works: only the rows by design tell."""
    packages = unpacked("ultralytics==8.4.190", torch_python, tmp_path / "packages").apply("yolov10-dfl")
    _rewrite(packages, "ultralytics/utils/loss.py", SUMMED, PRODUCT, after="class v8OBBLoss")
    (check,) = packages.verify_numerics()
    failed = [row for row in check["rows"] if not row["ok"]]
    assert {row["site"].rpartition("::")[2] for row in failed} == {"v8OBBLoss.bbox_decode"}
    refused, autocast = failed
    assert refused["message"].startswith(
        "the patched form raises RuntimeError: CUDA error: CUBLAS_STATUS_INVALID_VALUE"
    )
    assert "under autocast" in autocast["inputs"]


def test_a_head_without_two_of_its_repairs_fails_what_they_are_for(paddle_python: Path, tmp_path: Path) -> None:
    """One selection by masked_select, and a warning that comes with the second bad step."""
    packages = unpacked("paddledet==2.6.0", paddle_python, tmp_path / "packages").apply("ppyoloe-masked-select")
    head, tiled = (
        "ppdet/modeling/heads/ppyoloe_head.py",
        "mask_positive.unsqueeze(-1).tile([1, 1, 4 * self.reg_channels])",
    )
    gather = "paddle.gather_nd(\n                pred_dist, positive_index)"
    _rewrite(packages, head, gather, f"paddle.masked_select(pred_dist, {tiled})")
    _rewrite(packages, head, "steps % 100 == 1", "steps % 100 == 2")
    (check,) = packages.verify_numerics()
    failed = [row for row in check["rows"] if not row["ok"]]
    assert all(row["by_design"] for row in failed)
    selection, dfl = (
        [row["inputs"] for row in failed if row["site"].endswith(f"PPYOLOEHead.{name}")]
        for name in ("_bbox_loss", "_df_loss")
    )
    assert selection == ["masked_select returns foreign values"]
    assert len(dfl) == len(failed) - 1 == 12  # every kind of bad target


def test_a_conversion_without_two_of_its_cares_fails(torch_python: Path, tmp_path: Path) -> None:
    """On where nobody asked for it, and in train mode before the first epoch."""
    packages = unpacked("ultralytics==8.4.190", torch_python, tmp_path / "packages").apply("ultralytics-sync-bn")
    trainer = "ultralytics/engine/trainer.py"
    _rewrite(packages, trainer, 'getattr(self.args, "sync_bn", False)', 'getattr(self.args, "sync_bn", True)')
    _rewrite(packages, trainer, "self.model.eval()  # up to", "pass  # up to")
    (check,) = packages.verify_numerics()
    assert [row["inputs"] for row in check["rows"] if not row["ok"]] == [
        "sync_bn on, CUDA, more than one process",
        "no sync_bn among the arguments",
    ]


def _rewrite(packages: Packages, path: str, old: str, new: str, after: str = "") -> None:
    """Makes the patched file, and the receipt of it, those of another patch: both agree."""
    file, ledger = packages.folder / path, packages.folder / ".patchkit/ledger.json"
    before = file.read_bytes()
    head, mark, tail = before.decode().partition(after) if after else ("", "", before.decode())
    assert old in tail
    changed = (head + mark + tail.replace(old, new)).encode()
    file.write_bytes(changed)
    digests = (hashlib.sha256(data).hexdigest() for data in (before, changed))
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


def _cell(*lines: str) -> dict[str, Any]:
    return {**NOTEBOOK["cells"][0], "source": [*(f"{line}\n" for line in lines[:-1]), lines[-1]]}


def test_the_calls_of_a_notebook_with_magics_are_those_that_were_patched(torch_python: Path, tmp_path: Path) -> None:
    cells = [
        _cell("import torch.nn as nn"),
        _cell("%%time", "!pip install \\", "    torch", "first = nn.CrossEntropyLoss()"),
        _cell("files = !ls", "%time second = nn.CrossEntropyLoss(weights)"),
    ]
    (tmp_path / "train.ipynb").write_text(json.dumps({**NOTEBOOK, "cells": cells}))
    assert run_patchkit("apply", "cross-entropy-ignore-index", "--path", tmp_path).code == 0
    done = run_patchkit("verify", "--numerics", "--path", tmp_path, "--python", torch_python)
    assert done.code == 0, done.out + done.err
    assert "call 1, cells[1], line 4" in done.out
    assert "call 2, cells[2], line 2" in done.out
    assert done.out.count("good labels, without weight") == 1


def test_a_call_that_cannot_be_made_is_told_and_the_others_are_compared(torch_python: Path, tmp_path: Path) -> None:
    calls = ["nn.CrossEntropyLoss(weights)", "nn.CrossEntropyLoss(weight=[1.0, 2.0])", "nn.CrossEntropyLoss()"]
    (tmp_path / "train.py").write_text("\n".join(["from torch import nn", *calls, ""]))
    assert run_patchkit("apply", "cross-entropy-ignore-index", "--path", tmp_path).code == 0
    done = run_patchkit("verify", "--numerics", "--path", tmp_path, "--python", torch_python)
    assert done.code == 1
    assert "14 comparisons" in done.out
    assert "train.py, line 3: CrossEntropyLoss cannot be made with these arguments: TypeError" in done.out
    first, _, last = done.out.partition("call 3, line 4")
    assert "good labels, without weight: " in first
    assert "good labels: " in last


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
