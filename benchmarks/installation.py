"""An installed patchkit to measure, and what one command takes. Standard library only."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from statistics import median

CHECKOUT = Path(__file__).parents[1]
# Users have bytecode: it is written at installation and at the first run, and so it is here.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "VIRTUAL_ENV")}
# At exec a process starts from the peak memory of its parent, so a bare interpreter has to be that parent.
# The usage that wait4 gives holds that of the child's own children.
LAUNCHER = """
import os, sys, time
null = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_WRONLY, 0) for stream in (1, 2)]
start = time.perf_counter()
_, status, usage = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=null), 0)
wall = time.perf_counter() - start
print(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss)
"""


@dataclass(frozen=True)
class Usage:
    """What one run of a command took, its children included."""

    cpu_ms: float  # user and system time
    wall_ms: float
    peak_mib: float


class Installation:
    """A virtual environment with patchkit, built from this checkout as a wheel."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        venv.create(folder / "env", symlinks=True, with_pip=True)
        self.python = folder / "env/bin/python"
        self.patchkit = folder / "env/bin/patchkit"
        self.pip("install", _copied_source(folder / "source"))

    def pip(self, command: str, *arguments: str | Path) -> None:
        quiet = ("-m", "pip", "-qq", "--disable-pip-version-check")
        subprocess.run([self.python, *quiet, command, *arguments], check=True, env=ENVIRONMENT)


@contextmanager
def installation() -> Iterator[Installation]:
    """One in a folder of its own, which is removed at the end."""
    with tempfile.TemporaryDirectory() as name:
        yield Installation(Path(name))


def measure(command: Sequence[str | Path], *, expected: int) -> Usage:
    """The CPU time and peak memory of one run.

    Raises   RuntimeError if the command exits otherwise than expected: nothing was measured then.
    """
    launch = [sys.executable, "-I", "-S", "-c", LAUNCHER, *map(str, command)]
    answer = subprocess.run(launch, check=True, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True).stdout
    code, cpu_s, wall_s, peak_kib = answer.split()
    if int(code) != expected:
        raise RuntimeError(f"exit code {code} instead of {expected}: {' '.join(map(str, command))}")
    return Usage(float(cpu_s) * 1000, float(wall_s) * 1000, float(peak_kib) / 1024)


def measure_in_turn(commands: Sequence[tuple[Sequence[str | Path], int]], rounds: int) -> list[Usage]:
    """The medians for each command, given with the exit code it must have.

    Every round runs all of them, so that a slow moment of the machine falls on all. A first round, which warms the
    disk cache and the bytecode, is not counted.
    """
    turns = [[measure(command, expected=code) for command, code in commands] for _ in range(rounds + 1)][1:]
    return [_medians(usages) for usages in zip(*turns, strict=True)]


def machine() -> str:
    """The machine in words, for the head of a table."""
    return f"Python {sysconfig.get_python_version()}, {os.cpu_count()} cores"


def _medians(usages: Sequence[Usage]) -> Usage:
    return Usage(*(median(values) for values in zip(*map(astuple, usages), strict=True)))


def _copied_source(folder: Path) -> Path:
    """A copy of what a build needs: a build leaves folders beside its source."""
    for name in ("patchkit", "patches"):
        shutil.copytree(CHECKOUT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, folder / name)
    return folder
