"""`sync`: a target holds exactly what is listed, whatever was there; `sync --locked` never takes anything else."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import LOSS, Answer, Environment, snapshot, wheel, without_bytecode
from tests.projects import DFL, PADDLE, SYNC_BN, Project, relative
from tests.support import NEWEST, RELEASE, Build, Patchkit, assert_refused, codes, is_patched, rows, state, true_row
from tests.test_packs import Pack
from tests.test_transaction import POINTS, steps_of


@pytest.fixture
def project(tmp_path: Path, patchkit: Patchkit) -> Project:
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(folder, patchkit)


@pytest.fixture
def packed(project: Project, tmp_path: Path) -> tuple[Project, Pack]:
    """The project with a pack of a third party."""
    pack = Pack(tmp_path / "packs")
    return Project(project.folder, project.patchkit, pack.env), pack


def target(env: Environment) -> tuple[str, Path]:
    return "--site-packages", env.site


# --- what it does ----------------------------------------------------------------------------------------------------


def test_it_applies_reverts_and_applies_again(project: Project, yolo: Environment, patchkit: Patchkit) -> None:
    pristine = without_bytecode(snapshot(yolo.site))
    project.wants(DFL, SYNC_BN)
    assert project.sync(*target(yolo)) == ["applied", "applied"]
    assert project.lock.is_file()
    assert codes(patchkit, *target(yolo)) == (0, 0)
    synced = without_bytecode(snapshot(yolo.site))

    assert project.sync(*target(yolo)) == ["already-applied", "already-applied"]
    assert project.sync("--locked", *target(yolo)) == ["already-applied", "already-applied"]
    assert without_bytecode(snapshot(yolo.site)) == synced

    assert project.wants(SYNC_BN).sync(*target(yolo)) == ["already-applied", "reverted"]
    assert not is_patched(yolo.loss)
    assert codes(patchkit, *target(yolo)) == (0, 0)
    assert project.wants(DFL, SYNC_BN).sync(*target(yolo)) == ["applied", "already-applied"]
    assert without_bytecode(snapshot(yolo.site)) == synced
    patchkit("revert", "--all", *target(yolo))
    assert without_bytecode(snapshot(yolo.site)) == pristine


def test_a_reinstalled_package_gets_its_patches_back(project: Project, yolo: Environment, patchkit: Patchkit) -> None:
    project.wants(DFL, SYNC_BN).sync(*target(yolo))
    synced = without_bytecode(snapshot(yolo.site))
    yolo.pip("install", "--force-reinstall", "--no-deps", wheel(RELEASE))
    assert state(patchkit, *target(yolo)) == (1, ["lost", "lost"])
    assert project.sync("--locked", *target(yolo)) == ["applied", "applied"]
    assert codes(patchkit, *target(yolo)) == (0, 0)
    now = without_bytecode(snapshot(yolo.site))
    # What pip itself writes tells where it took the package from; every other byte is the same.
    by_pip = {str(yolo.info() / name) for name in ("RECORD", "direct_url.json")}
    assert {path for path in synced if synced[path] != now[path]} <= by_pip


def test_the_result_does_not_depend_on_what_was_there(
    packed: tuple[Project, Pack], environment: Build, patchkit: Patchkit
) -> None:
    project, pack = packed
    pack.add("third-top", "v8DetectionLoss.preprocess")
    pack.add("third-tal", "TaskAlignedAssigner.get_pos_mask", "ultralytics/utils/tal.py")
    project.wants(DFL, "third-top", SYNC_BN)
    fresh = environment(RELEASE, name="fresh")
    project.sync(*target(fresh))
    wanted = relative(fresh.site)

    for number, before in enumerate(
        [
            ["apply third-top", f"apply {DFL}"],
            [f"apply {SYNC_BN} third-tal third-top {DFL}"],
            [f"apply {DFL} third-top", "revert third-top", f"apply {SYNC_BN}"],
        ]
    ):
        env = environment(RELEASE, name=f"env{number}")
        for command in before:
            assert patchkit(*command.split(), *target(env), env=pack.env).code == 0
        project.sync(*target(env))
        assert relative(env.site) == wanted, before
        assert project.sync("--locked", *target(env)) == ["already-applied"] * 3
    assert codes(patchkit, *target(env)) == (0, 0)


def test_a_line_of_a_site_that_was_undone_by_hand_is_put_right(project: Project, yolo: Environment) -> None:
    pristine = yolo.loss.read_bytes()
    project.wants(DFL).sync(*target(yolo))
    synced = relative(yolo.site)
    yolo.loss.write_bytes(pristine)
    assert project.sync("--locked", *target(yolo)) == ["applied"]
    assert relative(yolo.site) == synced


def test_a_new_version_of_a_patch_replaces_the_old_one_and_the_lock(
    packed: tuple[Project, Pack], yolo: Environment
) -> None:
    project, pack = packed
    room = pack.add("third-one", "v8DetectionLoss.preprocess")
    project.wants(DFL, "third-one").sync(*target(yolo))
    old = project.lock.read_bytes()
    for path in ("patch.yaml", "codemod.py"):
        text = (room / path).read_text().replace("patched_third_one", "patched_anew").replace("1.0.0", "1.1.0")
        (room / path).write_text(text)

    before = snapshot(project.folder, yolo.folder)
    answer = project.run("sync", "--locked", *target(yolo))
    assert_refused(answer, "locked as 1.0.0 of thirdparty, and 1.1.0 of thirdparty is installed")
    assert snapshot(project.folder, yolo.folder) == before
    answer = project.run("sync", *target(yolo), "--format", "json")
    assert (answer.code, answer.outcomes, answer.json["results"][1]["version"]) == (
        0,
        ["already-applied", "applied"],
        "1.1.0",
    )
    assert answer.json["lock"]["state"] == "written"
    assert project.lock.read_bytes() != old
    assert "patched_anew" in yolo.loss.read_text()
    assert "patched_third_one" not in yolo.loss.read_text()


def test_an_optional_package_may_be_absent_and_is_patched_where_it_is(
    project: Project, environment: Build, patchkit: Patchkit
) -> None:
    both = environment(RELEASE, "paddledet==2.6.0", name="both")
    one = environment(RELEASE, name="one")
    project.wants(DFL, f"{PADDLE}\noptional = true")
    assert project.sync(*target(both)) == ["applied", "applied"]
    lock = project.lock.read_bytes()
    assert project.sync("--locked", *target(one)) == ["applied", "absent"]
    assert project.sync("--locked", *target(one)) == ["already-applied", "absent"]
    assert project.sync(*target(one)) == ["already-applied", "absent"]
    assert project.lock.read_bytes() == lock
    assert "optional, and" in project.run("sync", *target(one)).out

    project.lock.unlink()
    fresh = environment(RELEASE, "paddledet==2.6.0", name="fresh")
    project.run("lock", *target(one))
    before = snapshot(project.folder, fresh.folder)
    answer = project.run("sync", "--locked", *target(fresh))
    assert_refused(answer, "locked as absent, and paddledet 2.6.0 is installed")
    assert snapshot(project.folder, fresh.folder) == before


def test_what_is_not_optional_must_be_there(project: Project, yolo: Environment) -> None:
    project.wants(DFL, PADDLE)
    before = snapshot(project.folder, yolo.folder)
    answer = project.run("sync", *target(yolo), "--format", "json")
    assert (answer.code, answer.outcomes) == (2, ["would-apply", "not-applicable"])
    assert snapshot(project.folder, yolo.folder) == before


def test_requirements_between_patches_are_kept(packed: tuple[Project, Pack], yolo: Environment) -> None:
    project, pack = packed
    pack.add("third-needs", "v8DetectionLoss.preprocess", extra=f"requires: [{DFL}]\n")
    project.wants(DFL, "third-needs").sync(*target(yolo))
    before = snapshot(project.folder, yolo.folder)
    project.wants("third-needs")
    answer = project.run("sync", *target(yolo))
    assert_refused(answer, f"third-needs requires {DFL}", "patchkit.toml")
    project.wants(DFL, "third-needs")
    assert snapshot(project.folder, yolo.folder) == before


def test_an_edited_file_is_refused(project: Project, yolo: Environment) -> None:
    project.wants(DFL).sync(*target(yolo))
    yolo.loss.write_text(yolo.loss.read_text() + "# mine\n")
    before = snapshot(project.folder, yolo.folder)
    for options in ([], ["--locked"]):
        assert_refused(project.run("sync", *options, *target(yolo)), "was edited after patchkit had applied")
    project.wants(SYNC_BN)
    assert_refused(project.run("sync", *target(yolo)), "was edited after patchkit had applied")
    assert without_bytecode(snapshot(yolo.folder)) == without_bytecode(
        {path: entry for path, entry in before.items() if path.startswith(str(yolo.folder))}
    )


@pytest.mark.parametrize("data", [None, b"other"], ids=["gone", "damaged"])
def test_a_patch_whose_original_is_lost_is_refused(data: bytes | None, project: Project, yolo: Environment) -> None:
    project.wants(DFL)
    project.sync(*target(yolo))
    (blob,) = (yolo.site / ".patchkit/blobs").iterdir()
    blob.unlink()
    if data is not None:
        blob.write_bytes(data)
    before = snapshot(project.folder, yolo.folder)
    for command in (["sync"], ["sync", "--locked"], ["lock", "--check"], ["apply", DFL]):
        assert_refused(project.run(*command, *target(yolo)), blob, "reinstall the package")
    assert snapshot(project.folder, yolo.folder) == before


def test_a_tree_and_a_file_of_it(project: Project, unpacked: Callable[[str], Path], patchkit: Patchkit) -> None:
    tree = unpacked("ultralytics==8.2.50")
    shutil.rmtree(next(tree.glob("*.dist-info")))
    pristine = snapshot(tree)
    assert project.wants(DFL).sync("--path", tree) == ["applied"]
    assert project.sync("--path", tree) == ["already-applied"]
    assert project.sync("--locked", "--path", tree) == ["already-applied"]
    assert patchkit("verify", "--path", tree).code == 0
    assert 'kind = "tree"' in project.lock.read_text()
    patchkit("revert", "--all", "--path", tree)
    assert snapshot(tree) == pristine

    project.lock.unlink()
    assert project.sync("--path", tree / LOSS) == ["applied"]
    assert 'kind = "file"' in project.lock.read_text()
    project.wants(SYNC_BN)
    answer = project.run("sync", "--path", tree / LOSS)
    assert_refused(answer)
    assert project.wants(DFL).sync("--locked", "--path", tree / LOSS) == ["already-applied"]
    target_is_unknown = project.wants(f'{DFL}\ntarget = "ultralytics>=8"').run("sync", "--path", tree)
    assert_refused(target_is_unknown, "cannot be checked in a source tree")


def test_a_link_in_a_tree_comes_back_whatever_was_synced(
    packed: tuple[Project, Pack], tmp_path: Path, yolo: Environment, patchkit: Patchkit
) -> None:
    project, _ = packed
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "loss.py").symlink_to(yolo.loss)
    pristine = snapshot(tree)
    project.wants(DFL)
    assert_refused(project.run("sync", "--path", tree), "--allow-symlinks")
    for _ in range(2):
        project.sync("--path", tree, "--allow-symlinks")
        state = relative(tree)
    (tree / "loss.py").unlink()
    (tree / "loss.py").symlink_to(yolo.loss)
    shutil.rmtree(tree / ".patchkit")
    project.sync("--path", tree, "--allow-symlinks")
    assert relative(tree) == state
    assert project.run("revert", "--all", "--path", tree).code == 0
    assert snapshot(tree) == pristine


# --- what --locked refuses -------------------------------------------------------------------------------------------


def _other_bytes(project: Project, env: Environment) -> None:
    """Another build of the same release: other bytes, with a RECORD that says so."""
    row = rows(env.info() / "RECORD")[LOSS]
    env.loss.write_text(env.loss.read_text() + "# rebuilt\n")
    record = env.info() / "RECORD"
    record.write_text(record.read_text().replace(row.strip(), true_row(env.site)))


def _other_result(project: Project, env: Environment) -> None:
    lines = project.lock.read_text().splitlines()
    changed = [f'after_sha256 = "{"0" * 64}"' if line.startswith("after_sha256") else line for line in lines]
    project.lock.write_text("\n".join(changed) + "\n")


def _other_room(project: Project, env: Environment) -> None:
    text = project.lock.read_text()
    digest = text.partition('room_sha256 = "')[2][:64]
    project.lock.write_text(text.replace(digest, "0" * 64))


def _other_version(project: Project, env: Environment) -> None:
    project.lock.write_text(project.lock.read_text().replace('"8.2.50"', '"8.2.49"'))


def _missing_file(project: Project, env: Environment) -> None:
    env.loss.unlink()


def _edited_file(project: Project, env: Environment) -> None:
    env.loss.write_text(env.loss.read_text().replace("self.proj", "self.project"))


def _unlisted(project: Project, env: Environment) -> None:
    assert project.run("apply", SYNC_BN, *target(env)).code == 0


def _changed_list(project: Project, env: Environment) -> None:
    project.wants(DFL, SYNC_BN)


def _other_order(project: Project, env: Environment) -> None:
    project.wants(f"{DFL}\noptional = true")


def _no_lock(project: Project, env: Environment) -> None:
    project.lock.unlink()


def _empty_lock(project: Project, env: Environment) -> None:
    project.lock.write_text("")


def _lock_without_patches(project: Project, env: Environment) -> None:
    project.lock.write_text("".join(project.lock.read_text().partition("[[patch]]")[:1]))


def _lock_cut_at_a_table(project: Project, env: Environment) -> None:
    """As a merge leaves it: whole TOML, the digest of the list, one entry lost."""
    assert project.wants(DFL, SYNC_BN).run("lock", *target(env)).code == 0
    project.lock.write_text(project.lock.read_text().rpartition("[[patch]]")[0])


def _lock_that_says_optional(project: Project, env: Environment) -> None:
    project.lock.write_text(project.lock.read_text().replace("optional = false", "optional = true"))


def _lock_with_an_entry_twice(project: Project, env: Environment) -> None:
    head, entry, rest = project.lock.read_text().partition("[[patch]]")
    project.lock.write_text(f"{head}{entry}{rest}\n{entry}{rest}")


def _lock_of_schema_true(project: Project, env: Environment) -> None:
    project.lock.write_text(project.lock.read_text().replace("schema = 1\n", "schema = true\n"))


def _lock_with_another_key(project: Project, env: Environment) -> None:
    project.lock.write_text(project.lock.read_text().replace("optional =", "optionally ="))


def _lock_that_leaves_the_root(project: Project, env: Environment) -> None:
    project.lock.write_text(project.lock.read_text().replace('path = "', 'path = "../'))


def _no_list(project: Project, env: Environment) -> None:
    project.file.unlink()


@pytest.mark.parametrize("is_applied", [False, True], ids=["fresh", "synced"])
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_other_bytes, ("other bytes than those that were locked", "was edited")),
        (_other_result, ("would get other bytes",)),
        (_other_room, ("the room of 1.0.0 was changed",)),
        (_other_version, ("locked for ultralytics 8.2.49, and this is ultralytics 8.2.50",)),
        (_missing_file, ("is listed in RECORD but missing",)),
        (_edited_file, ("drifted", "was edited")),
        (_unlisted, ("the lock does not list it",)),
        (_changed_list, (f"{SYNC_BN} is not in the lock",)),
        (_other_order, ("with other keys or in another order",)),
        (_no_lock, ("patchkit.lock is missing",)),
        (_empty_lock, ("it is empty",)),
        (_lock_without_patches, ("'patch' is missing",)),
        (_lock_cut_at_a_table, (f"since 'patchkit lock' wrote it: {SYNC_BN} is not in the lock",)),
        (_lock_that_says_optional, ("was changed since 'patchkit lock' wrote it",)),
        (_lock_with_an_entry_twice, (f"it holds '{DFL}' twice",)),
        (_lock_of_schema_true, ("schema True instead of 1",)),
        (_lock_with_another_key, ("unknown key 'optionally'",)),
        (_lock_that_leaves_the_root, ("leaves the root",)),
        (_no_list, ("there is no patchkit.toml",)),
    ],
)
def test_locked_refuses_every_difference_and_writes_no_byte(
    change: Callable[[Project, Environment], None],
    reason: tuple[str, ...],
    is_applied: bool,
    project: Project,
    yolo: Environment,
) -> None:
    project.wants(DFL)
    assert project.run("lock", *target(yolo)).code == 0
    if is_applied:
        project.sync("--locked", *target(yolo))
    change(project, yolo)
    before = snapshot(project.folder, yolo.folder)
    answer = project.run("sync", "--locked", *target(yolo))
    assert_refused(answer)
    assert any(words in answer.out + answer.err for words in reason), answer.out + answer.err
    assert snapshot(project.folder, yolo.folder) == before


def test_locked_refuses_another_release(project: Project, yolo: Environment, environment: Build) -> None:
    project.wants(DFL).run("lock", *target(yolo))
    newest = environment(NEWEST, name="newest")
    before = snapshot(project.folder, newest.folder)
    answer = project.run("sync", "--locked", *target(newest), "--format", "json")
    assert (answer.code, answer.outcomes) == (2, ["conflict"])
    result = answer.json["results"][0]
    assert result["message"] == "locked for ultralytics 8.2.50, and this is ultralytics 8.4.190"
    assert set(result) == {"patch", "version", "outcome", "target", "files", "message", "hint"}
    assert snapshot(project.folder, newest.folder) == before
    assert project.sync(*target(newest)) == ["applied"]


def test_every_reason_is_told(project: Project, yolo: Environment) -> None:
    project.wants(DFL).run("lock", *target(yolo))
    _other_room(project, yolo)
    _unlisted(project, yolo)
    answer = project.run("sync", "--locked", *target(yolo))
    assert_refused(answer, "the room of 1.0.0 was changed", "the lock does not list it")
    assert f"patchkit revert {SYNC_BN} --site-packages {yolo.site}, or 'patchkit sync'" in answer.out


def test_what_planning_refuses_hides_no_other_reason(project: Project, yolo: Environment) -> None:
    project.wants(DFL, SYNC_BN).run("lock", *target(yolo))
    _edited_file(project, yolo)
    _other_result(project, yolo)
    answer = project.run("sync", "--locked", *target(yolo), "--format", "json")
    assert (answer.code, answer.outcomes) == (2, ["conflict", "conflict"])
    refused, differing = (result["message"] for result in answer.json["results"])
    assert "drifted" in refused
    assert "would get other bytes than those that were locked" in differing


def test_an_edited_file_hides_no_other_reason(project: Project, yolo: Environment) -> None:
    project.wants(SYNC_BN, DFL).sync(*target(yolo))
    yolo.loss.write_text(yolo.loss.read_text() + "# mine\n")
    before = snapshot(project.folder, yolo.site)
    for options in ([], ["--locked"]):
        answer = project.run("sync", *options, *target(yolo), "--format", "json")
        assert (answer.code, answer.outcomes) == (2, ["already-applied", "conflict"])
        assert "was edited after patchkit had applied" in answer.json["results"][1]["message"]
    assert snapshot(project.folder, yolo.site) == before
    _other_result(project, yolo)
    answer = project.run("sync", "--locked", *target(yolo), "--format", "json")
    assert (answer.code, answer.outcomes) == (2, ["conflict", "conflict"])
    assert "would get other bytes" in answer.json["results"][0]["message"]


def test_an_optional_patch_is_told_the_same_whether_it_is_planned_or_known(project: Project, yolo: Environment) -> None:
    project.wants(DFL, f"{PADDLE}\noptional = true")
    first, second = (project.run("sync", *target(yolo)).out.splitlines()[-1] for _ in range(2))
    assert first == second


def test_a_lock_that_lost_an_entry_is_renewed_by_sync(project: Project, yolo: Environment) -> None:
    project.wants(DFL, SYNC_BN)
    project.sync(*target(yolo))
    lock = project.lock.read_bytes()
    _lock_cut_at_a_table(project, yolo)
    assert project.run("revert", SYNC_BN, *target(yolo)).code == 0
    assert project.lock.read_bytes() != lock
    assert project.sync(*target(yolo)) == ["already-applied", "applied"]
    assert project.lock.read_bytes() == lock


# --- all or nothing --------------------------------------------------------------------------------------------------


def test_a_sync_killed_anywhere_leaves_the_old_or_the_new_state_and_the_next_one_ends_it(
    project: Project, yolo: Environment, patchkit: Patchkit
) -> None:
    project.wants(DFL)
    arguments = ("sync", "--file", str(project.file))

    def restore() -> None:
        project.wants(SYNC_BN)
        assert project.run("sync", *target(yolo)).code == 0
        project.wants(DFL)

    restore()
    old = relative(yolo.site)
    code, steps = steps_of(yolo.site, *arguments)
    assert code == 0
    new = relative(yolo.site)
    for last in sorted({max(1, round(steps * point)) for point in POINTS[::2]}):
        restore()
        assert relative(yolo.site) == old
        code, _ = steps_of(yolo.site, *arguments, last=last)
        assert code == -signal.SIGKILL
        patchkit("status", *target(yolo))
        assert relative(yolo.site) in (old, new)
        assert "no longer listed" not in project.run("sync", *target(yolo)).err, "the lock was there before"
        assert relative(yolo.site) == new
        assert [path.name for path in sorted(project.folder.iterdir())] == ["patchkit.lock", "patchkit.toml"]


def test_two_syncs_at_once_leave_one_whole_state(project: Project, yolo: Environment) -> None:
    project.wants(DFL, SYNC_BN)
    project.run("lock", *target(yolo))
    command = [sys.executable, "-m", "patchkit", "sync", "--locked", *map(str, target(yolo))]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=project.folder) for _ in range(3)]
    for process in running:
        process.communicate()
    assert [process.returncode for process in running] == [0, 0, 0]
    assert project.sync("--locked", *target(yolo)) == ["already-applied", "already-applied"]


def test_files_of_another_user_are_refused_and_stay(project: Project, yolo: Environment) -> None:
    project.wants(DFL)
    as_others = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    before = snapshot(project.folder, yolo.folder)
    for folder in (yolo.loss.parent, yolo.site):
        folder.chmod(0o555)
    command = [*as_others, sys.executable, "-m", "patchkit", "sync", *map(str, target(yolo))]
    done = subprocess.run(command, capture_output=True, text=True, cwd=project.folder, check=False)
    for folder in (yolo.loss.parent, yolo.site):
        folder.chmod(0o755)
    assert_refused(Answer(done.returncode, done.stdout, done.stderr), "not permitted", "run as the owner of the files")
    assert snapshot(project.folder, yolo.folder) == before


def test_the_keys_of_the_json(project: Project, yolo: Environment) -> None:
    project.wants(DFL, f"{PADDLE}\noptional = true")
    project.run("apply", SYNC_BN, *target(yolo))
    answer = project.run("sync", *target(yolo), "--format", "json")
    assert (answer.code, set(answer.json)) == (0, {"schema", "command", "lock", "results"})
    assert (answer.json["schema"], answer.json["command"]) == (1, "sync")
    assert answer.json["lock"] == {
        "path": "patchkit.lock",
        "state": "written",
        "changes": [{"patch": None, "reason": "there was no lock"}],
    }
    assert answer.outcomes == ["applied", "absent", "reverted"]
    for result in answer.json["results"]:
        assert set(result) == {"patch", "version", "outcome", "target", "files", "message", "hint"}
    broken = project.run("sync", "--file", "none.toml", "--format", "json")
    assert (broken.code, set(broken.json)) == (2, {"schema", "command", "error"})
    assert broken.json["error"]["message"] == "none.toml: no such file"
