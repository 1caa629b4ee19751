"""The marker that a patched distribution carries in its dist-info, and what becomes of it."""

import hashlib
import importlib.metadata
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import LOSS, Environment, snapshot, wheel, without_bytecode
from tests.projects import Project
from tests.support import NEWEST, PATCH, RELEASE, TWIN, Build, Patchkit, assert_refused, codes, rows, state, true_row

OTHER = "ultralytics-sync-bn"
MARKER = "ultralytics-8.2.50.dist-info/patchkit.json"


def marked(env: Environment, name: str = "ultralytics") -> list[str]:
    """The patches that the marker of a distribution names."""
    marker = env.info(name) / "patchkit.json"
    return [patch["patch"] for patch in json.loads(marker.read_bytes())["patches"]] if marker.exists() else []


def test_the_metadata_of_a_patched_distribution_says_what_was_patched(yolo: Environment, patchkit: Patchkit) -> None:
    before, target = (yolo.info() / "RECORD").read_bytes(), ("--site-packages", yolo.site)
    original = hashlib.sha256(yolo.loss.read_bytes()).hexdigest()
    assert patchkit("apply", PATCH, *target).code == 0

    content = json.loads((yolo.site / MARKER).read_bytes())
    assert content["schema"] == 1
    (patch,) = content["patches"]
    assert (patch["patch"], patch["version"], patch["pack"]) == (PATCH, "1.0.0", "patchkit.patches")
    assert patch["title"].startswith("DFL decode without cuBLAS")
    assert "https://github.com/THU-MIG/yolov10/issues/151" in [one["url"] for one in patch["references"]]
    after = hashlib.sha256(yolo.loss.read_bytes()).hexdigest()
    assert patch["files"] == [{"path": LOSS, "before_sha256": original, "after_sha256": after}]

    (distribution,) = importlib.metadata.distributions(name="ultralytics", path=[str(yolo.site)])
    assert MARKER in [str(file) for file in distribution.files or ()]
    lines = (yolo.info() / "RECORD").read_text().splitlines()
    own = next(number for number, line in enumerate(lines) if line.endswith("dist-info/RECORD,,"))
    assert lines[own - 1] == true_row(yolo.site, MARKER)
    answer = patchkit("verify", "--fast", *target, "--format", "json")
    assert [check["ok"] for check in answer.json["checks"] if check["path"] == MARKER] == [True]

    assert patchkit("revert", PATCH, *target).code == 0
    assert not (yolo.site / MARKER).exists()
    assert (yolo.info() / "RECORD").read_bytes() == before


def _as_pip_writes_it(record: bytes) -> bytes:
    assert record.endswith(b"\r\n")
    return record


def _as_uv_writes_it(record: bytes) -> bytes:
    return record.replace(b"\r\n", b"\n")


def _without_own_row(record: bytes) -> bytes:
    return b"".join(line for line in record.splitlines(keepends=True) if b"dist-info/RECORD" not in line)


def _without_final_newline(record: bytes) -> bytes:
    return record.rstrip(b"\r\n")


def _own_row_alone_at_the_end(record: bytes) -> bytes:
    return _without_own_row(record) + b"ultralytics-8.2.50.dist-info/RECORD,,"


FORMS = [_as_pip_writes_it, _as_uv_writes_it, _without_own_row, _without_final_newline, _own_row_alone_at_the_end]


@pytest.mark.parametrize("others", [(), (OTHER,)], ids=["alone", "stacked"])
def test_without_the_state_folder_nothing_goes_on_until_a_reinstall(
    others: tuple[str, ...], yolo: Environment, patchkit: Patchkit, tmp_path: Path
) -> None:
    """As in an image into which the packages were copied without what begins with a dot."""
    target = ("--python", yolo.python)
    project = Project(tmp_path / "project", patchkit)
    project.folder.mkdir()
    project.wants(PATCH).run("lock", *target)
    assert patchkit("apply", PATCH, *others, *target).code == 0
    shutil.rmtree(yolo.site / ".patchkit")
    before = snapshot(project.folder, yolo.folder)
    fact = f"ultralytics 8.2.50 was patched by patchkit with {', '.join(f'{id} 1.0.0' for id in (PATCH, *others))}"
    step = "pip install --force-reinstall --no-deps 'ultralytics==8.2.50'"
    planning = [["apply", PATCH], ["apply", OTHER], ["lock"], ["lock", "--check"], ["sync"], ["sync", "--locked"]]
    looking = [["sbom"], ["status"], ["verify"], ["verify", "--fast", PATCH], ["revert", PATCH], ["revert", "--all"]]
    for command in [*planning, *looking]:
        answer = project.run(*command, *target)
        assert_refused(answer, fact, "the originals", step)
        assert ("conflict" in answer.out) == (command in planning)
    assert snapshot(project.folder, yolo.folder) == before

    yolo.pip("install", "--force-reinstall", "--no-deps", wheel(RELEASE))
    assert patchkit("sbom", *target).code == 0
    assert project.sync("--locked", *target) == ["applied"]


