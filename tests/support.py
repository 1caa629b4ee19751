"""What several test files ask of an environment."""

import base64
import csv
import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.conftest import LOSS, REPOSITORY, Answer, Environment

Patchkit = Callable[..., Answer]
Build = Callable[..., Environment]
RELEASE, PATCH = "ultralytics==8.2.50", "yolov10-dfl"
NEWEST, TWIN = "ultralytics==8.4.190", "ultralytics-opencv-headless==8.4.190"
STRANGER = "dgenerate-ultralytics-headless==8.4.176"
STAND_IN = REPOSITORY / "patches/yolov10_dfl/examples/two_classes/before.py"
# Before a command: what runs in the background of a shell ignores interrupts, and so does all that it starts.
INTERRUPTIBLE = ["env", "--default-signal=INT"]
DEBIAN_PYTHON = Path("/usr/bin/python3")
# Kills its own process with SIGKILL just before the nth step that changes something below the root. Audit events are
# raised by the interpreter itself, so nothing of patchkit is replaced. Without a number it prints how many there are.
_KILLED = """
import os, signal, sys
root, last, sys.argv = sys.argv[1], int(sys.argv[2]), ["patchkit", *sys.argv[3:]]
CHANGING = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod", "os.chown", "os.utime", "os.symlink"}
seen = 0
def watch(event, args):
    global seen
    if event == "open":
        changing = args[1] is not None and set(str(args[1])) & set("wxa+")
    else:
        changing = event in CHANGING
    if changing and isinstance(args[0], (str, os.PathLike)) and os.fspath(args[0]).startswith(root):
        seen += 1
        if seen == last:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(watch)
from patchkit.cli import main
try:
    main()
finally:
    print("steps:", seen, file=sys.stderr)
"""


def rows(record: Path) -> dict[str, str]:
    """Every row of a RECORD as it is written, by the path that it is for."""
    lines = record.read_bytes().decode().splitlines(keepends=True)
    return {next(csv.reader([line]))[0]: line for line in lines}


def true_row(site: Path, path: str = LOSS) -> str:
    """What RECORD must say of a file, by the specification of the format."""
    data = (site / path).read_bytes()
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
    return f"{path},sha256={digest},{len(data)}"


def is_patched(file: Path) -> bool:
    return ".softmax(3) * self.proj.type(" in file.read_text()


def state(patchkit: Patchkit, *target: str | Path) -> tuple[int, list[str]]:
    answer = patchkit("status", *target, "--format", "json")
    return answer.code, [patch["state"] for patch in answer.json["patches"]]


def codes(patchkit: Patchkit, *target: str | Path) -> tuple[int, int]:
    """Exit codes of `verify` and `verify --fast`."""
    return patchkit("verify", *target).code, patchkit("verify", "--fast", *target).code


def assert_refused(answer: Answer, *words: str | Path) -> None:
    """Exit code 2, with a message that holds the words and a next step."""
    text = answer.out + answer.err
    assert answer.code == 2, text
    assert "hint: " in text
    assert not [word for word in words if str(word) not in text], text


def changing_steps(root: Path, *command: str | Path, last: int = 0) -> tuple[int, int]:
    """Exit code and number of changing steps of a command; killed before the step `last`."""
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, str(root), str(last), *map(str, command)],
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
    )
    _, mark, count = done.stderr.rpartition("steps:")
    return done.returncode, int(count) if mark else 0
