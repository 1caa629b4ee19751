"""The command line as scripts meet it: exit codes, JSON keys, streams, bad arguments, and the wheel it comes in."""

import fcntl
import os
import pty
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LOSS, REPOSITORY, Answer, Environment, checked, held, wheel
from tests.support import INTERRUPTIBLE
from tests.test_refusals import refused, untouched

Run = Callable[..., Answer]
ID = "yolov10-dfl"
COMMANDS = ["list", "show", "explain", "apply", "revert", "status", "verify"]
SOURCE = """class Loss:
    def decode(self, logits):
        n, k, width = logits.shape
        logits = logits.view(n, k, 4, width // 4).softmax(3).matmul(self.proj.type(logits.dtype))
        return logits
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with one site."""
    root = tmp_path / "tree"
    root.mkdir()
    (root / "loss.py").write_text(SOURCE)
    return root


def patchkit_process(*arguments: str | Path, **options: Any) -> subprocess.Popen[bytes]:
    command = [*INTERRUPTIBLE, sys.executable, "-m", "patchkit", *map(str, arguments)]
    return subprocess.Popen(command, cwd="/", **options)


def holds_open(process: subprocess.Popen[bytes], path: Path) -> bool:
    for descriptor in Path(f"/proc/{process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it may be closed again
            if descriptor.readlink() == path:
                return True
    return False


# --- JSON and exit codes ---------------------------------------------------------------------------------------------


def keys(value: Any) -> Any:
    """The keys of a JSON value, in order, down to the first item of each list."""
    if isinstance(value, dict):
        return {key: keys(item) for key, item in value.items()}
    return [keys(item) for item in value[:1]] if isinstance(value, list) else type(value).__name__


def texts(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "str")


TARGET = texts("kind", "distribution", "version", "root")
SITES = [{"symbol": "str", "line": "int", "state": "str"}]
FILES = [{**texts("path", "before_sha256", "after_sha256"), "sites": SITES}]
RESULTS = [{**texts("patch", "version", "outcome"), "target": TARGET, "files": FILES, **texts("message", "hint")}]
STATES = [{**texts("patch", "version", "state"), "target": TARGET, "files": [texts("path", "state")]}]
CHECKS = [{**texts("patch", "check", "path"), "ok": "bool", **texts("message", "hint")}]


def test_every_step_on_an_installed_package_has_its_exit_code_and_its_json_keys(
    yolo: Environment, patchkit: Run
) -> None:
    def run(code: int, *words: str) -> dict[str, Any]:
        answer = patchkit(*words, "--python", yolo.python, "--format", "json")
        assert (answer.code, answer.err) == (code, "")
        assert (answer.json["schema"], answer.json["command"]) == (1, words[0])
        return answer.json

    def results(code: int, *words: str) -> dict[str, Any]:
        answer = run(code, *words)
        assert keys(answer) == {"schema": "int", "command": "str", "results": RESULTS}
        result: dict[str, Any] = answer["results"][0]
        assert result["target"] == {
            "kind": "distribution",
            "distribution": "ultralytics",
            "version": "8.2.50",
            "root": str(yolo.site),
        }
        return result

    with untouched(yolo.folder):
        assert run(0, "status")["patches"] == []
        assert run(1, "verify")["ok"] is False
        would = results(1, "apply", ID, "--check")
    applied = results(0, "apply", ID)
    assert (would["outcome"], applied["outcome"]) == ("would-apply", "applied")
    assert [site["state"] for site in would["files"][0]["sites"]] == ["pristine", "pristine"]
    assert [site["state"] for site in applied["files"][0]["sites"]] == ["applied", "applied"]
    hashes = [applied["files"][0][key] for key in ("path", "before_sha256", "after_sha256")]
    assert hashes == [would["files"][0][key] for key in ("path", "before_sha256", "after_sha256")]

    inode, mtime = yolo.loss.stat().st_ino, yolo.loss.stat().st_mtime_ns
    with untouched(yolo.folder):
        again = results(0, "apply", ID)
        assert results(0, "apply", ID, "--check")["outcome"] == "already-applied", "nothing is left to do"
        status = run(0, "status")
        assert keys(status) == {"schema": "int", "command": "str", "patches": STATES}
        for words in (["verify"], ["verify", ID, "--fast"]):
            verified = run(0, *words)
            assert keys(verified) == {
                "schema": "int",
                "command": "str",
                "fast": "bool",
                "ok": "bool",
                "checks": CHECKS,
            }
    assert again["outcome"] == "already-applied"
    assert again["files"][0]["before_sha256"] == again["files"][0]["after_sha256"] == hashes[2]
    assert (yolo.loss.stat().st_ino, yolo.loss.stat().st_mtime_ns) == (inode, mtime)
    assert status["patches"][0]["state"] == status["patches"][0]["files"][0]["state"] == "applied"

    reverted = results(0, "revert", ID)
    assert reverted["outcome"] == "reverted"
    assert [reverted["files"][0][key] for key in ("path", "after_sha256", "before_sha256")] == hashes


def test_list_names_every_patch_and_its_state(patchkit: Run) -> None:
    answer = patchkit("list", "--format", "json")
    assert (answer.code, answer.err) == (0, "")
    assert list(answer.json) == ["schema", "command", "patches"]
    assert answer.json["command"] == "list"
    folders = [path.parent.name for path in (REPOSITORY / "patches").glob("*/patch.yaml")]
    assert [patch["id"] for patch in answer.json["patches"]] == sorted(name.replace("_", "-") for name in folders)
    assert {tuple(patch) for patch in answer.json["patches"]} == {("id", "version", "title", "state")}
    lines = patchkit("list").out.splitlines()
    assert [line.split()[0] for line in lines] == [patch["id"] for patch in answer.json["patches"]]
    assert all(" not applied  " in line for line in lines)


def test_show_and_explain_print_the_room(patchkit: Run) -> None:
    readme = (REPOSITORY / "patches/yolov10_dfl/README.md").read_text()
    assert patchkit("explain", ID).out == readme
    shown = patchkit("show", ID)
    assert (shown.code, shown.err) == (0, "")
    for words in (
        "cublasSgemv",
        ">=8.0.235",
        f"{LOSS}::v8OBBLoss.bbox_decode",
        "/issues/151>",
        f"patchkit revert {ID}",
    ):
        assert words in shown.out


@pytest.mark.parametrize("command", [["apply", "no-such"], ["status"], ["verify"], ["revert", "--all"], ["list"]])
def test_a_failure_in_json_is_an_error_object_and_the_message_goes_to_stderr(
    command: list[str], patchkit: Run, tmp_path: Path
) -> None:
    info = tmp_path / "broken/broken-1.dist-info"
    info.mkdir(parents=True)
    (info / "entry_points.txt").write_text("[patchkit.packs]\nbroken = no_such_module\n")
    target = [] if command == ["list"] else ["--site-packages", tmp_path / "absent"]
    env = {"PYTHONPATH": str(info.parent)} if command == ["list"] else {}
    answer = patchkit(*command, *target, "--format", "json", env=env)
    assert answer.code == 2
    assert keys(answer.json) == {"schema": "int", "command": "str", "error": texts("message", "hint")}
    assert answer.json["command"] == command[0]
    error = answer.json["error"]
    assert answer.err == f"patchkit: {error['message']}\nhint: {error['hint']}\n"


def test_a_changed_file_makes_status_and_verify_exit_1(tree: Path, patchkit: Run) -> None:
    assert patchkit("apply", ID, "--path", tree).code == 0
    (tree / "loss.py").write_text(SOURCE + "# edited\n")
    for command in (["status"], ["verify"], ["verify", "--fast"], ["verify", ID]):
        answer = patchkit(*command, "--path", tree)
        assert (answer.code, answer.err) == (1, "")
        assert "drifted" in answer.out
    refused(patchkit("apply", ID, "--path", tree), "was edited after patchkit had applied")


def test_nothing_applied_is_told_by_revert_verify_and_status_each_in_its_way(tree: Path, patchkit: Run) -> None:
    with untouched(tree):
        refused(patchkit("revert", ID, "--path", tree), "no patch is applied in")
        refused(patchkit("revert", "--all", "--path", tree), "no patch is applied in")
        assert patchkit("verify", "--path", tree).code == 1
        assert patchkit("verify", ID, "--path", tree).code == 1
        assert patchkit("status", "--path", tree).code == 0


def test_warnings_go_to_stderr_and_stdout_holds_the_result_only(tree: Path, patchkit: Run) -> None:
    (tree / ".patchkit/journal").mkdir(parents=True)
    answer = patchkit("status", "--path", tree, "--format", "json")
    assert answer.json == {"schema": 1, "command": "status", "patches": []}
    assert answer.err == f"patchkit: undid a command that was killed in {tree}\n"


def test_an_interrupt_exits_130_and_writes_nothing(tree: Path) -> None:
    lock = os.open(tree, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with untouched(tree):
        process = patchkit_process("apply", ID, "--path", tree, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while process.poll() is None and not holds_open(process, tree):
            time.sleep(0.01)  # until it waits for the lock that this test holds
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    os.close(lock)
    assert (process.returncode, out, err) == (130, b"", b"patchkit: interrupted\n")


# --- arguments -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [*([name, "--bogus"] for name in COMMANDS), ["apply"], ["revert"], ["bogus"]])
def test_a_usage_error_exits_2_without_a_traceback(command: list[str], patchkit: Run) -> None:
    answer = patchkit(*command)
    assert (answer.code, answer.out) == (2, "")
    assert "Traceback" not in answer.err
    assert "Usage: patchkit" in answer.err or "hint: " in answer.err


@pytest.mark.parametrize("command", ["apply", "show", "explain", "verify"])
def test_an_unknown_id_is_refused_with_the_nearest_one(command: str, patchkit: Run) -> None:
    refused(patchkit(command, "yolov10-dlf"), "no patch is called 'yolov10-dlf'", "did you mean 'yolov10-dfl'?")


def test_of_two_ids_one_unknown_nothing_is_written(tree: Path, patchkit: Run) -> None:
    with untouched(tree):
        refused(patchkit("apply", ID, "no-such", "--path", tree), "no patch is called 'no-such'")
    assert patchkit("apply", ID, "--path", tree).code == 0
    with untouched(tree):
        refused(patchkit("apply", ID, "no-such", "--path", tree), "no patch is called 'no-such'")
        refused(patchkit("revert", ID, "no-such", "--path", tree), "no-such is not applied in")


@pytest.mark.parametrize("option", ["--site-packages", "--path", "--python"])
def test_a_target_that_does_not_exist_is_refused(option: str, patchkit: Run, tmp_path: Path) -> None:
    refused(patchkit("apply", ID, option, tmp_path / "absent"), str(tmp_path / "absent"))


def test_a_tree_inside_installed_packages_is_sent_to_site_packages(yolo: Environment, patchkit: Run) -> None:
    with untouched(yolo.folder):
        for place in (yolo.site, yolo.loss):
            refused(patchkit("apply", ID, "--path", place), f"--site-packages {yolo.site}")


def test_two_targets_together_are_refused(tree: Path, patchkit: Run) -> None:
    with untouched(tree):
        answer = patchkit("apply", ID, "--path", tree, "--site-packages", tree)
    refused(answer, "--python, --site-packages and --path exclude each other")


@pytest.mark.parametrize("script", ["exit 0", "echo garbage", r"printf '\377\376\0'", "exit 3", "kill -9 $$", None])
def test_a_file_that_is_no_python_is_refused(script: str | None, patchkit: Run, tmp_path: Path) -> None:
    executable = tmp_path / "python"
    executable.write_text(f"#!/bin/sh\n{script}\n")
    executable.chmod(0o755 if script else 0o644)
    refused(patchkit("apply", ID, "--python", executable), str(executable), "--python")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PATCHKIT_LOCK_TIMEOUT", "soon"),
        ("PATCHKIT_LOCK_TIMEOUT", "nan"),
        ("SOURCE_DATE_EPOCH", "soon"),
        ("SOURCE_DATE_EPOCH", "1.5"),
        ("SOURCE_DATE_EPOCH", "9" * 30),
    ],
)
def test_a_setting_that_is_no_number_of_seconds_is_refused(name: str, value: str, tree: Path, patchkit: Run) -> None:
    with untouched(tree):
        refused(patchkit("apply", ID, "--path", tree, env={name: value}), f"{name}='{value}'")


# --- output ----------------------------------------------------------------------------------------------------------


def git_applies(diff: bytes, folder: Path) -> None:
    subprocess.run(["git", "apply", "--verbose"], input=diff, cwd=folder, check=True)


def test_the_diff_of_an_installed_package_is_one_that_git_applies(yolo: Environment, patchkit: Run) -> None:
    with untouched(yolo.folder):
        answer = patchkit("apply", ID, "--python", yolo.python, "--diff")
        as_json = patchkit("apply", ID, "--python", yolo.python, "--diff", "--format", "json")
    assert answer.code == as_json.code == 1
    assert answer.out.startswith(f"--- a/{LOSS}\n+++ b/{LOSS}\n@@ ")
    assert as_json.json["results"][0]["files"][0]["diff"] == answer.out
    assert "would-apply" in answer.err, "the summary is not part of the diff"
    original = yolo.loss.read_bytes()
    assert patchkit("apply", ID, "--python", yolo.python).code == 0
    patched = yolo.loss.read_bytes()
    yolo.loss.write_bytes(original)
    git_applies(answer.out.encode(), yolo.site)
    assert yolo.loss.read_bytes() == patched


@pytest.mark.parametrize(
    "source",
    [
        SOURCE.replace("\n", "\r\n").encode(),
        SOURCE.removesuffix("        return logits\n").rstrip().encode(),
        SOURCE.replace("    def", "\f\n    # \x1c \u2028 \x85\n    def").encode(),
        ("# coding: latin-1\n" + SOURCE.replace("    def", "    # größe\n    def")).encode("latin-1"),
    ],
    ids=["CRLF", "no line end at the end", "separators that are no line ends", "latin-1"],
)
def test_the_diff_of_any_form_of_source_is_one_that_git_applies(source: bytes, tree: Path, patchkit: Run) -> None:
    (tree / "loss.py").write_bytes(source)
    with untouched(tree):
        process = patchkit_process(
            "apply", ID, "--path", tree, "--diff", stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        diff, _ = process.communicate()
    assert process.returncode == 1
    git_applies(diff, tree)
    by_git = (tree / "loss.py").read_bytes()
    (tree / "loss.py").write_bytes(source)
    assert patchkit("apply", ID, "--path", tree).code == 0
    assert (tree / "loss.py").read_bytes() == by_git


def test_help_and_version_go_to_stdout(patchkit: Run) -> None:
    version = patchkit("--version")
    assert (version.code, version.err) == (0, "")
    assert version.out.startswith("patchkit 0.")
    for words in (["-h"], ["--help"], *([command, "-h"] for command in COMMANDS)):
        answer = patchkit(*words)
        assert (answer.code, answer.err) == (0, "")
        assert answer.out.startswith("Usage: patchkit")
    assert all(f"  {command} " in patchkit("-h").out for command in COMMANDS)


def test_no_colour_and_no_control_codes_are_printed(tree: Path, patchkit: Run) -> None:
    lines = [
        ["-h"],
        ["list"],
        ["show", ID],
        ["apply", "--bogus"],
        ["apply", "no-such"],
        ["status", "--path", str(tree)],
    ]
    for words in lines:
        answer = patchkit(*words, env={"GITHUB_ACTIONS": "true", "TERM": "xterm-256color"})
        assert "\x1b" not in answer.out + answer.err
    for words in (["-h"], ["apply", "--bogus"], ["list"]):
        ours, theirs = pty.openpty()
        process = patchkit_process(*words, stdout=theirs, stderr=theirs, env={**os.environ, "NO_COLOR": "1"})
        os.close(theirs)
        assert b"\x1b" not in os.read(ours, 1 << 16)
        process.wait()
        os.close(ours)


@pytest.mark.parametrize("words", [["show", ID], ["list"], ["-h"], ["--version"]])
def test_a_reader_that_goes_away_causes_no_traceback(words: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = patchkit_process(*words, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert process.communicate()[1] == b""
    assert process.returncode in (1, 2)


@pytest.mark.parametrize("words", [["show", ID], ["--version"]])
def test_a_full_disk_behind_stdout_is_a_known_failure(words: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        process = patchkit_process(*words, stdout=full, stderr=subprocess.PIPE)
    err = process.communicate()[1].decode()
    assert "Traceback" not in err
    assert "No space left on device" in err
    assert process.returncode == 2


# --- the distribution ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Built:
    """A copy of the checkout, and what was built from it."""

    source: Path
    wheel: Path
    sdist: Path


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Built once for all test processes, from a copy: a build leaves folders beside the source."""
    base = tmp_path_factory.getbasetemp()
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "built"
    with held(root.with_suffix(".lock")):
        if not (root / "ready").exists():  # or a process failed half-way
            shutil.rmtree(root, ignore_errors=True)
            listed = checked(["git", "-C", REPOSITORY, "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            for name in filter(None, listed.stdout.split("\0")):
                if (REPOSITORY / name).is_file():
                    (root / "source" / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(REPOSITORY / name, root / "source" / name)
            pip: list[str | Path] = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
            checked([*pip, "--wheel-dir", root / "dist", root / "source"])
            checked([sys.executable, "-m", "uv", "build", "--sdist", "--out-dir", root / "dist", root / "source"])
            (root / "ready").touch()
    (found,), (sdist,) = (sorted((root / "dist").glob(pattern)) for pattern in ("*.whl", "*.tar.gz"))
    return Built(root / "source", found, sdist)


def test_the_wheel_holds_every_file_of_the_package(built: Built) -> None:
    files = {
        path.relative_to(built.source).as_posix()
        for path in (built.source / "patchkit").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert "patchkit/recipes/yolov10.yaml" in files
    assert files <= set(zipfile.ZipFile(built.wheel).namelist())


def test_wheel_and_sdist_hold_every_file_of_every_room(built: Built) -> None:
    rooms = {
        path.relative_to(built.source / "patches").as_posix()
        for path in (built.source / "patches").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {"yolov10_dfl/patch.yaml", "yolov10_dfl/codemod.py", "yolov10_dfl/README.md"} < rooms
    assert {f"yolov10_dfl/examples/method/{name}.py" for name in ("before", "after")} < rooms
    in_wheel = zipfile.ZipFile(built.wheel).namelist()
    with tarfile.open(built.sdist) as archive:
        in_sdist = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"patchkit/patches/{name}" for name in rooms} <= set(in_wheel)
    assert {f"patches/{name}" for name in rooms} <= in_sdist
    assert {"LICENSE", "README.md", "pyproject.toml", "patchkit/py.typed"} <= in_sdist
    assert {name.partition("/")[0].partition("-")[0] for name in in_wheel} == {"patchkit", "patchkit_cv"}


def test_a_wheel_in_an_environment_patches_it_and_a_foreign_patchkit_over_it_is_told_apart(
    built: Built, yolo: Environment
) -> None:
    def run(*words: str) -> Answer:
        env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV", "VIRTUAL"))}
        command = [str(yolo.folder / "bin/patchkit"), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=yolo.folder, env=env)
        return Answer(done.returncode, done.stdout, done.stderr)

    checked([sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", yolo.python, built.wheel])

    def states() -> dict[str, str]:
        return {patch["id"]: patch["state"] for patch in run("list", "--format", "json").json["patches"]}

    assert set(states().values()) == {None}, "every room is in the wheel"
    assert len(states()) == len(list((REPOSITORY / "patches").glob("*/patch.yaml")))
    assert run("apply", ID).code == 0
    assert states()[ID] == "applied"
    assert run("verify").code == 0
    assert run("revert", ID).code == 0

    yolo.pip("install", "--no-deps", wheel("patchkit==0.2.0"))
    refused(run("list"), "another distribution named 'patchkit'", "pip uninstall patchkit patchkit-cv")
    yolo.pip("uninstall", "--yes", "patchkit")
    refused(run("list"), "pip uninstall patchkit patchkit-cv && pip install patchkit-cv")