def test_originals_that_are_back_are_patched_though_a_marker_stayed(yolo: Environment, patchkit: Patchkit) -> None:
    target, record = ("--site-packages", yolo.site), yolo.info() / "RECORD"
    before = yolo.loss.read_bytes(), record.read_bytes()
    assert patchkit("apply", PATCH, *target).code == 0
    shutil.rmtree(yolo.site / ".patchkit")
    yolo.loss.write_bytes(before[0])
    record.write_bytes(before[1])
    assert patchkit("apply", PATCH, *target).code == 0
    assert codes(patchkit, *target) == (0, 0)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_record_comes_back_byte_for_byte(
    form: Callable[[bytes], bytes], yolo: Environment, patchkit: Patchkit
) -> None:
    record, target = yolo.info() / "RECORD", ("--site-packages", yolo.site)
    before = form(record.read_bytes())
    record.write_bytes(before)
    assert patchkit("apply", PATCH, *target).code == 0
    assert codes(patchkit, *target) == (0, 0)
    assert rows(record)[MARKER].strip() == true_row(yolo.site, MARKER)
    assert record.read_bytes().endswith(b"\n") == before.endswith(b"\n")
    assert (b"\r\n" in record.read_bytes()) == (b"\r\n" in before)
    assert patchkit("revert", "--all", *target).code == 0
    assert record.read_bytes() == before


def test_both_owners_of_a_file_carry_a_marker(environment: Build, patchkit: Patchkit) -> None:
    env = environment(NEWEST, TWIN)
    target, before = ("--python", env.python), without_bytecode(snapshot(env.folder))
    assert patchkit("apply", PATCH, *target).code == 0
    for name in ("ultralytics", "ultralytics_opencv_headless"):
        assert marked(env, name) == [PATCH]
    assert codes(patchkit, *target) == (0, 0)
    assert patchkit("revert", PATCH, *target).code == 0
    assert without_bytecode(snapshot(env.folder)) == before


def test_a_name_with_a_comma_is_quoted_in_record(yolo: Environment, patchkit: Patchkit) -> None:
    info = yolo.site / 'odd,"name"-1.0.dist-info'
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1.0\n")
    (info / "RECORD").write_text(f"{true_row(yolo.site)}\n")
    before, target = (info / "RECORD").read_bytes(), ("--site-packages", yolo.site)
    assert patchkit("apply", PATCH, *target).code == 0
    assert f"{info.name}/patchkit.json" in rows(info / "RECORD")
    assert codes(patchkit, *target) == (0, 0)
    assert patchkit("revert", PATCH, *target).code == 0
    assert (info / "RECORD").read_bytes() == before
    assert not (info / "patchkit.json").exists()


def test_where_no_record_lists_the_file_there_is_no_marker(yolo: Environment, patchkit: Patchkit) -> None:
    record, target = yolo.info() / "RECORD", ("--site-packages", yolo.site)
    record.write_bytes(b"".join(line for line in record.read_bytes().splitlines(True) if LOSS.encode() not in line))
    before = record.read_bytes()
    assert patchkit("apply", PATCH, *target, "--allow-drift").code == 0
    assert codes(patchkit, *target) == (0, 0)
    assert (record.read_bytes(), marked(yolo)) == (before, [])


def test_a_source_tree_gets_no_marker(yolo: Environment, tmp_path: Path, patchkit: Patchkit) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(yolo.site / "ultralytics", tree / "ultralytics")
    assert patchkit("apply", PATCH, "--path", tree).code == 0
    assert codes(patchkit, "--path", tree) == (0, 0)
    assert not list(tree.rglob("patchkit.json"))


