"""State folders that somebody else made, and states that only look right: nothing is believed, nothing is written."""

import hashlib
import importlib.util
import json
import os
import py_compile
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from patchkit.patching.siphash import source_hashes
from tests.conftest import LOSS, Answer, Environment, snapshot

ID = "yolov10-dfl"
METHOD = (
    "class A:\n    def bbox_decode(self, x):\n        b, a, c = x.shape\n"
    "        x = x.view(b, a, 4, c // 4).softmax(3).matmul(self.proj.type(x.dtype))\n        return x\n"
)
Run = Callable[..., Answer]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "loss.py").write_text(METHOD)
    return folder


def plant_journal(tree: Path, *entries: dict[str, object], kept: bytes = b"") -> None:
    journal = tree / ".patchkit/journal"
    journal.mkdir(parents=True)
    filled = [
        {"path": "", "after": None, "before": None, "link": None, "uid": 0, "gid": 0} | entry for entry in entries
    ]
    (journal / "journal.json").write_text(json.dumps(filled))
    (journal / "0").write_bytes(kept)


@pytest.mark.parametrize("command", [["status"], ["apply", ID], ["revert", "--all"]], ids=" ".join)
def test_a_journal_that_comes_with_a_checkout_writes_nothing_outside_it(
    command: list[str], tree: Path, tmp_path: Path, patchkit: Run
) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "keep").write_text("kept")
    (tree / "out").symlink_to(victim)
    sha256 = hashlib.sha256(b"kept").hexdigest()
    planted = hashlib.sha256(b"planted").hexdigest()
    plant_journal(
        tree, {"path": "out/new.pyc", "before": planted}, {"path": "out/keep", "after": sha256}, kept=b"planted"
    )
    before = snapshot(tmp_path)
    answer = patchkit(*command, "--path", tree)
    assert answer.code == 2
    assert "nothing is written outside" in answer.err
    assert snapshot(tmp_path) == before


def test_a_journal_that_keeps_other_bytes_than_it_says_is_refused(tree: Path, patchkit: Run) -> None:
    plant_journal(tree, {"path": "new.pyc", "before": "0" * 64}, kept=b"planted")
    before = snapshot(tree)
    answer = patchkit("status", "--path", tree)
    assert answer.code == 2
    assert "not the file that was kept" in answer.err
    assert snapshot(tree) == before


@pytest.mark.parametrize(
    "entry",
    [
        {"path": ".git/hooks/pre-commit"},
        {"path": "new.py"},
        {"path": "a-1.dist-info/RECORD"},
        {"path": "sub/a-1.dist-info/patchkit.json"},
        {"path": "loss.py", "uid": "x"},
        {"path": "loss.py", "uid": 1 << 40},
        {"path": "loss.py", "link": 5},
        {"path": "\ud800.pyc"},
    ],
    ids=str,
)
def test_a_journal_that_patchkit_cannot_have_written_is_refused(
    entry: dict[str, object], tree: Path, patchkit: Run
) -> None:
    plant_journal(tree, {"before": hashlib.sha256(b"planted").hexdigest()} | entry, kept=b"planted")
    before = snapshot(tree)
    answer = patchkit("status", "--path", tree)
    assert (answer.code, "is damaged" in answer.err) == (2, True)
    assert snapshot(tree) == before


def test_a_journal_that_is_a_link_is_refused(tree: Path, patchkit: Run) -> None:
    (tree / ".patchkit").mkdir()
    (tree / "kept").mkdir()
    (tree / ".patchkit/journal").symlink_to(tree / "kept")
    before = snapshot(tree)
    answer = patchkit("status", "--path", tree)
    assert (answer.code, "is a link" in answer.err) == (2, True)
    assert snapshot(tree) == before


def test_a_ledger_names_no_file_of_git(tree: Path, patchkit: Run) -> None:
    assert patchkit("apply", ID, "--path", tree).code == 0
    ledger = tree / ".patchkit/ledger.json"
    ledger.write_text(ledger.read_text().replace('"path": "loss.py"', '"path": ".git/config"'))
    answer = patchkit("revert", "--all", "--path", tree)
    assert (answer.code, "is damaged" in answer.err) == (2, True)


def test_unchecked_bytecode_made_after_the_patch_passes_verify(yolo: Environment, patchkit: Run) -> None:
    compiled = next((yolo.loss.parent / "__pycache__").glob("loss.*.pyc"))
    compiled.unlink()
    assert patchkit("apply", ID, "--python", yolo.python).code == 0
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(yolo.loss), str(compiled), invalidation_mode=mode)
    for words in (["verify"], ["verify", "--fast"]):
        assert patchkit(*words, "--python", yolo.python).code == 0


