"""Pythons with the real frameworks, and packages to patch that come before those of the environment."""

import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.frameworks import paddle_python, torch_python
from tests.conftest import run_patchkit, wheel


@pytest.fixture(scope="session", name="torch_python")
def torch_python_fixture() -> Path:
    return torch_python()


@pytest.fixture(scope="session", name="paddle_python")
def paddle_python_fixture() -> Path:
    return paddle_python()


@dataclass(frozen=True)
class Packages:
    """A folder of unpacked wheels, and the Python that runs them before its own."""

    folder: Path
    python: Path

    def apply(self, *ids: str) -> "Packages":
        """Patches this folder; fails unless every patch is applied."""
        done = run_patchkit("apply", *ids, "--site-packages", self.folder)
        assert done.code == 0, done.out + done.err
        return self

    def run(self, script: Path, *arguments: str | Path, cwd: Path) -> "subprocess.CompletedProcess[str]":
        """Runs a script in a process of its own; the folder comes first on its import path."""
        env = {
            **os.environ,
            "PYTHONPATH": str(self.folder),
            "YOLO_CONFIG_DIR": str(cwd),
            "YOLO_OFFLINE": "true",
            "MPLCONFIGDIR": str(cwd),
        }
        command = [self.python, script, *arguments]
        return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, env=env, cwd=cwd)


@pytest.fixture
def unpack(tmp_path: Path) -> Callable[..., Packages]:
    """Unpacks a wheel of an exact or the newest release: unpack('ultralytics==8.2.50', python, 'original')."""

    def build(requirement: str, python: Path, name: str) -> Packages:
        folder = tmp_path / name
        shutil.rmtree(folder, ignore_errors=True)
        with zipfile.ZipFile(wheel(requirement)) as archive:
            archive.extractall(folder)
        return Packages(folder, python)

    return build
