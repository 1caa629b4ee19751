"""`diagnose` on what the real frameworks print when they fail, in the forms that a CPU has."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from framework_tests.conftest import SCRIPTS
from tests.conftest import run_patchkit

TORCH = {
    "label -1": ("label-outside-classes", "patchkit apply cross-entropy-ignore-index --path {script}"),
    "label too large": ("label-outside-classes", "patchkit check-data DATA --for crossentropy"),
    "sync_bn": ("sync-bn-on-cpu", "python -c"),
    "unused parameters": ("unused-parameters", "TORCH_DISTRIBUTED_DEBUG=DETAIL <your command>"),
    "flat box, retinanet": ("box-without-area", "patchkit check-data DATA --for torchvision"),
    "flat box, faster rcnn": ("box-without-area", "patchkit check-data DATA --for torchvision"),
    "label too large, retinanet": ("index-out-of-bounds", "patchkit apply retinanet-label-guard"),
    "label too large, faster rcnn": ("label-outside-classes", "patchkit check-data DATA --for torchvision"),
    "label too large, yolo": ("index-out-of-bounds", "patchkit check-data DATA --for ultralytics"),
    "unknown option": ("yolo-argument-unknown", "pip install --upgrade ultralytics"),
    "sync_bn option": ("yolo-argument-unknown", "patchkit apply ultralytics-sync-bn"),
}
PADDLE = {
    "label too large": ("paddle-label-out-of-range", "patchkit check-data DATA --for paddledetection"),
    "invalid bbox": ("paddle-invalid-bbox", "patchkit check-data DATA --for paddledetection"),
}


def log_of(python: Path, script: str, failure: str, folder: Path) -> Path:
    """What a failing script printed, both streams in one file."""
    env = {**os.environ, "YOLO_CONFIG_DIR": str(folder), "YOLO_OFFLINE": "true", "MPLCONFIGDIR": str(folder)}
    log = folder / "train.log"
    with log.open("wb") as file:
        command = [python, SCRIPTS / script, failure]
        subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, check=False, env=env, cwd=folder)
    return log


def diagnosed(log: Path) -> list[Any]:
    answer = run_patchkit("diagnose", log, "--format", "json")
    findings: list[Any] = answer.json["findings"]
    assert answer.code == (1 if findings else 0), answer.err
    return findings


@pytest.mark.parametrize("failure", TORCH)
def test_failures_of_torch_are_recognised(failure: str, torch_python: Path, tmp_path: Path) -> None:
    rule, command = TORCH[failure]
    log = log_of(torch_python, "failing_torch.py", failure, tmp_path)
    [finding] = diagnosed(log)
    assert finding["rule"] == rule, log.read_text()
    assert finding["commands"][0].startswith(command.format(script=SCRIPTS / "failing_torch.py"))


@pytest.mark.parametrize("failure", PADDLE)
def test_failures_of_paddle_are_recognised(failure: str, paddle_python: Path, tmp_path: Path) -> None:
    rule, command = PADDLE[failure]
    log = log_of(paddle_python, "failing_paddle.py", failure, tmp_path)
    [finding] = diagnosed(log)
    assert finding["rule"] == rule, log.read_text()
    assert finding["commands"][0] == command


@pytest.mark.parametrize("failure", ["own code", "no such file"])
def test_other_failures_of_torch_are_not(failure: str, torch_python: Path, tmp_path: Path) -> None:
    log = log_of(torch_python, "failing_torch.py", failure, tmp_path)
    assert "Traceback" in log.read_text()
    assert diagnosed(log) == []


def test_trainings_of_ultralytics_lead_to_their_own_data_and_options(torch_python: Path, tmp_path: Path) -> None:
    log = log_of(torch_python, "failing_torch.py", "ignored lr0", tmp_path)
    [finding] = diagnosed(log)
    config = tmp_path / "runs/ignored/args.yaml"
    assert (finding["rule"], finding["severity"]) == ("lr0-ignored", "warning"), log.read_text()
    assert finding["commands"] == [f"patchkit audit {config}"]
    assert "lr0" in run_patchkit("audit", config).out  # the command is one that audit takes

    log = log_of(torch_python, "failing_torch.py", "nan", tmp_path)
    first, *_ = diagnosed(log)
    assert first["rule"] == "loss-nan", log.read_text()
    assert "the loss is nan" in first["message"]
    assert first["commands"][0].startswith(("patchkit check-data 'data set/data.yaml'", "patchkit audit"))