@pytest.mark.parametrize("installer", ["conda", "debian"])
def test_an_installer_that_does_not_remove_by_record_finds_nothing_new(
    installer: str, yolo: Environment, patchkit: Patchkit
) -> None:
    """Its dist-info would be left behind with the marker alone."""
    (yolo.info() / "INSTALLER").write_text(f"{installer}\n")
    target = ("--site-packages", yolo.site)
    assert patchkit("apply", PATCH, *target).code == 0
    assert marked(yolo) == []
    assert codes(patchkit, *target) == (0, 0)


UV = [str(Path(sys.executable).with_name("uv")), "--quiet", "--no-config", "--offline", "pip"]


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_a_reinstall_takes_the_marker_away_and_apply_brings_it_back(
    tool: str, yolo: Environment, patchkit: Patchkit
) -> None:
    target, file = ("--python", yolo.python), wheel(RELEASE)
    assert patchkit("apply", PATCH, *target).code == 0
    applied = (yolo.info() / "RECORD").read_bytes()
    if tool == "pip":
        yolo.pip("install", "--force-reinstall", "--no-deps", file)
    else:
        subprocess.run([*UV, "install", "--python", yolo.python, "--reinstall", "--no-deps", file], check=True)
    assert not (yolo.site / MARKER).exists()
    assert codes(patchkit, *target) == (1, 1)
    assert state(patchkit, *target) == (1, ["lost"])
    assert patchkit("apply", PATCH, *target).code == 0
    assert codes(patchkit, *target) == (0, 0)
    assert MARKER in rows(yolo.info() / "RECORD")
    assert rows(yolo.info() / "RECORD")[MARKER].strip().encode() in applied


def test_a_marker_names_no_patch_that_a_reinstall_took_away(yolo: Environment, patchkit: Patchkit) -> None:
    target = ("--site-packages", yolo.site)
    assert patchkit("apply", PATCH, OTHER, *target).code == 0
    assert marked(yolo) == [PATCH, OTHER]
    yolo.pip("install", "--force-reinstall", "--no-deps", wheel(RELEASE))
    assert patchkit("apply", OTHER, *target).code == 0
    assert marked(yolo) == [OTHER]
    assert patchkit("verify", "--fast", OTHER, *target).code == 0
    assert patchkit("apply", PATCH, *target).code == 0
    assert sorted(marked(yolo)) == [OTHER, PATCH]
    assert patchkit("revert", PATCH, *target).code == 0
    assert marked(yolo) == [OTHER]
    assert codes(patchkit, *target) == (0, 0)


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_an_uninstall_leaves_nothing_of_it(tool: str, yolo: Environment, patchkit: Patchkit) -> None:
    assert patchkit("apply", PATCH, "--python", yolo.python).code == 0
    if tool == "pip":
        yolo.pip("uninstall", "--yes", "ultralytics")
    else:
        subprocess.run([*UV, "uninstall", "--python", yolo.python, "ultralytics"], check=True)
    assert not list(yolo.site.glob("ultralytics*"))


def test_an_upgrade_leaves_no_old_metadata_behind(yolo: Environment, patchkit: Patchkit) -> None:
    target = ("--python", yolo.python)
    assert patchkit("apply", PATCH, *target).code == 0
    yolo.pip("install", "--no-deps", wheel(NEWEST))
    assert [path.name for path in yolo.site.glob("ultralytics-*")] == ["ultralytics-8.4.190.dist-info"]
    assert patchkit("apply", PATCH, *target).code == 0
    assert marked(yolo) == [PATCH]
    assert codes(patchkit, *target) == (0, 0)
    assert patchkit("revert", "--all", *target).code == 0
    assert not list(yolo.site.rglob("patchkit.json"))