def test_the_hash_in_bytecode_is_that_of_this_python() -> None:
    for length in (0, 7, 8, 9, 1000):
        source = bytes(range(256))[: length % 256] * (length // 256 + 1)
        magic = importlib.util.MAGIC_NUMBER
        assert importlib.util.source_hash(source) in source_hashes(magic, source)


def test_the_pack_of_a_ledger_is_not_imported(tree: Path, tmp_path: Path, patchkit: Run) -> None:
    assert patchkit("apply", ID, "--path", tree).code == 0
    (tmp_path / "evil.py").write_text("raise SystemExit('executed')\n")
    ledger = tree / ".patchkit/ledger.json"
    ledger.write_text(ledger.read_text().replace("patchkit.patches", "evil.pack"))
    answer = patchkit("apply", ID, "--path", tree, env={"PYTHONPATH": str(tmp_path)})
    assert "executed" not in answer.out + answer.err
    assert answer.code == 0


def test_a_patch_in_a_folder_that_python_does_not_reach_is_not_called_applied(
    unpacked: Callable[[str], Path], patchkit: Run
) -> None:
    first, second = unpacked("ultralytics==8.1.34"), unpacked("ultralytics==8.2.50")
    assert patchkit("apply", ID, env={"PYTHONPATH": str(second)}).code == 0
    both = {"PYTHONPATH": f"{first}{os.pathsep}{second}"}

    assert patchkit("apply", ID, "--check", "--format", "json", env=both).outcomes == ["would-apply"]
    for words in (["verify"], ["verify", "--fast"]):
        assert patchkit(*words, env=both).code == 1

    answer = patchkit("apply", ID, "--format", "json", env=both)
    assert answer.outcomes == ["applied"]
    assert answer.json["results"][0]["target"]["version"] == "8.1.34"


@pytest.mark.parametrize("words", [["verify"], ["verify", "--fast"]], ids=" ".join)
def test_old_unchecked_bytecode_of_any_python_fails_verify(words: list[str], tree: Path, patchkit: Run) -> None:
    compiled = tree / "__pycache__/loss.cpython-311.pyc"
    py_compile.compile(
        str(tree / "loss.py"), str(compiled), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
    old = compiled.read_bytes()
    compiled.unlink()
    assert patchkit("apply", ID, "--path", tree).code == 0
    assert patchkit(*words, "--path", tree).code == 0
    for magic in (old[:4], (3425).to_bytes(2, "little") + b"\r\n"):  # this Python, and 3.9
        compiled.write_bytes(magic + old[4:])
        answer = patchkit(*words, "--path", tree)
        assert answer.code == 1
        assert "unchecked bytecode of other source" in answer.out


def test_a_file_of_a_patched_tree_is_seen_from_every_level(tmp_path: Path, patchkit: Run) -> None:
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    for name in ("one.py", "sub/two.py"):
        (tree / name).write_text(METHOD)
    assert patchkit("apply", ID, "--path", tree).code == 0
    for target in (tree, tree / "sub", tree / "sub/two.py"):
        assert patchkit("apply", ID, "--path", target, "--format", "json").outcomes == ["already-applied"]
        assert [item["state"] for item in patchkit("status", "--path", target, "--format", "json").json["patches"]] == [
            "applied"
        ]
    assert patchkit("revert", ID, "--path", tree / "sub").code == 0
    assert (tree / "sub/two.py").read_text() == METHOD
    assert (tree / "one.py").read_text() != METHOD
    assert patchkit("revert", "--all", "--path", tree).code == 0
    assert (tree / "one.py").read_text() == METHOD
    assert not (tree / ".patchkit").exists()


def test_a_folder_with_a_state_of_its_own_is_not_patched_over(tmp_path: Path, patchkit: Run) -> None:
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    for name in ("one.py", "sub/two.py"):
        (tree / name).write_text(METHOD)
    assert patchkit("apply", ID, "--path", tree / "sub/two.py").code == 0
    before = snapshot(tree)
    answer = patchkit("apply", ID, "--path", tree)
    assert answer.code == 2
    assert f"patchkit revert --all --path {tree}/sub" in answer.err
    assert snapshot(tree) == before


def test_a_name_that_is_not_utf8_is_patched_and_reverted(tmp_path: Path, patchkit: Run) -> None:
    folder = tmp_path / os.fsdecode(b"tree\xff")
    folder.mkdir()
    (folder / os.fsdecode(b"loss\xfe.py")).write_text(METHOD)
    for words in (["apply", ID], ["status"], ["verify"], ["revert", "--all"]):
        assert patchkit(*words, "--path", folder).code == 0
        assert patchkit(*words, "--path", folder, "--format", "json").code in (0, 1, 2)
    assert (folder / os.fsdecode(b"loss\xfe.py")).read_text() == METHOD


@pytest.mark.parametrize("closed", [1, 2])
def test_closed_streams_are_no_bug(closed: int, yolo: Environment) -> None:
    command = [sys.executable, "-m", "patchkit", "apply", ID, "--site-packages", str(yolo.site)]
    line = 'exec "$@" ' + ("1>&-" if closed == 1 else "2>&-")
    done = subprocess.run(["sh", "-c", line, "sh", *command], capture_output=True, text=True, cwd="/", check=False)
    assert (done.returncode, "Traceback" in done.stdout + done.stderr) == (0, False)
    assert "softmax(3) * " in (yolo.site / LOSS).read_text()
