"""Fixtures over real wheels and real environments.

Wheels come from the package registry through pip, once per machine, into PATCHKIT_TEST_CACHE (default: .cache in the
checkout). Where the registry cannot be reached, the tests that need a wheel fail with one line that says so.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.stand_in_wheels import sound

REPOSITORY = Path(__file__).parents[1]
CACHE = Path(os.environ.get("PATCHKIT_TEST_CACHE", REPOSITORY / ".cache"))
LOSS = "ultralytics/utils/loss.py"


@contextmanager
def held(lock: Path) -> Iterator[None]:
    """Several test processes share one cache; one of them fills it."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def wheel(requirement: str) -> Path:
    """The wheel of an exact requirement such as 'ultralytics==8.2.50', or of a bare name: the newest."""
    name, _, version = requirement.partition("==")
    stem = name.replace("-", "_")
    folder = CACHE / "wheels" / (version or "newest")
    with held(CACHE / f"{stem}-{version or 'newest'}.lock"):
        found = sorted(folder.glob(f"{stem}-*.whl"))
        if not found:
            done = subprocess.run(
                # Wheels are read, not installed here: a wheel for a newer Python does as well.
                [
                    *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--ignore-requires-python"),
                    *("--dest", str(folder), requirement),
                ],
                capture_output=True,
                text=True,
                check=False,
            )
            found = sorted(folder.glob(f"{stem}-*.whl"))
            if not found:
                last = (done.stderr.strip() or "no output").splitlines()[-1]
                pytest.fail(f"the package registry does not give {requirement}: {last}", pytrace=False)
    return found[-1]


@dataclass(frozen=True)
class Environment:
    """A virtual environment on disk."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin/python"

    @property
    def site(self) -> Path:
        return next(self.folder.glob("lib/python*/site-packages"))

    @property
    def loss(self) -> Path:
        return self.site / LOSS

    def info(self, name: str = "ultralytics") -> Path:
        return next(self.site.glob(f"{name}-*.dist-info"))

    def pip(self, *arguments: str | Path) -> None:
        checked([sys.executable, "-m", "pip", "--quiet", "--python", self.python, "--no-input", *arguments])


def checked(command: list[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done


def _base_environment(requirements: tuple[str, ...]) -> Path:
    wheels = [wheel(requirement) for requirement in requirements]
    name = "-".join(path.name.split("-py3")[0] for path in wheels) or "empty"
    folder = CACHE / "environments" / f"{name}-py{sys.version_info.major}.{sys.version_info.minor}"
    with held(folder.with_suffix(".lock")):
        if not (folder / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            checked([sys.executable, "-m", "venv", "--without-pip", folder])
            for path in wheels:
                Environment(folder).pip("install", "--no-deps", path)
            (folder / "ready").touch()
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> Callable[..., Environment]:
    """Builds a fresh environment with real wheels: environment('ultralytics==8.2.50')."""

    def build(*requirements: str, name: str = "env") -> Environment:
        folder = tmp_path / name
        shutil.copytree(_base_environment(requirements), folder, symlinks=True)
        return Environment(folder)

    return build


@pytest.fixture
def yolo(environment: Callable[..., Environment]) -> Environment:
    """An environment with ultralytics 8.2.50, which holds both sites."""
    return environment("ultralytics==8.2.50")


@pytest.fixture
def unpacked(tmp_path: Path) -> Callable[[str], Path]:
    """Unpacks a wheel into a folder as pip install --target would leave it, without bytecode."""

    def build(requirement: str) -> Path:
        folder = tmp_path / requirement.replace("==", "-")
        with zipfile.ZipFile(wheel(requirement)) as archive:
            archive.extractall(folder)
        return folder

    return build


@dataclass(frozen=True)
class Answer:
    """What one run of the command line gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads(self.out)
        return loaded

    @property
    def outcomes(self) -> list[str]:
        return [result["outcome"] for result in self.json["results"]]


def run_patchkit(*arguments: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> Answer:
    """Run the command line in a process of its own, as a user does."""
    environment = {**os.environ, **(env or {})}
    for name in ("PYTHONPATH", "VIRTUAL_ENV", "SOURCE_DATE_EPOCH"):
        if name not in (env or {}):
            environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-P" if sys.version_info >= (3, 11) else "-B", "-m", "patchkit", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment,
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def patchkit(tmp_path: Path) -> Callable[..., Answer]:
    """Runs the command line in an empty folder."""
    folder = tmp_path / "empty"
    folder.mkdir()

    def run(*arguments: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> Answer:
        return run_patchkit(*arguments, cwd=cwd or folder, env=env)

    return run


def snapshot(*folders: Path) -> dict[str, tuple[str, int, str]]:
    """Kind, mode and content hash of everything below the folders: what 'every byte as it was' means."""
    seen = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            status = path.lstat()
            if path.is_symlink():
                seen[str(path)] = ("link", 0, str(path.readlink()))
            elif path.is_file():
                seen[str(path)] = ("file", status.st_mode, hashlib.sha256(path.read_bytes()).hexdigest())
            else:
                seen[str(path)] = ("folder", status.st_mode, "")
    return seen


def without_bytecode(seen: dict[str, tuple[str, int, str]]) -> dict[str, tuple[str, int, str]]:
    """A snapshot without bytecode files, whose time stamps follow their source."""
    return {path: entry for path, entry in seen.items() if not path.endswith(".pyc")}


@pytest.fixture
def told(patchkit: Callable[..., Answer], tmp_path: Path) -> Callable[..., Answer]:
    """Runs the command on a log with this text."""

    def run_on(text: str | bytes, *arguments: str) -> Answer:
        log = tmp_path / "train.log"
        log.write_bytes(text if isinstance(text, bytes) else text.encode())
        return patchkit("diagnose", log, *arguments)

    return run_on


@pytest.fixture
def no_caches_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies in the caches of the machine, and on its library path, is none of the tests' business."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("CONDA_PKGS_DIRS", "")
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)


@pytest.fixture
def uv(tmp_path: Path) -> Callable[..., Environment]:
    """Environments that uv makes with hardlinks into one cache."""

    def build(name: str, *wheels: Path) -> Environment:
        env = Environment(tmp_path / name)
        checked([sys.executable, "-m", "uv", "venv", "--quiet", "--python", sys.executable, env.folder])
        install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--link-mode", "hardlink", "--no-deps"]
        checked([*install, "--python", env.python, *wheels])
        return env

    return build


@pytest.fixture
def cuda(environment: Callable[..., Environment], tmp_path: Path) -> Environment:
    env = environment()
    env.pip("install", "--no-deps", *sound(tmp_path / "wheels"))
    return env
