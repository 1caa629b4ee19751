"""`diagnose`: arguments, exit codes, and what it prints as text, JSON and SARIF."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.conftest import REPOSITORY, Answer
from tests.train_logs import RAISED, README, cublas

Run = Callable[..., Answer]


def test_json_has_the_keys_of_every_check_and_its_own(told: Callable[..., Answer]) -> None:
    answer = told(cublas("/home/me/yolov10"), "--format", "json").json
    assert list(answer) == ["schema", "command", "logs", "findings", "skipped", "counts", "last_traceback"]
    assert (answer["schema"], answer["command"]) == (1, "diagnose")
    [finding] = answer["findings"]
    assert list(finding) == [
        *("rule", "severity", "message", "location", "evidence", "fix", "why", "commands", "follows"),
    ]
    assert finding["location"]["line"] == 9
    assert finding["location"]["path"].endswith("train.log")
    assert "9: RuntimeError: CUDA error" in finding["evidence"]
    assert "bbox_decode" in finding["evidence"]
    assert "cuBLAS" in finding["why"]
    frames = answer["last_traceback"]["frames"]
    assert [frame["function"] for frame in frames] == ["<module>", "_do_train", "bbox_decode"]
    assert answer["last_traceback"]["error"].startswith("RuntimeError: CUDA error: CUBLAS")
    assert told("", "--format", "json").json["last_traceback"] is None


def test_sarif_holds_the_commands(told: Callable[..., Answer]) -> None:
    answer = told(cublas("/home/me/yolov10"), "--format", "sarif")
    assert answer.code == 1
    [result] = json.loads(answer.out)["runs"][0]["results"]
    assert result["ruleId"] == "cublas-gemv-refused"
    assert result["properties"]["commands"][0] == "patchkit apply yolov10-dfl --path /home/me/yolov10"


def test_stdin_and_what_cannot_be_read(patchkit: Run, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "patchkit", "diagnose", "-"],
        input=cublas("/x").encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout.startswith(b"<stdin>:9: error [cublas-gemv-refused]")
    for path in (tmp_path, tmp_path / "none.log"):
        answer = patchkit("diagnose", path)
        assert answer.code == 2
        assert f"patchkit: {path}: " in answer.err
        assert "hint: " in answer.err
    assert patchkit("diagnose").code == 2
    closed = [
        sys.executable,
        "-c",
        "import os, sys; os.close(0); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])",
    ]
    done = subprocess.run([*closed, "-m", "patchkit", "diagnose", "-"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "patchkit: <stdin>: it is closed")
    with Path(os.devnull).open("wb") as written:
        done = subprocess.run(
            [sys.executable, "-m", "patchkit", "diagnose", "-"],
            stdin=written,
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "patchkit: <stdin>: Bad file descriptor")


def test_a_log_that_is_named_twice_is_told_once(patchkit: Run, tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_text(cublas("/x"))
    assert patchkit("diagnose", log, log).out == patchkit("diagnose", log).out


def test_rules_and_patches_can_be_chosen(told: Callable[..., Answer]) -> None:
    log = cublas("/home/me/yolov10")
    assert "run: patchkit apply" not in told(log, "--ignore", "yolov10-dfl").out
    alone = told(log, "--select", "yolov10-dfl", "--format", "json").json
    assert [(one["rule"], one["commands"]) for one in alone["findings"]] == [
        ("yolov10-dfl", ["patchkit apply yolov10-dfl --path /home/me/yolov10"])
    ]
    assert "weighs" in alone["findings"][0]["why"] or alone["findings"][0]["why"]
    assert told(log, "--select", "loss-nan").code == 0
    answer = told(log, "--ignore", "loss-nam")
    assert (answer.code, "did you mean 'loss-nan'?" in answer.err) == (2, True)
    assert told(log, "--select", "zzz").code == 2


def test_a_note_alone_does_not_fail(told: Callable[..., Answer]) -> None:
    line = "optimizer: 'optimizer=auto' found, ignoring 'lr0=0.01' and 'momentum=0.937'\n"
    answer = told(line)
    assert answer.code == 0
    assert "note [lr0-ignored]" in answer.out
    assert "\nnotes aside, no known failure in " in answer.out
    assert told(line, "--fail-on", "note").code == 1


def test_control_characters_of_a_log_do_not_reach_the_terminal(told: Callable[..., Answer]) -> None:
    log = "\x1b]0;title\x07\x9b2J SyntaxError: 'a\x1b[31m\x07b' is not a valid YOLO argument.\n"
    for text in (told(log).out, told(RAISED.format("KeyError: '\x07\x1b]0;x\x07'")).out):
        assert all(letter.isprintable() or letter == "\n" for letter in text)


def test_the_example_of_the_readme_is_what_it_prints(patchkit: Run, tmp_path: Path) -> None:
    (tmp_path / "train.log").write_text(README)
    answer = patchkit("diagnose", "train.log", cwd=tmp_path)
    assert f"$ patchkit diagnose train.log\n{answer.out}" in (REPOSITORY / "README.md").read_text()
