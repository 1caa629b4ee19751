"""What `doctor` prints: text, json and sarif, and the example of the README."""

import json
import sys
from pathlib import Path

import pytest

from patchkit.doctor.run import PACKAGE
from patchkit.rule import load_rules
from tests.conftest import REPOSITORY, Environment, wheel
from tests.doctor_look import look, machine, toolkit
from tests.stand_in_wheels import CUBLAS, sound, stand_in
from tests.support import PATCH, RELEASE, Build, Patchkit

pytestmark = pytest.mark.usefixtures("no_caches_of_this_machine")


def test_text_tells_what_is_there_then_what_is_wrong_with_the_commands(
    cuda: Environment, patchkit: Patchkit, tmp_path: Path
) -> None:
    headless = stand_in(tmp_path, "opencv-python-headless", "4.10.0.84", {"cv2/__init__.py": "x"})
    cuda.pip("install", "--no-deps", headless)
    answer = patchkit("doctor", "--python", cuda.python)
    lines = answer.out.splitlines()
    assert (answer.code, answer.err) == (1, "")
    assert lines[1].split() == ["torch", "2.1.0+cu121,", "CUDA", "12.1"]
    at = next(number for number, line in enumerate(lines) if line.startswith("warning [opencv-twice] "))
    assert [line.split(":")[0].strip() for line in lines[at + 1 : at + 4]] == ["evidence", "run", "or"]
    assert lines[-1] == "0 errors, 1 warning, 0 notes"


def test_json_has_the_keys_of_the_contract(yolo: Environment, patchkit: Patchkit) -> None:
    answer = look(patchkit, yolo)
    assert list(answer.json) == ["schema", "command", "environment", "findings", "skipped", "counts"]
    assert (answer.json["schema"], answer.json["command"]) == (1, "doctor")
    finding = answer.json["findings"][0]
    assert list(finding) == ["rule", "severity", "message", "location", "evidence", "fix", "commands"]
    assert answer.json["counts"]["note"] == len(answer.json["findings"])


def test_sarif_has_the_commands_and_keeps_the_exit_code(yolo: Environment, patchkit: Patchkit) -> None:
    with yolo.loss.open("a") as file:
        file.write("# a fix from a blog\n")
    answer = patchkit("doctor", "--python", yolo.python, "--format", "sarif")
    run = json.loads(answer.out)["runs"][0]
    assert answer.code == 1
    (result,) = (one for one in run["results"] if one["ruleId"] == "record-differs")
    assert "pip --python" in result["properties"]["commands"][0]
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == {rule.id for rule in load_rules(PACKAGE)}


def test_explain_knows_the_rules(patchkit: Patchkit) -> None:
    answer = patchkit("explain", "cuda-library-shadowed")
    assert (answer.code, "RUNPATH" in answer.out) == (0, True)


def test_the_example_of_the_readme_is_what_the_command_prints(
    environment: Build, patchkit: Patchkit, tmp_path: Path
) -> None:
    env, wheels = environment(RELEASE), sound(tmp_path / "wheels")
    env.pip("install", "--no-deps", *wheels)
    assert patchkit("apply", PATCH, "--python", env.python).code == 0
    env.pip("install", "--no-deps", "--force-reinstall", wheel(RELEASE))
    env.pip("install", "--no-deps", stand_in(tmp_path / "later", "nvidia-cublas-cu12", "12.4.5.8", CUBLAS))
    system = toolkit(tmp_path / "machine/usr/local/cuda/lib64", "12.2.5.6")
    root = machine(tmp_path / "machine", "535.104.05")
    options = ("--root", root, "--ignore", "patch-not-applied")
    answer = patchkit("doctor", "--python", env.python, *options, env={"LD_LIBRARY_PATH": str(system)})
    shown = answer.out.replace(str(env.folder), "/opt/venv").replace(str(root), "")
    python = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    shown = shown.replace(python, "python3.11").replace(f"{sys.version_info[0]}.{sys.version_info[1]}, ", "3.11, ")
    command = "$ patchkit doctor --python /opt/venv/bin/python --ignore patch-not-applied"
    assert f"```console\n{command}\n{shown}```\n" in (REPOSITORY / "README.md").read_text(), shown
