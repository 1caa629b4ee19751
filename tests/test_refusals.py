"""Bad targets: the designed exit code, one message with a next step, no traceback, and every byte as it was.

Here: drifted files, file systems that say no, damaged state. Bad arguments stand in test_command_line.py, source that
Python cannot read in test_trees.py.
"""

import ast
import fcntl
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from patchkit.errors import WriteFailed
from patchkit.patching.journal import Change
from patchkit.patching.transaction import commit
from tests.conftest import LOSS, Answer, Environment, run_patchkit, snapshot, without_bytecode

Run = Callable[..., Answer]
Rewrite = Callable[[bytes], bytes]
ID, STATE, NOBODY = "yolov10-dfl", ".patchkit", 65534
UNPACK, PROJECT = b"b, a, c = pred_dist.shape", b".softmax(3).matmul(self.proj.type(pred_dist.dtype))"
# A user without privileges: uid 0 that has lost every capability. It owns the interpreter and the checkout, as a user
# does, so nothing has to be opened to the world; files of other owners and their modes bind it.
UNPRIVILEGED = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
# The first words after the script are for mount; the rest is the command. The mounts go with the process.
READ_ONLY = ["unshare", "-m", "sh", "-c", 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"']
ONE_FILE = ["unshare", "-m", "sh", "-c", 'mount --bind "$1" "$0" && shift && exec "$@"']


@contextmanager
def untouched(*folders: Path) -> Iterator[None]:
    """Every byte, mode and name below the folders stays; so no state folder is left behind either."""
    before = snapshot(*folders)
    yield
    assert snapshot(*folders) == before


def refused(answer: Answer, *words: str) -> None:
    """Exit code 2, and one message that holds these words and ends with one next step."""
    assert answer.code == 2, answer
    assert "Traceback" not in answer.err, answer.err
    assert not (answer.out and answer.err), "the message is told on one stream"
    told = answer.out or answer.err
    assert told.count("hint: ") == 1, told
    assert told.splitlines()[-1].strip().startswith("hint: "), told
    assert [word for word in words if word not in told] == [], told


@pytest.fixture
def behind(tmp_path: Path) -> Run:
    """Runs the command line behind another command; one clear line where that command is not permitted."""

    def run(prefix: list[str], *arguments: str | Path) -> Answer:
        probe = subprocess.run([*prefix, "true"], capture_output=True, text=True, check=False)
        if os.geteuid() != 0 or probe.returncode != 0:
            pytest.fail(f"this test needs to be root, at least of a container: {prefix[0]}: {probe.stderr}", False)
        command = [*prefix, sys.executable, "-m", "patchkit", *map(str, arguments)]
        environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
        return Answer(done.returncode, done.stdout, done.stderr)

    return run


# --- what cannot be found --------------------------------------------------------------------------------------------


def test_a_package_that_is_not_installed_is_not_applicable(
    environment: Callable[..., Environment], patchkit: Run
) -> None:
    env = environment()
    with untouched(env.folder):
        refused(patchkit("apply", ID, "--python", env.python), "not-applicable", "ultralytics is not installed in")


def test_a_version_outside_the_range_is_not_applicable(unpacked: Callable[[str], Path], patchkit: Run) -> None:
    site = unpacked("ultralytics==0.0.44")
    with untouched(site):
        refused(patchkit("apply", ID, "--site-packages", site), "not-applicable", "ultralytics 0.0.44 is outside")


def test_a_package_inside_a_zip_on_the_path_is_refused(
    environment: Callable[..., Environment], yolo: Environment, patchkit: Run, tmp_path: Path
) -> None:
    env, archive = environment(name="zipped"), tmp_path / "bundle.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in (yolo.loss, yolo.info() / "METADATA"):
            file.write(path, path.relative_to(yolo.site))
    (env.site / "bundle.pth").write_text(f"{archive}\n")
    before = archive.read_bytes()
    with untouched(env.folder):
        refused(patchkit("apply", ID, "--python", env.python), f"{archive} holds it inside a zip archive")
    assert archive.read_bytes() == before


# --- drift: five edits by hand ---------------------------------------------------------------------------------------


def rename_variable(source: bytes) -> bytes:
    return source.replace(UNPACK, b"b, a, channels = pred_dist.shape").replace(b"4, c // 4)", b"4, channels // 4)")


def add_statement(source: bytes) -> bytes:
    at = source.index(b"\n", source.index(UNPACK)) + 1
    return source[:at] + b"            anchors = a\n" + source[at:]


def change_reduction(source: bytes) -> bytes:
    return source.replace(PROJECT, PROJECT.replace(b"3", b"2"), 1)


def remove_method(source: bytes) -> bytes:
    classes = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}
    methods = [node for node in classes["v8DetectionLoss"].body if isinstance(node, ast.FunctionDef)]
    method = next(node for node in methods if node.name == "bbox_decode")
    lines = source.splitlines(keepends=True)
    return b"".join(lines[: method.lineno - 1] + lines[method.end_lineno :])


