"""The hook and the workflow of the README: the hook runs in a real pre-commit, the workflow's shape is checked."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from image_tests.readme import HOOK, WORKFLOW
from image_tests.stand_ins import copy_checkout
from tests.conftest import CACHE, checked, held

GOOD = "model: yolov10n.pt\ndata: coco.yaml\noptimizer: SGD\n"
BAD = GOOD + "copy_pase: 0.3\n"
OPTIONS = {"args": ["--release", "8.2.50", "--gpus", "2", "--select", "unknown-option"]}


@pytest.fixture(scope="session")
def pre_commit() -> Path:
    """pre-commit from PyPI in an environment of its own."""
    folder = CACHE / "environments" / "pre-commit"
    with held(folder.with_suffix(".lock")):
        if not (folder / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            checked([sys.executable, "-m", "venv", folder])
            checked([folder / "bin/python", "-m", "pip", "install", "--quiet", "pre-commit>=4,<5"])
            (folder / "ready").touch()
    return folder / "bin/pre-commit"


@pytest.fixture(scope="session")
def hook_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This checkout as a repository with one commit, as a hook's source has to be."""
    folder = tmp_path_factory.mktemp("hook") / "patchkit"
    copy_checkout(folder)
    commit(folder)
    return folder


def commit(folder: Path) -> None:
    git: list[str | Path] = [
        "git",
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@example.org",
        "-c",
        "init.defaultBranch=main",
        "-C",
        folder,
    ]
    checked([*git, "init", "--quiet"])
    checked([*git, "add", "--all"])
    checked([*git, "commit", "--quiet", "--message", "all"])


def test_the_hook_audits_every_file(pre_commit: Path, hook_repository: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "configs").mkdir(parents=True)
    for name, text in (("train-a.yaml", BAD), ("train b.yaml", GOOD), ("train-c.yaml", BAD)):
        (project / "configs" / name).write_text(text)
    (project / "notes.yaml").write_text("a: 1\n")
    (source,) = yaml.safe_load(HOOK)["repos"]
    (hook,) = source["hooks"]
    assert hook["args"] == ["--gpus", "8", "--release", "8.2.50"]
    config = {
        "repos": [
            {**source, "repo": str(hook_repository), "rev": head(hook_repository), "hooks": [{**hook, **OPTIONS}]}
        ]
    }
    (project / ".pre-commit-config.yaml").write_text(json.dumps(config))
    commit(project)
    done = run(pre_commit, project, tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "configs/train-a.yaml:4:1" in done.stdout
    assert "configs/train-c.yaml:4:1" in done.stdout
    assert "notes.yaml" not in done.stdout
    assert [line for line in done.stdout.splitlines() if " errors, " in line or " error, " in line] == [
        "0 errors, 0 warnings, 0 notes",  # "train b.yaml", with a space in its name
        "1 error, 0 warnings, 0 notes",
        "1 error, 0 warnings, 0 notes",
    ]
    for name in ("train-a.yaml", "train-c.yaml"):
        (project / "configs" / name).write_text(GOOD)
    commit(project)
    assert run(pre_commit, project, tmp_path).returncode == 0


def head(repository: Path) -> str:
    return checked(["git", "-C", repository, "rev-parse", "HEAD"]).stdout.strip()


def run(pre_commit: Path, project: Path, home: Path) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "PRE_COMMIT_HOME": str(home / "pre-commit")}
    return subprocess.run(
        [pre_commit, "run", "--all-files", "--verbose"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        env=env,
    )


def test_the_workflow_uploads_what_a_failing_audit_found() -> None:
    workflow = yaml.safe_load(WORKFLOW)
    (job,) = workflow["jobs"].values()
    audit, upload = job["steps"][-2:]
    assert "patchkit audit" in audit["run"]
    file = audit["run"].rpartition("> ")[2]
    assert upload["uses"].startswith("github/codeql-action/upload-sarif@")
    assert upload["with"]["sarif_file"] == file
    assert upload["if"] == f"${{{{ !cancelled() && hashFiles('{file}') != '' }}}}"
    assert workflow["permissions"] == {"contents": "read", "security-events": "write"}
