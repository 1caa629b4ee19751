"""`lock`: what is listed, what the lock says of it, and what is refused; the target is never touched."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from patchkit.locking.lockfile import dumped, load_lock
from tests.conftest import LOSS, REPOSITORY, Answer, Environment, snapshot
from tests.projects import DFL, PADDLE, SYNC_BN, Project
from tests.support import NEWEST, RELEASE, Build, Patchkit, assert_refused
from tests.test_packs import Pack


@pytest.fixture
def project(tmp_path: Path, patchkit: Patchkit) -> Project:
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(folder, patchkit)


def test_the_lock_says_for_each_patch_what_it_makes_of_the_target(project: Project, yolo: Environment) -> None:
    before = snapshot(yolo.folder)
    project.wants(DFL, f"{PADDLE}\noptional = true", SYNC_BN)
    answer = project.run("lock", "--python", yolo.python, "--format", "json")
    assert (answer.code, answer.json["lock"]["state"]) == (0, "written")
    assert snapshot(yolo.folder) == before
    patches = answer.json["patches"]
    assert [(patch["patch"], patch["outcome"], patch["optional"]) for patch in patches] == [
        (DFL, "applied", False),
        (PADDLE, "absent", True),
        (SYNC_BN, "applied", False),
    ]
    assert patches[0]["target"] == {"kind": "distribution", "distribution": "ultralytics", "version": "8.2.50"}
    file = patches[0]["files"][0]
    planned = project.run("apply", DFL, "--python", yolo.python, "--format", "json").json["results"][0]["files"][0]
    assert {key: planned[key] for key in file} == file
    text = project.lock.read_text()
    assert text.startswith("# Written by 'patchkit lock'; do not edit.\nschema = 1\n")
    assert str(yolo.folder) not in text
    assert project.run("lock", "--python", yolo.python, "--check").code == 0, "an applied patch makes no difference"


def test_the_lock_has_the_same_bytes_wherever_it_is_made(
    project: Project, environment: Build, tmp_path: Path, unpacked: Callable[[str], Path]
) -> None:
    project.wants(SYNC_BN, DFL)
    written = []
    places: list[tuple[str, Path]] = [
        ("--python", environment(RELEASE, name="a").python),
        ("--python", environment(RELEASE, name="deeper/b").python),
        ("--site-packages", unpacked(RELEASE)),
    ]
    for option in places:
        project.lock.unlink(missing_ok=True)
        assert project.run("lock", *option).code == 0
        written.append(project.lock.read_bytes())
    assert len(set(written)) == 1
    lock = load_lock(project.lock)
    assert lock is not None
    assert dumped(lock) == written[0]


def test_comments_and_layout_of_the_list_do_not_matter_but_its_order_does(project: Project, yolo: Environment) -> None:
    project.wants(DFL, SYNC_BN)
    assert project.run("lock", "--python", yolo.python).code == 0
    other = f"# why\npatch = [ {{ optional = false, id = '{DFL}' }},\n {{ id = '{SYNC_BN}' }} ]\n"
    project.file.write_text(other)
    assert project.run("lock", "--check", "--python", yolo.python).code == 0
    assert project.wants(SYNC_BN, DFL).run("lock", "--check", "--python", yolo.python).code == 1


def test_check_tells_what_is_out_of_date_and_writes_nothing(
    project: Project, yolo: Environment, environment: Build
) -> None:
    project.wants(DFL)
    answer = project.run("lock", "--check", "--python", yolo.python)
    assert (answer.code, project.lock.exists()) == (1, False)
    assert "there was no lock" in answer.err
    project.run("lock", "--python", yolo.python)
    before = snapshot(project.folder)
    newest = environment(NEWEST, name="newest")
    answer = project.run("lock", "--check", "--python", newest.python, "--format", "json")
    assert (answer.code, answer.json["lock"]["state"]) == (1, "stale")
    assert answer.json["lock"]["changes"] == [
        {"patch": DFL, "reason": "locked for ultralytics 8.2.50, and this is ultralytics 8.4.190"}
    ]
    assert snapshot(project.folder) == before
    assert project.run("lock", "--python", newest.python).code == 0
    assert snapshot(project.folder) != before


def test_a_list_in_pyproject_beside_other_tools(project: Project, yolo: Environment) -> None:
    pyproject = project.folder / "pyproject.toml"
    pyproject.write_text(
        f'[project]\nname = "x"\n[tool.patchkit.audit]\ngpus = 8\n[[tool.patchkit.patch]]\nid = "{DFL}"\n'
    )
    assert project.run("lock", "--python", yolo.python).code == 0
    assert project.lock.is_file()
    project.wants(DFL)
    assert_refused(project.run("lock", "--python", yolo.python), "both list patches")
    assert project.run("lock", "--check", "--file", "pyproject.toml", "--python", yolo.python).code == 0
    pyproject.write_text("[[tool.patchkit.patches]]\n")
    answer = project.run("lock", "--file", "pyproject.toml", "--python", yolo.python)
    assert_refused(answer, "unknown key 'patches'", "write a table [[tool.patchkit.patch]]")
    pyproject.write_text("[tool.patchkit.audit]\ngpus = 8\n")
    assert project.run("lock", "--check", "--python", yolo.python).code == 0


def test_another_list_has_a_lock_of_its_own(project: Project, yolo: Environment) -> None:
    other = project.folder / "yolo.toml"
    other.write_text(f'[[patch]]\nid = "{DFL}"\n')
    assert project.run("lock", "--file", other, "--python", yolo.python).code == 0
    assert (project.folder / "yolo.lock").is_file()
    assert not project.lock.exists()
    foreign = project.folder / "uv.lock"
    foreign.write_text("version = 1\n")
    other.rename(project.folder / "uv.toml")
    answer = project.run("lock", "--file", "uv.toml", "--python", yolo.python)
    assert_refused(answer, "uv.lock was not written by patchkit")
    assert_refused(project.run("sync", "--file", "uv.toml", "--python", yolo.python), "uv.lock is damaged")
    assert foreign.read_text() == "version = 1\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "there is no patchkit.toml"),
        ("", "patchkit.toml lists no patch"),
        ("patch = []", "patchkit.toml lists no patch"),
        ("patch = 3", "'patch' is no list of tables"),
        ("patch = [3]", "patch 1 is no table"),
        ("[[patch", "patchkit.toml: "),
        ("\x00", "patchkit.toml: "),
        ("[[patches]]\nid = 'yolov10-dfl'", "the unknown key 'patches'"),
        ("[[patch]]\nversion = '1'", "patch 1 has no id"),
        ("[[patch]]\nid = 'yolov10-dfl'\ntarget = 3", "patch 1: target = 3 is not text"),
        ("[[patch]]\nid = 'yolov10-dfl'\noptional = 'yes'", "patch 1: optional = 'yes' is not true or false"),
        ("[[patch]]\nid = 'yolov10-dfl'\nversions = '1'", "patch 1 has the unknown key 'versions'"),
        ("[[patch]]\nid = ''", "patch 1: id = '' is empty"),
        ("[[patch]]\nid = '../x'", "'../x' is no id of a patch"),
        ("[[patch]]\nid = 'yolov10-dfl'\n[[patch]]\nid = 'yolov10-dfl'", "'yolov10-dfl' is listed twice"),
        ("[[patch]]\nid = 'yolov10-dlf'", "did you mean 'yolov10-dfl'?"),
        ("[[patch]]\nid = 'yolov10-dfl'\nversion = 'new'", "version = 'new' is no version"),
        ("[[patch]]\nid = 'yolov10-dfl'\nversion = '>=9'", "version = '>=9', and this patchkit has 1.0.0"),
        ("[[patch]]\nid = 'yolov10-dfl'\ntarget = '>=9'", "target = '>=9' is no requirement"),
        ("[[patch]]\nid = 'yolov10-dfl'\ntarget = 'ultralytics[x]'", "is more than a name and versions"),
        ("[[patch]]\nid = 'yolov10-dfl'\ntarget = 'torch'", "the patch is not for torch"),
        ("[[patch]]\nid = 'yolov10-dfl'\ntarget = 'ultralytics>=8.3'", "and ultralytics 8.2.50 is installed"),
        ("[[patch]]\nid = 'ppyoloe-masked-select'", "paddledet is not installed"),
    ],
)
def test_a_list_that_cannot_be_kept_is_refused_and_the_old_lock_stays(
    text: str | None, reason: str, project: Project, yolo: Environment
) -> None:
    project.lock.write_text("# Written by 'patchkit lock'; do not edit.\nold")
    if text is not None:
        project.file.write_text(text)
    before = snapshot(project.folder, yolo.folder)
    assert_refused(project.run("lock", "--python", yolo.python), reason)
    assert_refused(project.run("sync", "--python", yolo.python), *([] if text and "[[patch]]" in text else [reason]))
    assert snapshot(project.folder, yolo.folder) == before


@pytest.mark.parametrize(
    "rest", ['version = "1.0.0"', 'version = ">=1,<2"', 'target = "Ultralytics >=8.2, <8.3"', "optional = true"]
)
def test_what_fits_is_locked(rest: str, project: Project, yolo: Environment) -> None:
    project.wants(f"{DFL}\n{rest}")
    assert project.run("lock", "--python", yolo.python).code == 0
    assert project.sync("--locked", "--python", yolo.python) == ["applied"]


def test_a_lock_behind_a_link_is_written_where_it_leads(project: Project, yolo: Environment, tmp_path: Path) -> None:
    project.lock.symlink_to(tmp_path / "shared.lock")
    for listed in ((DFL,), (DFL, SYNC_BN)):
        text = project.wants(*listed).file.read_bytes()
        project.file.write_bytes(b"\xef\xbb\xbf" + text)  # as editors on Windows write it
        assert project.run("lock", "--python", yolo.python).code == 0
        assert project.lock.is_symlink()
        assert f'id = "{listed[-1]}"' in (tmp_path / "shared.lock").read_text()
    project.lock.unlink()
    project.lock.mkdir()
    for command in ("lock", "sync"):
        assert_refused(project.run(command, "--python", yolo.python), "patchkit.lock cannot be read: Is a directory")


def test_drift_that_is_allowed_is_locked_and_synced(project: Project, yolo: Environment) -> None:
    yolo.loss.write_text(yolo.loss.read_text() + "# of our own\n")
    project.wants(DFL)
    before = snapshot(project.folder, yolo.folder)
    assert_refused(project.run("lock", "--python", yolo.python), "its hash differs from RECORD")
    assert snapshot(project.folder, yolo.folder) == before
    assert project.run("lock", "--python", yolo.python, "--allow-drift").code == 0
    assert_refused(project.run("sync", "--locked", "--python", yolo.python), "its hash differs from RECORD")
    assert project.sync("--locked", "--python", yolo.python, "--allow-drift") == ["applied"]
    assert project.sync("--locked", "--python", yolo.python) == ["already-applied"]


@pytest.mark.parametrize("text", ["", "# Written by 'patchkit lock'; do not edit.\nschema = 1\n[[pat"])
def test_an_empty_or_damaged_lock_is_written_anew_by_lock_alone(text: str, project: Project, yolo: Environment) -> None:
    project.wants(DFL).lock.write_text(text)
    before = snapshot(project.folder, yolo.folder)
    for options in ([], ["--locked"]):
        assert_refused(project.run("sync", *options, "--python", yolo.python), "patchkit.lock", "run 'patchkit lock'")
        assert snapshot(project.folder, yolo.folder) == before
    assert project.run("lock", "--python", yolo.python).code == 0
    assert project.sync("--locked", "--python", yolo.python) == ["applied"]


def test_the_lock_of_a_newer_patchkit_is_left_alone(project: Project, yolo: Environment) -> None:
    project.wants(DFL).lock.write_text("# Written by 'patchkit lock'; do not edit.\nschema = 2\n")
    before = snapshot(project.folder, yolo.folder)
    for command in (["lock"], ["sync"], ["sync", "--locked"]):
        assert_refused(project.run(*command, "--python", yolo.python), "was written by a newer patchkit")
    assert snapshot(project.folder, yolo.folder) == before


def test_patches_on_one_file_are_locked_one_on_the_other(project: Project, yolo: Environment, tmp_path: Path) -> None:
    pack = Pack(tmp_path / "packs")
    pack.add("third-top", "v8DetectionLoss.preprocess")
    project = Project(project.folder, project.patchkit, pack.env).wants(DFL, "third-top")
    answer = project.run("lock", "--python", yolo.python, "--format", "json")
    lower, upper = (patch["files"][0] for patch in answer.json["patches"])
    assert (lower["path"], upper["path"]) == (LOSS, LOSS)
    assert lower["after_sha256"] == upper["before_sha256"]


def test_a_fix_that_the_release_holds_is_locked_as_upstreamed(project: Project, yolo: Environment) -> None:
    assert project.run("apply", DFL, "--python", yolo.python).code == 0
    shutil.rmtree(yolo.site / ".patchkit")
    (yolo.info() / "patchkit.json").unlink()  # no release comes with one
    project.wants(DFL)
    answer = project.run("lock", "--python", yolo.python, "--format", "json")
    assert [patch["outcome"] for patch in answer.json["patches"]] == ["upstreamed"]
    assert "can be deleted from the list" in project.run("lock", "--python", yolo.python).out
    assert project.sync("--locked", "--python", yolo.python) == ["upstreamed"]
    assert project.run("sync", "--locked", "--python", yolo.python).code == 0


AS_OTHERS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


def run_as_others(project: Project, *arguments: str | Path) -> Answer:
    """The command line in a folder that its user may not write to."""
    command = [*AS_OTHERS, sys.executable, "-m", "patchkit", *map(str, arguments)]
    path = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=project.folder, check=False, env=path)
    return Answer(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("command", ["lock", "sync"])
def test_a_lock_that_cannot_be_written_is_told_before_the_target_is(
    command: str, project: Project, yolo: Environment
) -> None:
    project.wants(DFL)
    before = snapshot(project.folder, yolo.folder)
    project.folder.chmod(0o555)
    answer = run_as_others(project, command, "--site-packages", yolo.site)
    project.folder.chmod(0o755)
    assert_refused(answer, "patchkit.lock cannot be written", "sync --locked")
    assert snapshot(project.folder, yolo.folder) == before
    project.run("lock", "--site-packages", yolo.site)
    project.folder.chmod(0o555)
    assert run_as_others(project, "sync", "--locked", "--site-packages", yolo.site).code == 0
    project.folder.chmod(0o755)


def test_the_new_lock_goes_back_when_the_target_cannot_be_written(project: Project, yolo: Environment) -> None:
    for old in (None, "lock"):
        if old:
            project.wants(DFL).run("lock", "--site-packages", yolo.site)
            project.wants(DFL, SYNC_BN)
        else:
            project.wants(DFL)
        before = snapshot(project.folder, yolo.folder)
        yolo.loss.parent.chmod(0o555)
        answer = run_as_others(project, "sync", "--site-packages", yolo.site)
        yolo.loss.parent.chmod(0o755)
        assert_refused(answer, yolo.loss.parent)
        assert snapshot(project.folder, yolo.folder) == before


def test_the_readme_shows_what_lock_and_sync_print(project: Project, yolo: Environment) -> None:
    readme = (REPOSITORY / "README.md").read_text()
    section = readme.partition("\n## Lock and sync\n")[2].partition("\n## ")[0]
    project.file.write_text(section.partition("```toml\n")[2].partition("```")[0])
    shown = section.partition("$ patchkit lock\n")[2].partition("```")[0]
    told, _, synced = shown.partition("$ patchkit sync --locked\n")
    answer = project.run("lock", "--python", yolo.python)
    assert answer.err + answer.out == told
    answer = project.run("sync", "--locked", "--python", yolo.python)
    assert answer.out == synced.replace("/opt/venv/bin/python3", str(yolo.python))
