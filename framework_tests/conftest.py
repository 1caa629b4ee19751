"""Pythons with the real frameworks, and packages to patch that come before those of the environment."""

import json
import os
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.frameworks import paddle_python, torch_python
from tests.conftest import run_patchkit, wheel

SCRIPTS = Path(__file__).parent / "scripts"
Measure = Callable[[str, float], None]
_MEASURED: dict[str, float] = {}  # the greatest of each


@pytest.fixture(scope="session")
def measure() -> Measure:
    """Keeps the greatest difference of each kind; they are printed at the end, and the README quotes them."""

    def keep(what: str, difference: float) -> None:
        _MEASURED[what] = max(difference, _MEASURED.get(what, 0.0))

    return keep


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _MEASURED:
        terminalreporter.section("greatest differences between original and patched")
        for what, difference in sorted(_MEASURED.items()):
            terminalreporter.write_line(f"{what}: {difference:.1e}")


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

    def run(self, script: str, *arguments: str | Path, cwd: Path) -> "subprocess.CompletedProcess[str]":
        """Runs one of scripts/ in a process of its own; the folder comes first on its import path."""
        cwd.mkdir(parents=True, exist_ok=True)
        env = {
            **os.environ,
            "PYTHONPATH": str(self.folder),
            "YOLO_CONFIG_DIR": str(cwd),
            "YOLO_OFFLINE": "true",
            "MPLCONFIGDIR": str(cwd),
        }
        command = [self.python, SCRIPTS / script, *arguments]
        return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, env=env, cwd=cwd)

    def answer(self, script: str, *arguments: str | Path, cwd: Path) -> Any:
        """The JSON document that a script prints as its last line."""
        done = self.run(script, *arguments, cwd=cwd)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def verify_numerics(self) -> Any:
        """What `verify --numerics --format json` says of the patches of this folder."""
        done = run_patchkit(
            *("verify", "--numerics", "--format", "json", "--site-packages", self.folder, "--python", self.python)
        )
        assert done.code in (0, 1), done.err
        return [check for check in done.json["checks"] if check["check"] == "numerics"]


def unpacked(requirement: str, python: Path, folder: Path) -> Packages:
    """The wheel of an exact release or of the newest, unpacked into a folder."""
    with zipfile.ZipFile(wheel(requirement)) as archive:
        archive.extractall(folder)
    return Packages(folder, python)