def fix_by_hand(source: bytes) -> bytes:
    fixed = PROJECT.replace(b".matmul(", b" * ").removesuffix(b")") + b".view(1, 1, 1, -1)).sum(3)"
    return source.replace(b" pred_dist.view(b, a, 4, c // 4)" + PROJECT, b" (pred_dist.view(b, a, 4, c // 4)" + fixed)


def edit(file: Path, change: Rewrite) -> None:
    before = file.read_bytes()
    file.write_bytes(change(before))
    assert file.read_bytes() != before
    compile(file.read_bytes(), file, "exec")


@pytest.mark.parametrize("change", [rename_variable, add_statement, change_reduction, remove_method, fix_by_hand])
def test_a_file_edited_by_hand_is_a_conflict(change: Rewrite, yolo: Environment, patchkit: Run) -> None:
    edit(yolo.loss, change)
    with untouched(yolo.folder):
        answer = patchkit("apply", ID, "--python", yolo.python)
    refused(answer, "conflict", "ultralytics 8.2.50", LOSS, "RECORD of ultralytics 8.2.50", "ultralytics==8.2.50")
    assert (change is fix_by_hand) == ("the fix is there already, but not from patchkit" in answer.out)


@pytest.mark.parametrize("change", [rename_variable, add_statement])
def test_with_drift_allowed_an_edit_beside_the_core_is_patched_and_revert_brings_the_edit_back(
    change: Rewrite, yolo: Environment, patchkit: Run
) -> None:
    edit(yolo.loss, change)
    before = without_bytecode(snapshot(yolo.folder))
    answer = patchkit("apply", ID, "--python", yolo.python, "--allow-drift", "--format", "json")
    assert (answer.code, answer.outcomes, answer.err) == (0, ["applied"], "")
    assert f"untested form: v8DetectionLoss.bbox_decode ({LOSS}:" in answer.json["results"][0]["message"]
    assert yolo.loss.read_bytes().count(b" * self.proj.type(pred_dist.dtype).view(1, 1, 1, -1)).sum(3)\n") == 2
    assert patchkit("verify", "--python", yolo.python).code == 0
    assert patchkit("revert", ID, "--python", yolo.python).code == 0
    assert without_bytecode(snapshot(yolo.folder)) == before


@pytest.mark.parametrize("change", [change_reduction, remove_method])
def test_with_drift_allowed_another_meaning_is_still_a_conflict(
    change: Rewrite, yolo: Environment, patchkit: Run
) -> None:
    edit(yolo.loss, change)
    with untouched(yolo.folder):
        answer = patchkit("apply", ID, "--python", yolo.python, "--allow-drift")
    refused(answer, "conflict", "v8DetectionLoss.bbox_decode", LOSS, "ultralytics==8.2.50")


def test_with_drift_allowed_a_fix_by_hand_is_upstreamed(yolo: Environment, patchkit: Run) -> None:
    edit(yolo.loss, fix_by_hand)
    with untouched(yolo.folder):
        answer = patchkit("apply", ID, "--python", yolo.python, "--allow-drift", "--format", "json")
    assert (answer.code, answer.outcomes, answer.err) == (0, ["upstreamed"], "")


@pytest.mark.parametrize(
    ("change", "failed", "hint"),
    [
        (add_statement, "`B, A, C = X.shape` is the statement right before", "--diff --allow-drift"),
        (change_reduction, "`.softmax(3)` runs over the bins", "--force-reinstall --no-deps 'ultralytics==8.2.50'"),
    ],
)
def test_a_conflict_shows_place_failed_precondition_nearest_match_and_next_command(
    change: Rewrite, failed: str, hint: str, yolo: Environment, patchkit: Run
) -> None:
    edit(yolo.loss, change)
    lines = yolo.loss.read_text().splitlines()
    line = next(number for number, text in enumerate(lines, 1) if ").matmul(self.proj.type(" in text)
    refused(
        patchkit("apply", ID, "--site-packages", yolo.site),
        f"ultralytics 8.2.50: v8DetectionLoss.bbox_decode has drifted ({LOSS}:{line})",
        f"precondition failed: {failed}",
        f"nearest match: {lines[line - 1].partition(' = ')[2]}\n",
        hint,
    )


