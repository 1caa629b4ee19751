"""`doctor` on targets that are none, and on files that are damaged: it refuses or skips, and claims nothing."""

from pathlib import Path

import pytest

from patchkit.doctor.run import PACKAGE
from patchkit.rule import load_rules
from tests.conftest import Environment, wheel
from tests.doctor_look import look, only, rules, unprivileged
from tests.support import RELEASE, Patchkit, assert_refused

pytestmark = pytest.mark.usefixtures("no_caches_of_this_machine")


def test_targets_that_are_no_environment_are_refused(patchkit: Patchkit, tmp_path: Path) -> None:
    empty = tmp_path / "site"
    empty.mkdir()
    assert_refused(patchkit("doctor", "--site-packages", tmp_path / "absent"), "no such folder")
    assert_refused(patchkit("doctor", "--site-packages", empty), "no package is installed there")
    assert_refused(patchkit("doctor", "--python", tmp_path / "absent"), "no Python interpreter")
    assert_refused(patchkit("doctor", "--path", tmp_path), "a source tree has none")
    assert_refused(patchkit("doctor", "--root", tmp_path / "absent"), "--root", "no such folder")
    assert_refused(patchkit("doctor", "--select", "opencv-twise"), "did you mean 'opencv-twice'?")
    everything = [word for rule in load_rules(PACKAGE) for word in ("--ignore", rule.id)]
    assert_refused(patchkit("doctor", *everything), "no rule is left")
    assert patchkit("doctor", "--site-packages", empty, "--format", "json").json["command"] == "doctor"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ('echo "cannot open $2: File name too long" >&2; exit 2', "it takes Python code for something else"),
        ("printf 'x%.0s' $(seq 5000) >&2; exit 2", "it takes Python code for something else"),
        ("echo one; echo no such option; exit 2", "answers: no such option"),
    ],
    ids=["tells the code", "tells much", "tells an error"],
)
@pytest.mark.parametrize("command", ["doctor", "status"])
def test_a_program_that_is_no_python_is_refused_in_one_line(
    command: str, script: str, words: str, patchkit: Patchkit, tmp_path: Path
) -> None:
    program = tmp_path / "ls"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    refused = patchkit(command, "--python", program)
    assert_refused(refused, f"{program} is not a Python 3.6 or newer that answers", words)
    assert [line.partition(": ")[0] for line in refused.err.splitlines()] == ["patchkit", "hint"]


DAMAGED = [
    "torch-2.1.0.dist-info/METADATA",
    "torch/version.py",
    "ultralytics-8.2.50.dist-info/RECORD",
    "ultralytics-8.2.50.dist-info/direct_url.json",
]


NEXT_STEPS = (
    "; reinstall torch",
    "; reinstall ultralytics",
    "; reinstall the package",
    "; install it anew with pip",
    "; run as a user who may read it",
)


@pytest.mark.parametrize("damage", ["empty", "binary", "link to nowhere", "folder", "unreadable"])
@pytest.mark.parametrize("file", DAMAGED)
def test_files_that_are_damaged_are_told_and_nothing_is_claimed(
    file: str, damage: str, cuda: Environment, patchkit: Patchkit, tmp_path: Path
) -> None:
    cuda.pip("install", "--no-deps", wheel(RELEASE))
    path = cuda.site / file
    path.unlink(missing_ok=True)
    if damage == "link to nowhere":
        path.symlink_to(tmp_path / "nowhere")
    elif damage == "folder":
        path.mkdir()
    else:
        path.write_bytes({"empty": b"", "binary": b'\xff\x00\x1b[31m,"\n\x80'}.get(damage, b"x"))
    if damage == "unreadable":
        path.chmod(0)
        answer = unprivileged(patchkit, cuda)
    else:
        answer = look(patchkit, cuda)
    assert (answer.code, rules(answer)) == (0, set()), answer.out + answer.err
    assert "Traceback" not in answer.err
    harmless = file.endswith("version.py") and damage == "link to nowhere"
    harmless = harmless or (file.endswith("direct_url.json") and damage == "link to nowhere")
    told = [skipped["reason"] for skipped in answer.json["skipped"] if file.rpartition("/")[2] in skipped["reason"]]
    assert told or harmless, answer.out
    assert not [reason for reason in told if not reason.endswith(NEXT_STEPS)], answer.out


def test_the_next_step_after_what_could_not_be_looked_at_is_in_every_format(
    yolo: Environment, patchkit: Patchkit
) -> None:
    record = yolo.info() / "RECORD"
    record.write_text("one,two\n")
    reason = f"{record} is damaged: 2 fields instead of 3 in 'one,two'; reinstall ultralytics"
    (skipped,) = look(patchkit, yolo, "--select", "record-differs").json["skipped"]
    assert skipped == {"rule": "record-differs", "reason": reason}
    select = ("--select", "record-differs", "--python", yolo.python)
    assert f"skipped [record-differs] {reason}\n" in patchkit("doctor", *select).out
    (run,) = patchkit("doctor", *select, "--format", "sarif").json["runs"]
    assert run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"] == reason


def test_a_record_of_many_rows_and_odd_names_is_no_trouble(yolo: Environment, patchkit: Patchkit) -> None:
    record = yolo.info() / "RECORD"
    more = "".join(f"ultralytics/part/file_{number}.py,sha256=abc,{number}\n" for number in range(20_000))
    odd = '"ultralytics/a,""b"".py",sha256=abc_-,3\nultralytics/\x1b[31m.py,sha256=abc,1\n'
    record.write_text(record.read_text() + more + odd)
    answer = look(patchkit, yolo)
    assert "file_2.py, and 19999 more are not there" in only(answer, "record-differs")["message"]
