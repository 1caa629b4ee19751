"""What `audit --fix` writes, read by the real `ultralytics.cfg.get_cfg`."""

import json
import os
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import run_patchkit, wheel

RELEASES = ["8.0.200", "8.1.34", "8.2.50", "8.3.50", "8.3.200", "8.4.0", "8.4.103", "8.4.190"]
BAD = "model: yolov10x.yaml\r\ndata: coco.yaml  # 数据\r\nbatch: 256\r\nlr0: 1e-2\r\noptimizer: auto\r\n"
READ = (
    "import json, sys, yaml\n"
    "from ultralytics.cfg import get_cfg\n"
    "options = vars(get_cfg(overrides=yaml.safe_load(open(sys.argv[1], encoding='utf-8'))))\n"
    "print(json.dumps({key: options[key] for key in sys.argv[2].split()}))\n"
)
WANTED = {
    "batch": 256, "lr0": 0.016, "optimizer": "SGD", "scale": 0.9, "mixup": 0.15, "copy_paste": 0.3, "epochs": 500,
    "warmup_epochs": 3.0,
}  # fmt: skip


@pytest.fixture
def packages(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with one release of ultralytics."""
    folder = tmp_path / "packages"
    with zipfile.ZipFile(wheel(f"ultralytics=={request.param}")) as archive:
        archive.extractall(folder)
    return folder


def read(interpreter: Path, packages: Path, config: Path) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "PYTHONPATH": str(packages), "YOLO_CONFIG_DIR": str(config.parent), "YOLO_OFFLINE": "true"}
    command = [interpreter, "-c", READ, config, " ".join(WANTED)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env, cwd=config.parent)


@pytest.mark.parametrize("packages", RELEASES, indirect=True)
def test_a_configuration_that_the_release_refuses_is_taken_once_it_is_fixed(
    torch_python: Path, packages: Path, tmp_path: Path
) -> None:
    config = tmp_path / "train.yaml"
    config.write_bytes(BAD.encode())
    refused = read(torch_python, packages, config)
    assert "'lr0=1e-2' is of invalid type str" in refused.stderr, refused.stderr

    options = ("--fix", "--unsafe-fixes", "--ignore", "model-unknown")  # 8.0.200 has no YOLOv10
    fixed = run_patchkit("audit", config, "--gpus", "8", *options, "--site-packages", packages)

    assert fixed.code == 0, fixed.out
    taken = read(torch_python, packages, config)
    assert taken.returncode == 0, taken.stderr
    values: dict[str, Any] = json.loads(taken.stdout.splitlines()[-1])
    assert values == WANTED


@pytest.mark.parametrize("packages", ["8.2.50", "8.4.190"], indirect=True)
def test_the_configuration_beside_a_model_yaml_is_taken(torch_python: Path, packages: Path, tmp_path: Path) -> None:
    model = tmp_path / "yolov10x.yaml"
    model.write_bytes((packages / "ultralytics/cfg/models/v10/yolov10x.yaml").read_bytes())
    target = ("--site-packages", packages)
    run_patchkit("audit", model, "--gpus", "8", "--batch", "256", "--fix", "--unsafe-fixes", *target)
    taken = read(torch_python, packages, tmp_path / "yolov10x.train.yaml")
    assert taken.returncode == 0, taken.stderr
    assert json.loads(taken.stdout.splitlines()[-1]) == WANTED