# --- a file system that says no --------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", [".", "ultralytics/utils", "ultralytics/utils/__pycache__", "*.dist-info"])
def test_a_read_only_directory_is_refused(folder: str, yolo: Environment, behind: Run) -> None:
    place = next(yolo.site.glob(folder)) if "*" in folder else yolo.site / folder
    place.chmod(0o555)
    with untouched(yolo.site):
        answer = behind(UNPRIVILEGED, "apply", ID, "--site-packages", yolo.site)
    refused(answer, f"{place}: not permitted for uid", "run as the owner of the files")


def test_a_file_of_another_owner_is_refused(yolo: Environment, behind: Run) -> None:
    os.chown(yolo.loss, NOBODY, NOBODY)
    with untouched(yolo.site):
        answer = behind(UNPRIVILEGED, "apply", ID, "--site-packages", yolo.site)
    assert (yolo.loss.stat().st_uid, yolo.loss.stat().st_gid) == (NOBODY, NOBODY)
    refused(answer, f"{yolo.loss}: not permitted for uid", "run as the owner of the files")


@pytest.mark.parametrize("option", ["--site-packages", "--path", "--python"])
def test_a_target_behind_a_folder_that_may_not_be_entered_is_refused(option: str, tmp_path: Path, behind: Run) -> None:
    closed = tmp_path / "closed"
    (closed / "inside").mkdir(parents=True)
    closed.chmod(0o700)
    os.chown(closed, NOBODY, NOBODY)
    with untouched(tmp_path):
        refused(behind(UNPRIVILEGED, "apply", ID, option, closed / "inside"), str(closed / "inside"))


def test_a_tree_below_a_folder_that_may_not_be_listed_is_searched(tmp_path: Path, behind: Run) -> None:
    tree = tmp_path / "unlisted/tree"
    tree.mkdir(parents=True)
    tree.parent.chmod(0o711)
    os.chown(tree.parent, NOBODY, NOBODY)
    refused(behind(UNPRIVILEGED, "apply", ID, "--path", tree), "not-applicable", str(tree))


def test_a_file_that_may_not_be_read_is_refused(yolo: Environment, behind: Run) -> None:
    yolo.loss.chmod(0)
    with untouched(yolo.site):
        refused(behind(UNPRIVILEGED, "apply", ID, "--site-packages", yolo.site), f"{yolo.loss} cannot be read")


def test_a_read_only_file_system_is_refused_and_can_be_verified(yolo: Environment, patchkit: Run, behind: Run) -> None:
    read_only, target = [*READ_ONLY, str(yolo.site)], ["--site-packages", yolo.site]
    with untouched(yolo.site):
        refused(behind(read_only, "apply", ID, *target), f"{yolo.site}", "is on a read-only file system")
    assert patchkit("apply", ID, *target).code == 0
    with untouched(yolo.site):
        refused(behind(read_only, "revert", ID, *target), "is on a read-only file system")
        for command in (["verify"], ["verify", "--fast"], ["status"], ["apply", ID]):
            assert behind(read_only, *command, *target).code == 0


def test_a_bind_mounted_single_file_is_refused(yolo: Environment, behind: Run, tmp_path: Path) -> None:
    source = tmp_path / "loss.py"
    source.write_bytes(yolo.loss.read_bytes())
    with untouched(yolo.site, source.parent):
        answer = behind([*ONE_FILE, str(yolo.loss), str(source)], "apply", ID, "--site-packages", yolo.site)
    refused(answer, f"{yolo.loss} is a mount point", "mount its folder instead of the single file")


