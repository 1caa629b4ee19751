"""`check-data --engine`: Dask and Ray give what the local processes give."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from benchmarks.frameworks import engines_python
from tests.data_sets import IMAGE, ROW, write, yolo

FILES = 6000  # more than two parts


@pytest.fixture(scope="module", name="data")
def data_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    files: dict[str, str | bytes] = {}
    for number in range(FILES):
        files[f"images/train/{number}.jpg"] = IMAGE
        files[f"labels/train/{number}.txt"] = ROW if number % 100 else "5 0.5 0.5 0.1 0.1\n"
    write(folder, files)
    return yolo(folder)


def checked(engine: str, data: Path) -> Any:
    command = [engines_python().parent / "patchkit", "check-data", data, "--engine", engine, "--format", "json"]
    env = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, env=env, cwd="/")
    assert done.returncode == 1, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("engine", ["dask", "ray"])
def test_an_engine_finds_and_counts_what_local_processes_do(engine: str, data: Path) -> None:
    report = checked(engine, data)
    assert report == checked("local", data)
    assert report["counts"]["error"] == FILES // 100
