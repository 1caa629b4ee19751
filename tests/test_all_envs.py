"""`--all-envs`: every virtual environment below a folder, all of them or none."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Answer, Environment, snapshot, without_bytecode
from tests.projects import DFL, PADDLE, SYNC_BN, Project, relative
from tests.support import NEWEST, RELEASE, Build, Patchkit, assert_refused, is_patched


@pytest.fixture
def envs(environment: Build, tmp_path: Path) -> tuple[Path, Environment, Environment]:
    """A folder with two environments, one of them deeper and hidden."""
    first = environment(RELEASE, name="envs/a")
    second = environment(RELEASE, name="envs/deep/.venv")
    return tmp_path / "envs", first, second


@pytest.fixture
def project(tmp_path: Path, patchkit: Patchkit) -> Project:
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(folder, patchkit)


def roots(answer: Answer, key: str = "results") -> list[str]:
    return [result["target"]["root"] for result in answer.json[key]]


def test_every_environment_is_patched_checked_and_reverted(
    envs: tuple[Path, Environment, Environment], patchkit: Patchkit
) -> None:
    folder, first, second = envs
    sites = [str(first.site), str(second.site)]
    before = without_bytecode(snapshot(folder))
    answer = patchkit("apply", DFL, "--all-envs", folder, "--check", "--format", "json")
    assert (answer.code, answer.outcomes, roots(answer)) == (1, ["would-apply"] * 2, sites)
    answer = patchkit("apply", DFL, "--all-envs", folder, "--format", "json")
    assert (answer.code, answer.outcomes, roots(answer)) == (0, ["applied"] * 2, sites)
    assert patchkit("apply", DFL, "--all-envs", folder, "--format", "json").outcomes == ["already-applied"] * 2

    answer = patchkit("status", "--all-envs", folder, "--format", "json")
    assert (answer.code, roots(answer, "patches")) == (0, sites)
    text = patchkit("status", "--all-envs", folder).out
    assert text.startswith(f"{first.folder}:\n{DFL} 1.0.0: applied")
    assert f"\n\n{second.folder}:\n{DFL} 1.0.0: applied" in text
    for options in ([], ["--fast"]):
        answer = patchkit("verify", *options, "--all-envs", folder, "--format", "json")
        assert (answer.code, answer.json["ok"]) == (0, True)
        assert list(dict.fromkeys(check["root"] for check in answer.json["checks"])) == sites

    second.loss.write_text(second.loss.read_text() + "# edited\n")
    assert patchkit("status", "--all-envs", folder).code == 1
    answer = patchkit("verify", "--fast", "--all-envs", folder, "--format", "json")
    assert answer.code == 1
    assert {check["root"] for check in answer.json["checks"] if not check["ok"]} == {str(second.site)}
    edited = without_bytecode(snapshot(folder))
    assert patchkit("revert", "--all", "--all-envs", folder).code == 2
    assert without_bytecode(snapshot(folder)) == edited
    second.loss.write_text(second.loss.read_text().removesuffix("# edited\n"))
    answer = patchkit("revert", DFL, "--all-envs", folder, "--format", "json")
    assert (answer.code, answer.outcomes) == (0, ["reverted"] * 2)
    assert without_bytecode(snapshot(folder)) == before
    assert_refused(patchkit("revert", "--all", "--all-envs", folder), "no patch is applied in the 2 environments")


@pytest.mark.parametrize("command", [["apply", DFL], ["sync"]], ids=" ".join)
def test_one_environment_that_is_refused_keeps_all_of_them_as_they_are(
    command: list[str], envs: tuple[Path, Environment, Environment], project: Project
) -> None:
    folder, _, second = envs
    project.wants(DFL)
    second.loss.write_text(second.loss.read_text().replace("self.proj", "self.project"))
    before = snapshot(folder, project.folder)
    answer = project.run(*command, "--all-envs", folder, "--format", "json")
    assert (answer.code, answer.outcomes) == (2, ["would-apply", "conflict"])
    assert snapshot(folder, project.folder) == before
    shutil.rmtree(second.site / "ultralytics")
    shutil.rmtree(second.info())
    before = snapshot(folder, project.folder)
    answer = project.run(*command, "--all-envs", folder, "--format", "json")
    assert (answer.code, answer.outcomes) == (2, ["would-apply", "not-applicable"])
    assert snapshot(folder, project.folder) == before


def test_an_environment_whose_python_is_gone_is_named(
    envs: tuple[Path, Environment, Environment], patchkit: Patchkit
) -> None:
    folder, _, second = envs
    second.python.unlink()
    second.python.symlink_to("/nowhere/python3")
    before = snapshot(folder)
    for command in (["apply", DFL], ["status"], ["verify", "--fast"], ["revert", "--all"]):
        answer = patchkit(*command, "--all-envs", folder)
        assert_refused(answer, f"{second.folder} is a virtual environment without a Python")
    assert snapshot(folder) == before


def test_no_environment_is_a_failure(patchkit: Patchkit, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    assert_refused(patchkit("apply", DFL, "--all-envs", tmp_path / "none"), "there is no virtual environment below it")
    assert_refused(patchkit("status", "--all-envs", tmp_path / "nothing"), "no such folder")
    answer = patchkit("status", "--all-envs", tmp_path / "none", "--python", sys.executable)
    assert_refused(answer, "--all-envs excludes")


def test_links_are_not_followed_and_what_lies_in_an_environment_belongs_to_it(
    envs: tuple[Path, Environment, Environment], environment: Build, patchkit: Patchkit, tmp_path: Path
) -> None:
    folder, first, second = envs
    inner = environment(RELEASE, name="envs/a/lib/inner")
    outside = environment(RELEASE, name="outside")
    (folder / "loop").symlink_to(folder)
    (folder / "deep/up").symlink_to("..")
    (folder / "linked").symlink_to(outside.folder)
    (folder / "self").symlink_to("self")
    answer = patchkit("apply", DFL, "--all-envs", folder, "--format", "json")
    assert (answer.code, roots(answer)) == (0, [str(first.site), str(second.site)])
    assert not is_patched(inner.loss)
    assert not is_patched(outside.loss)
    # The folder that is named may be a link, and may be an environment itself.
    answer = patchkit("apply", DFL, "--all-envs", folder / "linked", "--format", "json")
    assert (answer.code, roots(answer)) == (0, [str(outside.site)])


def test_packages_of_the_system_belong_to_no_environment(
    environment: Build, yolo: Environment, patchkit: Patchkit, tmp_path: Path
) -> None:
    env = environment(name="envs/a")
    (env.site / "shared.pth").write_text(f"{yolo.site}\n")
    before = snapshot(env.folder, yolo.folder)
    answer = patchkit("apply", DFL, "--all-envs", tmp_path / "envs")
    assert_refused(answer, "ultralytics is not installed in")
    assert snapshot(env.folder, yolo.folder) == before


def test_an_environment_that_cannot_be_written_keeps_all_of_them_as_they_are(
    envs: tuple[Path, Environment, Environment], patchkit: Patchkit, tmp_path: Path
) -> None:
    folder, _, second = envs
    as_others = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    second.loss.parent.chmod(0o555)
    before = snapshot(folder)
    command = [*as_others, sys.executable, "-m", "patchkit", "apply", DFL, "--all-envs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    answer = Answer(done.returncode, done.stdout, done.stderr)
    assert_refused(answer, f"{second.loss.parent}: not permitted", "run as the owner of the files")
    assert snapshot(folder) == before


def test_a_write_that_fails_half_way_is_undone_in_all_of_them(
    envs: tuple[Path, Environment, Environment], project: Project, patchkit: Patchkit
) -> None:
    folder, first, second = envs
    project.wants(DFL)
    with second.loss.open("a") as file:
        file.write("# padded\n" * 200_000)
    for words, is_patched_then in ((["apply", DFL], True), (["revert", DFL], False)):
        options = ["--allow-drift"] if is_patched_then else []
        before = snapshot(folder, project.folder)
        command = ["prlimit", "--fsize=1000000", sys.executable, "-m", "patchkit", *words, *options]
        done = subprocess.run(
            [*command, "--all-envs", str(folder)], capture_output=True, text=True, cwd=project.folder, check=False
        )
        assert_refused(Answer(done.returncode, done.stdout, done.stderr), second.site, "File too large")
        assert snapshot(folder, project.folder) == before
        assert patchkit(*words, *options, "--all-envs", folder).code == 0
        assert [is_patched(env.loss) for env in (first, second)] == [is_patched_then] * 2


def test_one_lock_fits_environments_that_have_different_packages(
    environment: Build, project: Project, tmp_path: Path
) -> None:
    yolo, paddle = environment(RELEASE, name="envs/a"), environment("paddledet==2.6.0", name="envs/b")
    project.wants(f"{DFL}\noptional = true", f"{PADDLE}\noptional = true")
    assert project.run("lock", "--all-envs", tmp_path / "envs").code == 0
    lock = project.lock.read_bytes()
    assert project.sync("--locked", "--all-envs", tmp_path / "envs") == ["applied", "absent", "absent", "applied"]
    assert project.sync("--all-envs", tmp_path / "envs") == ["already-applied", "absent", "absent", "already-applied"]
    assert project.sync("--locked", "--python", yolo.python) == ["already-applied", "absent"]
    assert project.sync("--python", paddle.python) == ["absent", "already-applied"]
    assert project.lock.read_bytes() == lock
    assert project.run("lock", "--check", "--all-envs", tmp_path / "envs").code == 0
    assert project.run("lock", "--check", "--python", paddle.python).code == 0
    assert project.run("lock", "--python", paddle.python).code == 0
    assert project.lock.read_bytes() == lock, "what is absent here keeps its entry"


def test_one_lock_does_not_fit_two_releases(environment: Build, project: Project, tmp_path: Path) -> None:
    environment(RELEASE, name="envs/a")
    environment(NEWEST, name="envs/b")
    project.wants(DFL)
    before = snapshot(tmp_path / "envs", project.folder)
    for command in ("lock", "sync"):
        answer = project.run(command, "--all-envs", tmp_path / "envs")
        assert_refused(answer, "one lock cannot fit both", "ultralytics 8.2.50", "ultralytics 8.4.190")
        assert snapshot(tmp_path / "envs", project.folder) == before


def test_lock_names_only_the_environments_that_are_refused(
    envs: tuple[Path, Environment, Environment], project: Project
) -> None:
    folder, first, second = envs
    second.loss.write_text(second.loss.read_text().replace("self.proj", "self.project"))
    answer = project.wants(DFL).run("lock", "--all-envs", folder)
    assert_refused(answer, f"{second.folder}:\n{DFL}")
    assert f"{first.folder}:" not in answer.out


def test_unlisted_patches_are_reverted_in_every_environment(
    envs: tuple[Path, Environment, Environment], project: Project, patchkit: Patchkit
) -> None:
    folder, first, second = envs
    project.wants(DFL)
    assert patchkit("apply", SYNC_BN, "--python", second.python).code == 0
    project.run("lock", "--all-envs", folder)
    before = snapshot(folder, project.folder)
    answer = project.run("sync", "--locked", "--all-envs", folder, "--format", "json")
    assert (answer.code, answer.outcomes) == (2, ["would-apply", "would-apply", "conflict"])
    assert snapshot(folder, project.folder) == before
    answer = project.run("sync", "--all-envs", folder)
    assert answer.code == 0
    assert answer.out.count(":\n") == 2
    assert relative(first.site) == relative(second.site)
    state = json.loads(patchkit("status", "--all-envs", folder, "--format", "json").out)
    assert [patch["patch"] for patch in state["patches"]] == [DFL, DFL]
