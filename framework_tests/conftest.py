"""Environments with a real framework, built once per machine in PATCHKIT_TEST_CACHE (default: .cache)."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CACHE, held

NEEDED = (
    *("torch==2.13.0", "ultralytics==8.4.190"),
    *("py-cpuinfo", "pandas", "seaborn", "setuptools<81", "thop", "tqdm"),  # of earlier releases
)


@pytest.fixture(scope="session")
def interpreter() -> Path:
    """A Python with torch and all that the releases of ultralytics import."""
    folder = CACHE / "frameworks" / "ultralytics"
    stamp = folder / "ready"
    with held(CACHE / "frameworks.lock"):
        if not stamp.exists() or stamp.read_text() != " ".join(NEEDED):
            uv = [sys.executable, "-m", "uv"]
            subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True)
            subprocess.run([*uv, "pip", "install", "--quiet", "--python", folder / "bin/python", *NEEDED], check=True)
            stamp.write_text(" ".join(NEEDED))
    return folder / "bin/python"