@pytest.mark.parametrize("damage", ["removed", "edited", "row removed"])
def test_verify_tells_a_marker_that_is_not_right_and_apply_mends_it(
    damage: str, yolo: Environment, patchkit: Patchkit
) -> None:
    target, marker, record = ("--site-packages", yolo.site), yolo.site / MARKER, yolo.info() / "RECORD"
    pristine = record.read_bytes()
    assert patchkit("apply", PATCH, *target).code == 0
    before = without_bytecode(snapshot(yolo.site))
    if damage == "removed":
        marker.unlink()
    elif damage == "edited":
        marker.write_text(marker.read_text().replace(PATCH, OTHER))
    else:
        record.write_bytes(b"".join(line for line in record.read_bytes().splitlines(True) if b"patchkit.j" not in line))
    assert codes(patchkit, *target) == (1, 1)
    answer = patchkit("verify", "--fast", *target, "--format", "json")
    (failed,) = [check for check in answer.json["checks"] if not check["ok"]]
    assert (failed["check"], failed["path"]) == ("record", MARKER)
    assert failed["hint"] == f"patchkit apply {PATCH} --site-packages {yolo.site}"
    damaged = snapshot(yolo.site)
    answer = patchkit("apply", PATCH, *target, "--check", "--format", "json")
    assert (answer.code, answer.outcomes) == (1, ["would-apply"])
    assert snapshot(yolo.site) == damaged
    answer = patchkit("apply", PATCH, *target)
    assert answer.code == 0
    assert f"its files hold; out of date beside them: {MARKER}" in answer.out
    assert without_bytecode(snapshot(yolo.site)) == before
    assert codes(patchkit, *target) == (0, 0)
    assert patchkit("revert", PATCH, *target).code == 0
    assert record.read_bytes() == pristine


def test_a_file_of_that_name_that_is_not_ours_is_kept(yolo: Environment, patchkit: Patchkit, tmp_path: Path) -> None:
    target, marker = ("--site-packages", yolo.site), yolo.site / MARKER
    project = Project(tmp_path / "project", patchkit)
    project.folder.mkdir()
    project.wants(PATCH).run("lock", *target)
    marker.write_text('{"of": "somebody else"}')
    before = snapshot(yolo.site, project.folder)
    for command in (["apply", PATCH], ["apply", PATCH, "--check"], ["sync"], ["sync", "--locked"]):
        answer = project.run(*command, *target)
        assert_refused(answer, f"{marker} is there, and patchkit did not write it", "move it away")
    assert snapshot(yolo.site, project.folder) == before

    marker.unlink()
    assert patchkit("apply", PATCH, *target).code == 0
    record = yolo.info() / "RECORD"
    record.write_bytes(b"".join(line for line in record.read_bytes().splitlines(True) if b"patchkit.j" not in line))
    marker.write_text("put there later")
    assert_refused(patchkit("apply", PATCH, *target), f"{marker} is there, and patchkit did not write it")
    assert patchkit("revert", PATCH, *target).code == 0
    assert marker.read_text() == "put there later"


def test_a_file_of_that_name_that_the_package_ships_is_kept(yolo: Environment, patchkit: Patchkit) -> None:
    target, marker, record = ("--site-packages", yolo.site), yolo.site / MARKER, yolo.info() / "RECORD"
    marker.write_text('{"of": "the package"}')
    record.write_bytes(f"{true_row(yolo.site, MARKER)}\r\n".encode() + record.read_bytes())
    before = snapshot(yolo.site)
    for command in (["apply", PATCH], ["apply", PATCH, "--check"]):
        assert_refused(patchkit(*command, *target), f"{marker} is there, and patchkit did not write it")
    assert snapshot(yolo.site) == before


def test_a_file_of_that_name_that_a_reinstall_brought_is_kept(yolo: Environment, patchkit: Patchkit) -> None:
    target, marker, record = ("--site-packages", yolo.site), yolo.site / MARKER, yolo.info() / "RECORD"
    pristine, original = record.read_bytes(), yolo.loss.read_bytes()
    assert patchkit("apply", PATCH, *target).code == 0
    marker.write_text('{"of": "the package"}')
    anew = f"{true_row(yolo.site, MARKER)}\r\n".encode() + pristine
    record.write_bytes(anew)
    yolo.loss.write_bytes(original)
    assert patchkit("revert", PATCH, *target).code == 0
    assert (marker.read_text(), record.read_bytes()) == ('{"of": "the package"}', anew)


def test_without_a_record_apply_promises_no_marker_and_revert_leaves_none(
    yolo: Environment, patchkit: Patchkit
) -> None:
    target, record = ("--site-packages", yolo.site), yolo.info() / "RECORD"
    original = yolo.loss.read_bytes()
    assert patchkit("apply", PATCH, *target).code == 0
    record.unlink()
    answer = patchkit("verify", "--fast", *target, "--format", "json")
    (failed,) = [check for check in answer.json["checks"] if not check["ok"] and check["path"] == MARKER]
    assert failed["hint"].startswith("pip install --force-reinstall")
    assert patchkit("apply", PATCH, *target, "--check").code == 0
    assert patchkit("revert", PATCH, *target).code == 0
    assert (yolo.loss.read_bytes(), (yolo.site / MARKER).exists()) == (original, False)


