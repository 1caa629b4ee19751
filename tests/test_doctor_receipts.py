"""`doctor` on packages that are patched while the receipts of their patches are gone, in whole or in part."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Environment, wheel
from tests.doctor_look import cure, look, only, rules, unprivileged
from tests.support import NEWEST, PATCH, RELEASE, TWIN, Build, Patchkit, codes, is_patched, state
from tests.test_packs import Pack

pytestmark = pytest.mark.usefixtures("no_caches_of_this_machine")
OTHER, THIRD = "ultralytics-sync-bn", "third-top"
RULE = "patch-without-receipt"


def forget(env: Environment, *patches: str) -> None:
    """Take the receipts of these patches out of the ledger, as a merge of two copies of it may."""
    ledger = env.site / ".patchkit/ledger.json"
    content = json.loads(ledger.read_bytes())
    content["receipts"] = [receipt for receipt in content["receipts"] if receipt["patch"] not in patches]
    ledger.write_text(json.dumps(content))


def test_a_package_whose_state_folder_is_gone_is_told_and_cured(yolo: Environment, patchkit: Patchkit) -> None:
    assert patchkit("apply", PATCH, "--python", yolo.python).code == 0
    marker = yolo.info() / "patchkit.json"
    shutil.rmtree(yolo.site / ".patchkit")

    answer = look(patchkit, yolo)

    found = only(answer, RULE)
    fact = f"ultralytics 8.2.50 is patched with {PATCH} 1.0.0, and there is no receipt of it"
    assert found["message"].startswith(fact)
    assert (found["severity"], found["location"]["path"]) == ("warning", str(marker))
    assert found["evidence"] == f"{marker} names {PATCH} 1.0.0; {yolo.site}/.patchkit/ledger.json is not there"
    assert [one["rule"] for one in answer.json["findings"]] == [RULE], "apply would refuse every patch of the package"
    assert any(one["rule"] == "patch-not-applied" and RULE in one["reason"] for one in answer.json["skipped"])
    cure(found["commands"][0], wheel(RELEASE))
    assert rules(look(patchkit, yolo)) == set()
    assert state(patchkit, "--python", yolo.python) == (0, ["applied"])
    assert is_patched(yolo.loss)


@pytest.mark.parametrize("gone", [PATCH, THIRD])
def test_of_two_patches_on_a_file_one_receipt_is_gone(
    gone: str, yolo: Environment, patchkit: Patchkit, tmp_path: Path
) -> None:
    pack = Pack(tmp_path / "packs")
    pack.add(THIRD, "v8DetectionLoss.preprocess")
    target = ("--python", yolo.python)
    assert patchkit("apply", PATCH, THIRD, *target, env=pack.env).code == 0
    forget(yolo, gone)

    found = only(look(patchkit, yolo, env=pack.env), RULE)

    assert f"is patched with {gone} 1.0.0, and" in found["message"]
    assert found["evidence"].endswith("ledger.json has no receipt of it")
    assert found["commands"][0].endswith(f"patchkit apply {PATCH} {THIRD} --python {yolo.python}")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", pack.env["PYTHONPATH"])
        cure(found["commands"][0], wheel(RELEASE))
    assert rules(look(patchkit, yolo, env=pack.env)) == set()
    answer = patchkit("status", *target, "--format", "json", env=pack.env)
    assert {one["patch"]: one["state"] for one in answer.json["patches"]} == {PATCH: "applied", THIRD: "applied"}


def test_a_patch_that_no_pack_has_is_not_promised(yolo: Environment, patchkit: Patchkit, tmp_path: Path) -> None:
    pack = Pack(tmp_path / "packs")
    pack.add(THIRD, "v8DetectionLoss.preprocess")
    assert patchkit("apply", PATCH, THIRD, "--python", yolo.python, env=pack.env).code == 0
    shutil.rmtree(yolo.site / ".patchkit")
    found = only(look(patchkit, yolo), RULE)
    assert f"no pack that is installed here has {THIRD}, which a reinstall takes away for good" in found["message"]
    cure(found["commands"][0], wheel(RELEASE))
    assert state(patchkit, "--python", yolo.python) == (0, ["applied"])


def test_in_a_folder_of_packages_the_cure_is_for_the_folder(
    unpacked: Callable[[str], Path], patchkit: Patchkit
) -> None:
    folder = unpacked(RELEASE)
    assert patchkit("apply", PATCH, OTHER, "--site-packages", folder).code == 0
    shutil.rmtree(folder / ".patchkit")
    found = only(look(patchkit, folder), RULE)
    assert f"{PATCH} 1.0.0, {OTHER} 1.0.0, and there is no receipt of them" in found["message"]
    cure(found["commands"][0], wheel(RELEASE))
    assert rules(look(patchkit, folder)) == set()
    assert state(patchkit, "--site-packages", folder) == (0, ["applied", "applied"])


def test_an_environment_of_uv_is_cured_by_uv(uv: Callable[..., Environment], patchkit: Patchkit) -> None:
    env = uv("env", wheel(RELEASE))
    assert patchkit("apply", PATCH, "--python", env.python).code == 0
    shutil.rmtree(env.site / ".patchkit")
    found = only(look(patchkit, env), RULE)
    assert found["commands"][0].startswith("uv pip install --python ")
    cure(found["commands"][0], wheel(RELEASE))
    assert (rules(look(patchkit, env)), is_patched(env.loss)) == (set(), True)


def test_two_owners_of_the_patched_files_are_installed_anew_together(environment: Build, patchkit: Patchkit) -> None:
    env = environment(NEWEST, TWIN)
    target = ("--python", env.python)
    assert patchkit("apply", PATCH, *target).code == 0
    shutil.rmtree(env.site / ".patchkit")
    answer = look(patchkit, env, "--select", RULE)
    first, second = answer.json["findings"]
    assert first["commands"] == second["commands"]
    cure(first["commands"][0], wheel(NEWEST), wheel(TWIN))
    assert look(patchkit, env, "--select", RULE).json["findings"] == []
    assert codes(patchkit, *target) == (0, 0)


@pytest.mark.parametrize("text", ["{", "[]", '{"patches": 1}', '{"patches": [{"patch": ["a"], "files": []}]}'])
def test_what_is_no_marker_of_patchkit_says_nothing(text: str, yolo: Environment, patchkit: Patchkit) -> None:
    (yolo.info() / "patchkit.json").write_text(text)
    answer = look(patchkit, yolo)
    assert (answer.code, rules(answer), answer.json["skipped"]) == (0, set(), [])


def test_a_marker_that_may_not_be_read_is_told(yolo: Environment, patchkit: Patchkit) -> None:
    marker = yolo.info() / "patchkit.json"
    marker.write_text("{}")
    marker.chmod(0)
    told = [one for one in unprivileged(patchkit, yolo).json["skipped"] if one["rule"] == RULE]
    reason = f"{marker} cannot be read: Permission denied; run as a user who may read it"
    assert told == [{"rule": RULE, "reason": reason}]


def test_a_command_that_was_killed_is_told_before_the_receipts_that_it_has_not_written(
    yolo: Environment, patchkit: Patchkit
) -> None:
    assert patchkit("apply", PATCH, "--python", yolo.python).code == 0
    forget(yolo, PATCH)
    (yolo.site / ".patchkit/journal").mkdir()
    answer = look(patchkit, yolo)
    killed = f"a command is at work there, or was killed; 'patchkit status --python {yolo.python}' undoes it"
    assert only(answer, "patch-drifted")["message"].endswith(killed)
    (told,) = (one["reason"] for one in answer.json["skipped"] if one["rule"] == RULE)
    assert told.endswith(f"; 'patchkit status --python {yolo.python}' undoes it")


def test_of_several_folders_the_one_whose_ledger_is_damaged_is_named(
    yolo: Environment, unpacked: Callable[[str], Path], patchkit: Patchkit
) -> None:
    before = unpacked(RELEASE)
    for target in (("--site-packages", before), ("--python", yolo.python)):
        assert patchkit("apply", PATCH, *target).code == 0
    ledger = yolo.site / ".patchkit/ledger.json"
    ledger.write_text('{"schema": 99}')
    found = only(look(patchkit, yolo, env={"PYTHONPATH": str(before)}), "patch-drifted")
    assert found["location"]["path"] == str(ledger)
    assert found["message"].endswith("was written by a newer patchkit; pip install --upgrade patchkit-cv")


def test_a_patched_file_that_may_not_be_read_is_no_finding(yolo: Environment, patchkit: Patchkit) -> None:
    assert patchkit("apply", PATCH, "--python", yolo.python).code == 0
    yolo.loss.chmod(0)
    answer = unprivileged(patchkit, yolo)
    assert (answer.code, rules(answer)) == (0, set())
    (told,) = (one["reason"] for one in answer.json["skipped"] if one["rule"] == "patch-drifted")
    assert told == f"{yolo.loss} cannot be read: Permission denied; run as a user who may read it"
