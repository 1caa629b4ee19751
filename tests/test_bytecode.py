"""Compiled copies of the patched file: Python runs the patched code from them, in the form that they had."""

import base64
import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LOSS, Answer, Environment, checked, snapshot, without_bytecode

Patchkit = Callable[..., Answer]
PATCH = "yolov10-dfl"
FORMS = ["timestamp", "checked-hash", "unchecked-hash"]
OPTIONS = {"0": (), "1": ("-O",), "2": ("-OO",)}  # of Python, by the level that they mean
OLD, NEW = ["view", "softmax", "type", "matmul"], ["view", "softmax", "type", "view", "*", "sum"]
FROM_OLD, FROM_NEW = {"calls": OLD, "compiled": False}, {"calls": NEW, "compiled": False}  # read from bytecode

# Written for Python 3.6, run by the Python of the environment. The module itself cannot be imported without torch: its
# loader says which code an import would run, and the method is taken out of that code and run on a recorder.
RUN = """
import importlib.machinery, json, sys, types
path, calls, compiled = sys.argv[1], [], []
sys.dont_write_bytecode = True
class Loader(importlib.machinery.SourceFileLoader):
    def source_to_code(self, data, path, **options):
        compiled.append(path)
        return super().source_to_code(data, path, **options)
class Tensor:
    shape, dtype = (2, 3, 64), None
    def __getattr__(self, name):
        return lambda *arguments: calls.append(name) or self
    def __mul__(self, other):
        calls.append("*")
        return self
def inner(code, name):
    return next(item for item in code.co_consts if isinstance(item, types.CodeType) and item.co_name == name)
code = Loader("loss", path).get_code("loss")
method = types.FunctionType(inner(inner(code, "v8DetectionLoss"), "bbox_decode"), {"dist2bbox": lambda *a, **k: None})
method(types.SimpleNamespace(use_dfl=True, proj=Tensor()), None, Tensor())
print(json.dumps({"calls": calls, "compiled": bool(compiled)}))
"""
COMPILE = """
import importlib.util, py_compile, sys
source, level, form = sys.argv[1:]
target = importlib.util.cache_from_source(source, optimization=level if level != "0" else "")
more = {"invalidation_mode": py_compile.PycInvalidationMode[form.replace("-", "_").upper()]} if form else {}
py_compile.compile(source, target, "/build/loss.py", True, int(level), **more)
print(target)
"""


@dataclass
class Compiled:
    """The bytecode of loss.py for one optimisation level of the Python of an environment."""

    env: Environment
    level: str = "0"
    path: Path = field(init=False)

    def __post_init__(self) -> None:
        self.write()

    def write(self, form: str = "") -> None:
        """Compile the source as it is now, in the given form."""
        done = checked([self.env.python, "-c", COMPILE, self.env.loss, self.level, form])
        self.path = Path(done.stdout.strip())

    def run(self) -> dict[str, Any]:
        """What `bbox_decode` does when Python runs it at this level, and whether the source was compiled anew."""
        answer = checked([self.env.python, *OPTIONS[self.level], "-c", RUN, self.env.loss])
        found: dict[str, Any] = json.loads(answer.stdout)
        return found

    def header(self) -> tuple[str, bool]:
        """Invalidation form, and whether tracebacks still show the file name of the build."""
        data = self.path.read_bytes()
        return {0: "timestamp", 1: "unchecked-hash", 3: "checked-hash"}[data[4]], b"/build/loss.py" in data


def interpreters() -> list[Path]:
    """Of the Pythons of this machine from 3.6 on: the two oldest, the newest and that of the tests."""
    folders = [Path("/usr/bin"), *Path.home().glob(".pyenv/versions/*/bin")]
    found = {sys.version_info[1]: Path(sys.executable)}
    for path in [path for folder in folders for path in sorted(folder.glob("python3.*"))]:
        match = re.fullmatch(r"python3\.(\d+)", path.name)
        if match and int(match[1]) >= 6:
            found.setdefault(int(match[1]), path)
    chosen = {*sorted(found)[:2], sys.version_info[1], max(found)}
    return [found[minor] for minor in sorted(chosen)]


@pytest.fixture
def compiled(yolo: Environment) -> Compiled:
    return Compiled(yolo)


@pytest.mark.parametrize("forms", [FORMS, FORMS[1:] + FORMS[:1], FORMS[2:] + FORMS[:2]], ids=" ".join)
def test_python_runs_the_patched_code_at_every_level_from_bytecode_in_the_form_it_had(
    yolo: Environment, patchkit: Patchkit, forms: list[str]
) -> None:
    copies = [Compiled(yolo, level) for level in OPTIONS]
    for copy, form in zip(copies, forms, strict=True):
        copy.write(form)
    assert [copy.run() for copy in copies] == [FROM_OLD] * 3

    for command, expected in (("apply", FROM_NEW), ("revert", FROM_OLD)):
        assert patchkit(command, PATCH, "--python", yolo.python).code == 0
        assert [copy.run() for copy in copies] == [expected] * 3
        assert [copy.header() for copy in copies] == [(form, True) for form in forms]
        if command == "apply":
            assert patchkit("verify", "--python", yolo.python).code == 0
            assert patchkit("verify", "--fast", "--python", yolo.python).code == 0


