"""What several test files ask of an environment."""

import base64
import csv
import hashlib
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