@pytest.mark.parametrize("command", ["apply", "revert"])
def test_a_lock_held_by_another_process_is_refused(command: str, patched_tree: Path, patchkit: Run) -> None:
    words = [command, ID, "--path", patched_tree]
    if command == "apply":
        assert patchkit("revert", "--all", "--path", patched_tree).code == 0
    descriptor = os.open(patched_tree, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with untouched(patched_tree):
        answer = patchkit(*words, env={"PATCHKIT_LOCK_TIMEOUT": "0.2"})
    os.close(descriptor)
    refused(answer, f"{patched_tree} is locked by another patchkit process; waited 0.2 s", "PATCHKIT_LOCK_TIMEOUT")
    assert patchkit(*words).code == 0


@pytest.mark.parametrize("link", ["ultralytics", "ultralytics/utils", STATE])
def test_a_folder_link_out_of_the_root_is_refused(link: str, yolo: Environment, patchkit: Run, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    if link == STATE:
        outside.mkdir()
    else:
        (yolo.site / link).rename(outside)
    (yolo.site / link).symlink_to(outside)
    with untouched(yolo.site, outside):
        answer = patchkit("apply", ID, "--site-packages", yolo.site)
    refused(answer, str(outside), "link")


def test_a_file_that_changed_between_plan_and_write_is_left_as_it_is(yolo: Environment) -> None:
    changes = [
        Change("ultralytics/__init__.py", (yolo.site / "ultralytics/__init__.py").read_bytes(), b"new"),
        Change(LOSS, b"what the plan has read", b"new"),
    ]
    with untouched(yolo.site), pytest.raises(WriteFailed, match="was changed by another program") as caught:
        commit([(yolo.site, changes)], 0)
    assert caught.value.hint == "run the command again"


# --- state that is damaged -------------------------------------------------------------------------------------------

ROWS: dict[str, Rewrite] = {
    "two fields": lambda row: row.rpartition(b",")[0] + b"\n",
    "two rows": lambda row: row + row.replace(b"sha256=", b"sha256=x"),
    "no hash": lambda row: LOSS.encode() + b",,\n",
    "an open quote": lambda row: b'"' + row,
    "an algorithm that is none": lambda row: row.replace(b"sha256=", b"md-five="),
    "an algorithm without a size": lambda row: row.replace(b"sha256=", b"shake_128="),
    "no row": lambda row: b"",
}


@pytest.mark.parametrize("damage", ["garbage", "missing", *ROWS])
def test_a_damaged_record_is_refused(damage: str, yolo: Environment, patchkit: Run) -> None:
    record = yolo.info() / "RECORD"
    if damage == "missing":
        record.unlink()
    elif damage == "garbage":
        record.write_bytes(b"\xff\x00garbage")
    else:
        lines = record.read_bytes().splitlines(keepends=True)
        record.write_bytes(b"".join(ROWS[damage](line) if line.startswith(LOSS.encode()) else line for line in lines))
    with untouched(yolo.site):
        answer = patchkit("apply", ID, "--site-packages", yolo.site)
    refused(answer, "RECORD", "reinstall")
    assert damage != "no hash" or "its hash differs" not in answer.out, "a row without a hash has none that differs"


SOURCE = b"""class Loss:
    def decode(self, logits):
        n, k, width = logits.shape
        logits = logits.view(n, k, 4, width // 4).softmax(3).matmul(self.proj.type(logits.dtype))
        return logits
"""


@pytest.fixture(scope="module")
def patched_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = tmp_path_factory.mktemp("patched")
    (tree / "loss.py").write_bytes(SOURCE)
    assert run_patchkit("apply", ID, "--path", tree).code == 0
    return tree


@pytest.fixture
def patched_tree(patched_once: Path, tmp_path: Path) -> Path:
    """A tree of one file, with the patch applied."""
    tree = tmp_path / "tree"
    subprocess.run(["cp", "-a", patched_once, tree], check=True)
    return tree


def in_receipt(**values: object) -> Rewrite:
    """Other values in the only receipt of a ledger."""

    def rewrite(data: bytes) -> bytes:
        ledger = json.loads(data)
        ledger["receipts"][0] |= values
        return json.dumps(ledger).encode()

    return rewrite


def in_file(**values: object) -> Rewrite:
    """Other values for the only file in the only receipt of a ledger."""
    return lambda data: in_receipt(files=[json.loads(data)["receipts"][0]["files"][0] | values])(data)


LEDGERS: dict[str, Rewrite] = {
    "garbage": lambda data: b"\xff\x00garbage",
    "empty": lambda data: b"",
    "cut off": lambda data: data[:-40],
    "of another kind": lambda data: b"[]",
    "of an unknown schema": lambda data: data.replace(b'"schema": 1', b'"schema": 0'),
    "nested without end": lambda data: b"[" * 100_000,
    "with a path that leaves the root": in_file(path="../outside.py"),
    "with an absolute path": in_file(path="/etc/passwd"),
    "with a path that no file system knows": in_file(path="a\0b"),
    "with a path that no encoding knows": in_file(path="\ud800"),
    "with a hash that is a path": in_file(before_sha256="../../outside"),
    "with a receipt of no files": in_receipt(files=[]),
    "with a patch that has no name": in_receipt(patch=None),
}


@pytest.mark.parametrize("damage", LEDGERS)
def test_a_damaged_ledger_is_refused_by_every_command(damage: str, patched_tree: Path, patchkit: Run) -> None:
    ledger = patched_tree / STATE / "ledger.json"
    ledger.write_bytes(LEDGERS[damage](ledger.read_bytes()))
    with untouched(patched_tree):
        for command in (["apply", ID], ["revert", "--all"], ["status"], ["verify", "--fast"]):
            answer = patchkit(*command, "--path", patched_tree)
            refused(answer, f"{ledger} is damaged", f"then delete {ledger.parent} and apply again")


def test_a_ledger_of_a_newer_patchkit_asks_for_an_upgrade(patched_tree: Path, patchkit: Run) -> None:
    ledger = patched_tree / STATE / "ledger.json"
    ledger.write_bytes(ledger.read_bytes().replace(b'"schema": 1', b'"schema": 2'))
    with untouched(patched_tree):
        refused(patchkit("status", "--path", patched_tree), "written by a newer patchkit", "--upgrade patchkit-cv")


def test_a_missing_ledger_is_no_unfinished_command(patched_tree: Path, patchkit: Run) -> None:
    (patched_tree / STATE / "ledger.json").unlink()
    with untouched(patched_tree):
        for command in (["apply", ID], ["revert", "--all"], ["status"], ["verify", "--fast"]):
            refused(patchkit(*command, "--path", patched_tree), "ledger.json is missing", "and apply again")


@pytest.mark.parametrize("damage", ["missing", "other bytes"])
def test_an_original_that_is_gone_or_damaged_keeps_revert_from_writing(
    damage: str, patched_tree: Path, patchkit: Run
) -> None:
    blob = patched_tree / STATE / "blobs" / hashlib.sha256(SOURCE).hexdigest()
    blob.unlink()
    if damage == "other bytes":
        blob.write_bytes(b"other bytes")
    with untouched(patched_tree):
        refused(patchkit("revert", ID, "--path", patched_tree), str(blob), "and apply again")
        assert patchkit("verify", "--fast", "--path", patched_tree).code == 1


def test_a_journal_without_its_list_is_undone_by_the_next_command_that_may_write(
    patched_tree: Path, patchkit: Run
) -> None:
    before = snapshot(patched_tree)
    (patched_tree / STATE / "journal").mkdir(parents=True)
    (patched_tree / STATE / "journal/0").write_bytes(SOURCE[:50])
    with untouched(patched_tree):
        for command in (["verify"], ["verify", "--fast"], ["apply", ID, "--check"]):
            refused(patchkit(*command, "--path", patched_tree), "was killed", " undoes it")
    answer = patchkit("status", "--path", patched_tree)
    assert (answer.code, answer.err) == (0, f"patchkit: undid a command that was killed in {patched_tree}\n")
    assert snapshot(patched_tree) == before


JOURNALS: dict[str, Rewrite] = {
    "cut off": lambda data: data[:-3],
    "empty": lambda data: b"",
    "of another kind": lambda data: b'{"path": "loss.py"}',
    "with a path that leaves the root": lambda data: data.replace(b"loss.py", b"../outside.py"),
    "with an absolute path": lambda data: data.replace(b"loss.py", b"/outside.py"),
    "with a path that no file system knows": lambda data: data.replace(b"loss.py", rb"a\u0000b"),
}


@pytest.mark.parametrize("damage", JOURNALS)
def test_a_damaged_journal_is_refused_by_every_command(damage: str, patched_tree: Path, patchkit: Run) -> None:
    after = hashlib.sha256((patched_tree / "loss.py").read_bytes()).hexdigest()
    (patched_tree.parent / "outside.py").write_bytes((patched_tree / "loss.py").read_bytes())
    entry = {"path": "loss.py", "after": after, "existed": True, "link": None, "uid": 0, "gid": 0}
    journal = patched_tree / STATE / "journal/journal.json"
    journal.parent.mkdir(parents=True)
    journal.write_bytes(JOURNALS[damage](json.dumps([entry]).encode()))
    (journal.parent / "0").write_bytes(b"what the journal would restore")
    with untouched(patched_tree.parent):
        for command in (["apply", ID], ["revert", "--all"], ["status"]):
            refused(patchkit(*command, "--path", patched_tree), f"{journal} is damaged", "apply again")