@pytest.mark.parametrize("python", interpreters(), ids=lambda path: path.name)
def test_any_python_of_the_machine_runs_the_patched_code(
    python: Path, unpacked: Callable[[str], Path], patchkit: Patchkit, tmp_path: Path
) -> None:
    checked([python, "-m", "venv", "--without-pip", tmp_path / "env"])
    env = Environment(tmp_path / "env")
    shutil.copytree(unpacked("ultralytics==8.2.50"), env.site, dirs_exist_ok=True)
    copies = [Compiled(env, "0"), Compiled(env, "2")]
    before = without_bytecode(snapshot(env.folder))

    assert patchkit("apply", PATCH, "--python", env.python).code == 0
    assert [copy.run() for copy in copies] == [FROM_NEW] * 2
    assert patchkit("verify", "--site-packages", env.site).code == 0
    assert patchkit("verify", "--fast", "--python", env.python).code == 0
    assert patchkit("revert", PATCH, "--site-packages", env.site).code == 0
    assert [copy.run() for copy in copies] == [FROM_OLD] * 2
    assert without_bytecode(snapshot(env.folder)) == before


def test_bytecode_of_a_python_that_is_not_at_hand_is_removed_and_that_of_other_files_stays(
    yolo: Environment, patchkit: Patchkit, compiled: Compiled
) -> None:
    folder = yolo.loss.parent / "__pycache__"
    foreign = [folder / name for name in ("loss.cpython-36.pyc", "loss.cpython-39.opt-1.pyc", "loss.pypy310.pyc")]
    for path in foreign:
        path.write_bytes(compiled.path.read_bytes())
    (folder / "loss.cpython-37.opt-2.pyc").write_bytes(b"")
    (folder / "losses.cpython-36.pyc").write_bytes(b"of another file")
    others = {path: path.read_bytes() for path in yolo.site.rglob("*.pyc") if not path.name.startswith("loss.")}

    assert patchkit("apply", PATCH, "--python", yolo.python).code == 0
    assert [path.name for path in folder.glob("loss.*")] == [compiled.path.name]
    assert {path: path.read_bytes() for path in others} == others


def test_damaged_bytecode_does_no_harm(yolo: Environment, patchkit: Patchkit, compiled: Compiled) -> None:
    for data in (b"", compiled.path.read_bytes()[:400]):
        compiled.path.write_bytes(data)
        assert patchkit("apply", PATCH, "--python", yolo.python).code == 0
        assert compiled.run()["calls"] == NEW
        assert patchkit("verify", "--python", yolo.python).code == 0
        assert patchkit("revert", PATCH, "--python", yolo.python).code == 0


def test_a_package_without_bytecode_gets_none(yolo: Environment, patchkit: Patchkit, compiled: Compiled) -> None:
    compiled.path.unlink()
    assert patchkit("apply", PATCH, "--python", yolo.python).code == 0
    assert not compiled.path.exists()
    assert compiled.run() == {"calls": NEW, "compiled": True}
    assert patchkit("verify", "--python", yolo.python).code == 0


def test_old_bytecode_never_runs_though_the_package_carries_the_time_of_the_patch(
    yolo: Environment, patchkit: Patchkit, compiled: Compiled
) -> None:
    """Timestamp bytecode counts for current if the seconds and the size agree: here the seconds do."""
    os.utime(yolo.loss, (1_700_000_000, 1_700_000_000))
    compiled.write("timestamp")
    for command, expected in (("apply", FROM_NEW), ("revert", FROM_OLD)):
        variables = {"SOURCE_DATE_EPOCH": "1700000000"}
        assert patchkit(command, PATCH, "--python", yolo.python, env=variables).code == 0
        assert compiled.run() == expected


@pytest.mark.parametrize("level", OPTIONS)
def test_stale_unchecked_bytecode_fails_both_forms_of_verify(yolo: Environment, patchkit: Patchkit, level: str) -> None:
    copy = Compiled(yolo, level)
    copy.write("unchecked-hash")
    stale = copy.path.read_bytes()
    assert patchkit("apply", PATCH, "--python", yolo.python).code == 0
    copy.path.write_bytes(stale)
    assert copy.run() == FROM_OLD, "Python runs the old code"
    for options in ((), ("--fast",)):
        answer = patchkit("verify", *options, "--python", yolo.python)
        assert answer.code == 1
        assert copy.path.name in answer.out
        assert f"hint: delete {copy.path}" in answer.out
    copy.path.unlink()
    assert patchkit("verify", "--python", yolo.python).code == 0


