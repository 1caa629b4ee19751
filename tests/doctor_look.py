"""How the tests of `doctor` look at an environment, and cure it as a user does."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import Answer, Environment
from tests.support import Patchkit

BIN = Path(sys.executable).parent
DRIVER = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  {}  Thu May 11 11:46:56 UTC 2023\nGCC version: gcc 12\n"
HARMLESS = {"patch-not-applied"}


def rules(answer: Answer) -> set[str]:
    """The rules that found more than a patch to apply."""
    return {finding["rule"] for finding in answer.json["findings"]} - HARMLESS


def look(patchkit: Patchkit, place: Environment | Path, *options: str | Path, **settings: Any) -> Answer:
    target = ("--python", place.python) if isinstance(place, Environment) else ("--site-packages", place)
    return patchkit("doctor", *target, "--format", "json", *options, **settings)


def only(answer: Answer, rule: str) -> dict[str, Any]:
    """The one finding that matters."""
    assert rules(answer) == {rule}, answer.out
    (found,) = (finding for finding in answer.json["findings"] if finding["rule"] == rule)
    assert answer.code == (0 if found["severity"] == "note" else 1)
    return dict(found)


def cure(command: str, *wheels: Path) -> None:
    """Run a command as a user types it, where the packages come from a folder."""
    folders = {str(path.parent) for path in wheels}
    settings = {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": " ".join(folders),
        "UV_NO_INDEX": "1",
        "UV_FIND_LINKS": " ".join(folders),
    }
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, env={**os.environ, **settings}
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def unprivileged(patchkit: Patchkit, env: Environment) -> Answer:
    """The look of a user whom permissions stop."""
    command = [sys.executable, "-m", "patchkit", "doctor", "--python", str(env.python), "--format", "json"]
    if os.geteuid() == 0:
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=env.folder)
    return Answer(done.returncode, done.stdout, done.stderr)


def machine(folder: Path, driver: str) -> Path:
    """The root of a file system with a driver."""
    place = folder / "proc/driver/nvidia/version"
    place.parent.mkdir(parents=True)
    place.write_text(DRIVER.format(driver))
    return folder


def toolkit(folder: Path, version: str, *, names: tuple[str, ...] = ("libcublas", "libcublasLt")) -> Path:
    """Libraries as the packages of NVIDIA lay them out: the name that is loaded is a link to the full one."""
    folder.mkdir(parents=True)
    for name in names:
        (folder / f"{name}.so.{version}").write_text(f"{name} {version}\n")
        (folder / f"{name}.so.12").symlink_to(f"{name}.so.{version}")
    return folder