def test_a_receipt_that_is_lost_while_others_are_there_is_told(yolo: Environment, patchkit: Patchkit) -> None:
    """As with an older state folder copied over a newer one."""
    target, ledger = ("--site-packages", yolo.site), yolo.site / ".patchkit/ledger.json"
    assert patchkit("apply", PATCH, *target).code == 0
    older = ledger.read_bytes()
    assert patchkit("apply", OTHER, *target).code == 0
    ledger.write_bytes(older)
    before = snapshot(yolo.site)
    for command in (["apply", PATCH], ["apply", PATCH, "--check"], ["apply", OTHER], ["revert", "--all"]):
        answer = patchkit(*command, *target)
        assert_refused(answer, f"ultralytics 8.2.50 was patched by patchkit with {OTHER} 1.0.0", "pip install --force")
    assert snapshot(yolo.site) == before
    yolo.pip("install", "--no-deps", wheel("paddledet==2.6.0"))
    assert patchkit("apply", "ppyoloe-masked-select", *target).code == 0, "another package is not concerned"
    yolo.pip("install", "--force-reinstall", "--no-deps", wheel(RELEASE))
    assert patchkit("apply", PATCH, OTHER, *target).code == 0
    assert codes(patchkit, *target) == (0, 0)


def test_a_ledger_of_before_there_were_markers_is_brought_up_to_date_by_apply(
    yolo: Environment, patchkit: Patchkit
) -> None:
    target, ledger, record = ("--site-packages", yolo.site), yolo.site / ".patchkit/ledger.json", yolo.info() / "RECORD"
    assert patchkit("apply", PATCH, OTHER, *target).code == 0
    before = without_bytecode(snapshot(yolo.site))
    content = json.loads(ledger.read_bytes())
    for receipt in content["receipts"]:
        del receipt["title"], receipt["references"]
    ledger.write_text(json.dumps(content))
    (yolo.site / MARKER).unlink()
    record.write_bytes(b"".join(line for line in record.read_bytes().splitlines(True) if b"patchkit.j" not in line))

    assert state(patchkit, *target) == (0, ["applied", "applied"])
    assert f"patchkit apply {PATCH}" in patchkit("verify", "--fast", *target).out
    answer = patchkit("apply", PATCH, OTHER, *target, "--format", "json")
    assert (answer.code, answer.outcomes) == (0, ["applied"] * 2)
    assert without_bytecode(snapshot(yolo.site)) == before


@pytest.mark.parametrize(
    "fault", [{"title": 5}, {"title": "a\0b"}, {"references": 5}, {"references": [{"kind": "issue"}]}], ids=str
)
def test_a_ledger_whose_words_are_no_text_is_refused(
    fault: dict[str, object], yolo: Environment, patchkit: Patchkit
) -> None:
    target, ledger = ("--site-packages", yolo.site), yolo.site / ".patchkit/ledger.json"
    assert patchkit("apply", PATCH, *target).code == 0
    content = json.loads(ledger.read_bytes())
    content["receipts"][0] |= fault
    ledger.write_text(json.dumps(content))
    answer = patchkit("verify", *target)
    assert (answer.code, "is damaged" in answer.err) == (2, True)


def test_two_builds_write_the_same_marker(environment: Build, patchkit: Patchkit) -> None:
    seen = []
    for name in ("first", "second"):
        env = environment(RELEASE, name=name)
        answer = patchkit("apply", PATCH, OTHER, "--python", env.python, env={"SOURCE_DATE_EPOCH": "1700000000"})
        assert answer.code == 0
        files = [env.site / MARKER, env.info() / "RECORD", env.site / ".patchkit/ledger.json"]
        seen.append([(file.read_bytes(), file.stat().st_mtime, file.stat().st_mode) for file in files])
        assert str(env.folder).encode() not in b"".join(data for data, _, _ in seen[-1])
    assert seen[0] == seen[1]
    assert {mtime for _, mtime, _ in seen[0]} == {1700000000}


def test_doctor_has_nothing_to_say_of_it(yolo: Environment, patchkit: Patchkit) -> None:
    def findings() -> list[dict[str, str]]:
        found: list[dict[str, str]] = patchkit("doctor", "--python", yolo.python, "--format", "json").json["findings"]
        return [finding for finding in found if finding["rule"] != "patch-not-applied"]

    before = findings()
    assert patchkit("apply", PATCH, "--python", yolo.python).code == 0
    assert findings() == before