def test_stale_unchecked_bytecode_is_renewed_by_what_applies(
    yolo: Environment, patchkit: Patchkit, compiled: Compiled, tmp_path: Path
) -> None:
    (tmp_path / "patchkit.toml").write_text(f'[[patch]]\nid = "{PATCH}"\n')
    compiled.write("unchecked-hash")
    stale, target = compiled.path.read_bytes(), ("--python", yolo.python)
    assert patchkit("sync", *target, cwd=tmp_path).code == 0
    good = compiled.path.read_bytes()
    for command in (["apply", PATCH], ["sync"], ["sync", "--locked"]):
        compiled.path.write_bytes(stale)
        assert compiled.run() == FROM_OLD
        assert patchkit("apply", PATCH, "--check", *target).code == 1
        answer = patchkit(*command, *target, "--format", "json", cwd=tmp_path)
        assert (answer.code, answer.outcomes) == (0, ["applied"])
        assert compiled.path.name in answer.json["results"][0]["message"]
        assert (compiled.run(), compiled.path.read_bytes()) == (FROM_NEW, good)
        assert patchkit("verify", "--fast", *target).code == 0


def test_stale_bytecode_that_claims_to_be_of_the_patched_file_fails_verify(
    yolo: Environment, patchkit: Patchkit, compiled: Compiled
) -> None:
    stale = compiled.path.read_bytes()
    assert patchkit("apply", PATCH, "--python", yolo.python).code == 0
    compiled.path.write_bytes(compiled.path.read_bytes()[:16] + stale[16:])
    assert compiled.run() == FROM_OLD, "Python runs the old code"
    answer = patchkit("verify", "--python", yolo.python)
    assert answer.code == 1
    assert "Python would run it" in answer.out


def test_stale_bytecode_that_python_ignores_is_no_failure(
    yolo: Environment, patchkit: Patchkit, compiled: Compiled
) -> None:
    compiled.write("checked-hash")
    stale = compiled.path.read_bytes()
    assert patchkit("apply", PATCH, "--python", yolo.python).code == 0
    compiled.path.write_bytes(stale)
    assert compiled.run() == {"calls": NEW, "compiled": True}
    for options in ((), ("--fast",)):
        assert patchkit("verify", *options, "--python", yolo.python).code == 0


def test_a_record_row_that_hashes_the_bytecode_follows_it(
    yolo: Environment, patchkit: Patchkit, compiled: Compiled
) -> None:
    def row() -> list[str]:
        with record.open(newline="") as file:
            return next(row for row in csv.reader(file) if row[0] == place)

    def expected() -> list[str]:
        data = compiled.path.read_bytes()
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        return [place, f"sha256={digest}", str(len(data))]

    record, place = yolo.info() / "RECORD", compiled.path.relative_to(yolo.site).as_posix()
    compiled.write("unchecked-hash")
    original = record.read_text().replace(f"{place},,\n", ",".join(expected()) + "\n")
    record.write_text(original)
    assert row() == expected()
    assert patchkit("apply", PATCH, "--python", yolo.python).code == 0
    assert row() == expected()
    assert patchkit("revert", PATCH, "--python", yolo.python).code == 0
    assert record.read_text() == original


def test_bytecode_without_its_source_is_refused(yolo: Environment, patchkit: Patchkit, compiled: Compiled) -> None:
    """Python runs a `loss.pyc` beside the place of a missing `loss.py`, and ignores it while the source is there."""
    legacy = yolo.loss.with_suffix(".pyc")
    legacy.write_bytes(compiled.path.read_bytes())
    before = legacy.read_bytes()
    assert patchkit("apply", PATCH, "--python", yolo.python).code == 0
    assert patchkit("verify", "--python", yolo.python).code == 0
    assert patchkit("revert", PATCH, "--python", yolo.python).code == 0
    assert legacy.read_bytes() == before

    yolo.loss.unlink()
    files = snapshot(yolo.site)
    answer = patchkit("apply", PATCH, "--python", yolo.python)
    assert answer.code == 2
    assert f"{LOSS} is listed in RECORD but missing" in answer.out
    assert snapshot(yolo.site) == files


def test_python_itself_writes_good_bytecode_after_the_patch(
    yolo: Environment, patchkit: Patchkit, compiled: Compiled
) -> None:
    assert patchkit("apply", PATCH, "--python", yolo.python).code == 0
    source = yolo.loss.stat().st_mtime_ns
    subprocess.run([yolo.python, "-m", "compileall", "-q", yolo.loss.parent], check=True)
    assert compiled.run() == FROM_NEW
    assert yolo.loss.stat().st_mtime_ns == source
    assert patchkit("verify", "--python", yolo.python).code == 0
