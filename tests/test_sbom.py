"""`sbom`: documents that hold against the schema of CycloneDX 1.6, and say of patches what is so."""

import base64
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.conftest import LOSS, Answer, Environment, checked, wheel
from tests.stand_in_wheels import stand_in
from tests.support import NEWEST, PATCH, RELEASE, TWIN, Build, Patchkit, assert_refused
from tests.test_packs import Pack

OTHER = "ultralytics-sync-bn"
VALIDATOR = JsonStrictValidator(SchemaVersion.V1_6)
METHOD = (
    "class A:\n    def bbox_decode(self, x):\n        b, a, c = x.shape\n"
    "        x = x.view(b, a, 4, c // 4).softmax(3).matmul(self.proj.type(x.dtype))\n        return x\n"
)


def document(answer: Answer) -> dict[str, Any]:
    """The document of a run that did well, held against the schema, and read back by the library."""
    assert answer.code == 0, answer.err
    assert VALIDATOR.validate_str(answer.out) is None
    Bom.from_json(json.loads(answer.out))  # type: ignore[attr-defined]
    return answer.json


def component(found: dict[str, Any], name: str) -> dict[str, Any]:
    (one,) = [item for item in found["components"] if item["name"] == name]
    return one  # type: ignore[no-any-return]


def diffs(one: dict[str, Any]) -> dict[str, str]:
    """The diff of every patch of a component, by an issue that it resolves."""
    return {patch["resolves"][0]["id"]: patch["diff"]["text"]["content"] for patch in one["pedigree"]["patches"]}


def test_a_patched_package_says_what_was_changed_and_why(yolo: Environment, patchkit: Patchkit) -> None:
    target = ("--site-packages", yolo.site)
    diff = patchkit("apply", PATCH, *target, "--diff").out
    assert patchkit("apply", PATCH, *target).code == 0
    found = document(patchkit("sbom", *target))
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.6")
    assert [tool["name"] for tool in found["metadata"]["tools"]["components"]] == ["patchkit-cv"]

    one = component(found, "ultralytics")
    assert (one["type"], one["version"], one["bom-ref"]) == ("library", "8.2.50", "ultralytics==8.2.50")
    (original,) = one["pedigree"]["ancestors"]
    assert (original["name"], original["version"], "pedigree" in original) == ("ultralytics", "8.2.50", False)
    assert one["pedigree"]["notes"] == "Patched by patchkit, in this order: yolov10-dfl 1.0.0"
    (patch,) = one["pedigree"]["patches"]
    assert patch["type"] == "unofficial"
    assert patch["diff"]["text"] == {"content": diff, "contentType": "text/x-diff"}
    assert [issue["id"] for issue in patch["resolves"]] == ["THU-MIG/yolov10#151", "THU-MIG/yolov10#209"]
    issue = patch["resolves"][0]
    assert issue["type"] == "defect"
    assert issue["name"].startswith("DFL decode without cuBLAS")
    assert issue["source"] == {"name": "github.com", "url": "https://github.com/THU-MIG/yolov10/issues/151"}
    assert "https://arxiv.org/abs/2006.04388" in issue["references"]


def test_an_environment_without_patches_is_a_plain_list(yolo: Environment, patchkit: Patchkit) -> None:
    found = document(patchkit("sbom", "--python", yolo.python))
    assert (
        found["components"]
        == document(patchkit("sbom", "--site-packages", yolo.site, "--format", "json"))["components"]
    )
    assert [one["name"] for one in found["components"]] == ["ultralytics"]
    assert "pedigree" not in found["components"][0]


def test_the_environment_that_patchkit_runs_in_is_the_target_by_default(patchkit: Patchkit) -> None:
    found = document(patchkit("sbom"))
    names = {one["name"].lower() for one in found["components"]}
    assert {"typer", "libcst", "pytest", "cyclonedx-python-lib"} <= names
    (pytest_,) = [one for one in found["dependencies"] if one["ref"].startswith("pytest==")]
    assert "pluggy" in {ref.partition("==")[0] for ref in pytest_["dependsOn"]}


def test_patches_on_one_file_have_each_their_own_lines(tmp_path: Path, yolo: Environment, patchkit: Patchkit) -> None:
    """Stacked: what the lower one left is kept as the original of the upper one."""
    pack = Pack(tmp_path / "pack")
    pack.add("on-top", "v8DetectionLoss.preprocess")
    target = ("--site-packages", yolo.site)
    assert patchkit("apply", PATCH, "on-top", *target, env=pack.env).code == 0
    one = component(document(patchkit("sbom", *target)), "ultralytics")  # the ledger is enough: the pack is not needed
    assert one["pedigree"]["notes"].endswith("in this order: yolov10-dfl 1.0.0, on-top 1.0.0")
    changed = {
        id: [line for line in text.splitlines() if line.startswith(("+ ", "- "))] for id, text in diffs(one).items()
    }
    assert set(changed) == {"THU-MIG/yolov10#151", "on-top"}
    assert {line.strip("+ ") for line in changed["on-top"]} == {"patched_on_top = True"}
    assert len(changed["THU-MIG/yolov10#151"]) == 4
    assert all("softmax" in line for line in changed["THU-MIG/yolov10#151"])
    upper = next(patch for patch in one["pedigree"]["patches"] if patch["resolves"][0]["id"] == "on-top")
    assert upper["resolves"] == [{"type": "defect", "id": "on-top", "name": "a patch of a third party"}]


def test_what_is_no_link_is_left_out(tmp_path: Path, yolo: Environment, patchkit: Patchkit) -> None:
    """References are text of whoever wrote the manifest."""
    pack = Pack(tmp_path / "pack")
    urls = ["http://[bad", "%zz", "see the wiki", "https://a.org/b c", "https://a.org/issues/5", "https://a.org/{x}"]
    lines = "".join(f"  - {{kind: issue, title: t, url: {json.dumps(url)}}}\n" for url in urls)
    pack.add("odd-links", "v8DetectionLoss.preprocess", extra=f"references:\n{lines}")
    target = ("--site-packages", yolo.site)
    assert patchkit("apply", "odd-links", *target, env=pack.env).code == 0
    (patch,) = component(document(patchkit("sbom", *target)), "ultralytics")["pedigree"]["patches"]
    assert sorted(issue["source"]["url"] for issue in patch["resolves"]) == [
        *("http://%5Bbad", "https://a.org/%7Bx%7D", "https://a.org/b%20c", "https://a.org/issues/5")
    ]


def test_both_owners_of_a_patched_file_say_so(environment: Build, patchkit: Patchkit) -> None:
    env = environment(NEWEST, TWIN)
    assert patchkit("apply", PATCH, "--python", env.python).code == 0
    found = document(patchkit("sbom", "--python", env.python))
    assert [len(one["pedigree"]["patches"]) for one in found["components"]] == [1, 1]


def test_a_package_without_a_row_for_the_file_is_found_by_its_name(yolo: Environment, patchkit: Patchkit) -> None:
    target, record = ("--site-packages", yolo.site), yolo.info() / "RECORD"
    record.write_bytes(b"".join(line for line in record.read_bytes().splitlines(True) if LOSS.encode() not in line))
    assert patchkit("apply", PATCH, *target, "--allow-drift").code == 0
    assert len(diffs(component(document(patchkit("sbom", *target)), "ultralytics"))) == 1


def test_a_source_tree_is_one_component(tmp_path: Path, patchkit: Patchkit) -> None:
    tree = tmp_path / "yolo"
    (tree / "sub").mkdir(parents=True)
    for name in ("one.py", "sub/two.py"):
        (tree / name).write_text(METHOD)
    assert "pedigree" not in document(patchkit("sbom", "--path", tree))["components"][0]
    assert patchkit("apply", PATCH, "--path", tree).code == 0
    (one,) = document(patchkit("sbom", "--path", tree))["components"]
    assert (one["name"], one["type"], "version" in one, "purl" in one) == ("yolo", "application", False, False)
    (text,) = diffs(one).values()
    assert [line for line in text.splitlines() if line.startswith("+++")] == ["+++ b/one.py", "+++ b/sub/two.py"]


def test_a_diff_that_is_not_utf8_is_base64(tmp_path: Path, patchkit: Patchkit) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/loss.py").write_bytes(
        b"# coding: latin-1\n" + METHOD.encode().replace(b"shape\n", b"shape  # \xe9\n")
    )
    assert patchkit("apply", PATCH, "--path", tmp_path / "tree").code == 0
    (one,) = document(patchkit("sbom", "--path", tmp_path / "tree"))["components"]
    text = one["pedigree"]["patches"][0]["diff"]["text"]
    assert text["encoding"] == "base64"
    assert b"shape  # \xe9" in base64.b64decode(text["content"])


def test_an_editable_install_carries_the_patches_of_its_tree(
    environment: Build, tmp_path: Path, patchkit: Patchkit
) -> None:
    env, tree = environment("setuptools==80.9.0"), tmp_path / "code"
    tree.mkdir()
    (tree / "loss.py").write_text(METHOD)
    (tree / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "My_Loss"\nversion = "1.0"\n[tool.setuptools]\npy-modules = ["loss"]\n'
    )
    env.pip("install", "--no-deps", "--no-build-isolation", "--no-index", "--editable", tree)
    assert patchkit("apply", PATCH, "--path", tree).code == 0
    found = document(patchkit("sbom", "--python", env.python))
    one = component(found, "My_Loss")
    assert (len(diffs(one)), "purl" in one) == (1, False)
    assert str(tmp_path) not in json.dumps(found), "a document that is handed out names no folder of this machine"


HASH = "db0b4342cc3c89e1e3378f655a6da80124bf11324fe17e33c86980868bebca03"
VCS = {"url": "https://github.com/a/b.git", "vcs_info": {"vcs": "git", "commit_id": "4038482"}}
ARCHIVE = {"url": "https://example.org/x.whl", "archive_info": {"hashes": {"sha256": HASH, "odd": "1"}}}
ORIGINS = [
    ({}, "pkg:pypi/my-torch@2.1.0%2Bcu121"),
    (VCS, "pkg:pypi/my-torch@2.1.0%2Bcu121?vcs_url=git%2Bhttps://github.com/a/b.git%404038482"),
    (ARCHIVE, "pkg:pypi/my-torch@2.1.0%2Bcu121?download_url=https://example.org/x.whl"),
    (ARCHIVE | {"subdirectory": "sub"}, "pkg:pypi/my-torch@2.1.0%2Bcu121?download_url=https://example.org/x.whl#sub"),
    (ARCHIVE | {"url": "https://files.pythonhosted.org/x.whl"}, "pkg:pypi/my-torch@2.1.0%2Bcu121"),
    (ARCHIVE | {"url": "file:///home/me/x.whl"}, None),
    ({"url": "file:///home/me/x", "dir_info": {}}, None),
    ({"url": "file:///home/me/x", "dir_info": {"editable": True}}, None),
    (
        ARCHIVE | {"url": "https://exa mple.org/x"},
        "pkg:pypi/my-torch@2.1.0%2Bcu121?download_url=https://exa%20mple.org/x",
    ),
    ({"url": 5}, "pkg:pypi/my-torch@2.1.0%2Bcu121"),
]


@pytest.mark.parametrize(("origin", "purl"), ORIGINS, ids=lambda value: str(value)[:70])
def test_a_package_url_says_where_the_code_comes_from(
    origin: dict[str, Any], purl: str | None, environment: Build, tmp_path: Path, patchkit: Patchkit
) -> None:
    env = environment()
    env.pip("install", "--no-deps", "--no-index", stand_in(tmp_path, "My_Torch", "2.1.0+cu121"))
    info = next(env.site.glob("*.dist-info"))
    (info / "direct_url.json").write_text(json.dumps(origin))
    one = component(document(patchkit("sbom", "--python", env.python)), "My_Torch")
    assert one.get("purl") == purl
    sources = [source["url"] for source in one.get("externalReferences", ())]
    assert bool(sources) == str(origin.get("url")).startswith("https:")


def test_odd_metadata_is_told_as_far_as_it_goes(environment: Build, tmp_path: Path, patchkit: Patchkit) -> None:
    env = environment()
    requires = ["twice>1; python_version < '3'", "no requirement at all ~~", "absent"]
    env.pip("install", "--no-deps", "--no-index", stand_in(tmp_path, "needs", "1.0", requires=requires))
    for name, text in {
        "twice-1.0.dist-info/METADATA": "Name: twice\nVersion: 1.0\n",
        "twice-2.0.dist-info/METADATA": "Name: Twice\nVersion: 2.0\n",
        "~wice-2.0.dist-info/METADATA": "Name: twice\nVersion: 2.0\n",  # what pip left behind
        "bare.dist-info/METADATA": "Name: bare\n",
        "empty-3.dist-info/METADATA": "",
        "gone-4.dist-info/RECORD": "",
        "Old_Style-5-py3.11.egg-info": "Metadata-Version: 1.0\nName: Old_Style\nVersion: 5\nSummary: UNKNOWN\n",
        "folder-6.egg-info/PKG-INFO": "Name: folder\nVersion: 6\nSummary: two\n  lines\n",
        "linked.egg-link": str(tmp_path),
    }.items():
        (env.site / name).parent.mkdir(exist_ok=True)
        (env.site / name).write_text(text)
    (env.site / "latin-7.dist-info").mkdir()
    (env.site / "latin-7.dist-info/METADATA").write_bytes(b"Name: latin\nVersion: 7\nSummary: caf\xe9\n")

    found = document(patchkit("sbom", "--python", env.python))
    assert {one["bom-ref"] for one in found["components"]} == {
        *("Old_Style==5", "bare", "empty==3", "folder==6", "gone==4", "latin==7", "linked", "needs==1.0"),
        *("twice==1.0", "Twice==2.0"),
    }
    assert len(found["components"]) == 10
    assert component(found, "folder")["description"] == "two lines"
    assert "description" not in component(found, "Old_Style")
    (needs,) = [one for one in found["dependencies"] if one["ref"] == "needs==1.0"]
    assert needs["dependsOn"] == ["twice==1.0"]


def test_two_builds_make_the_same_document(environment: Build, patchkit: Patchkit) -> None:
    env = {"SOURCE_DATE_EPOCH": "1700000000"}
    seen = []
    for name in ("first", "second"):
        target = ("--python", environment(RELEASE, name=name).python)
        assert patchkit("apply", PATCH, OTHER, *target, env=env).code == 0
        seen.append(patchkit("sbom", *target, env=env))
    assert document(seen[0])["metadata"]["timestamp"] == "2023-11-14T22:13:20+00:00"
    assert seen[0].out == seen[1].out
    other = document(patchkit("sbom", "--python", environment(NEWEST, name="third").python, env=env))
    assert other["serialNumber"] != seen[0].json["serialNumber"]


def lost(env: Environment) -> None:
    env.pip("install", "--force-reinstall", "--no-deps", wheel(RELEASE))


def drifted(env: Environment) -> None:
    env.loss.write_text(env.loss.read_text() + "\n")


def without_original(env: Environment) -> None:
    shutil.rmtree(env.site / ".patchkit/blobs")


def without_marker(env: Environment) -> None:
    (env.info() / "patchkit.json").unlink()


@pytest.mark.parametrize(
    "damage", [lost, drifted, without_original, without_marker], ids=lambda damage: damage.__name__
)
def test_what_does_not_hold_is_no_document(damage: Any, yolo: Environment, patchkit: Patchkit) -> None:
    assert patchkit("apply", PATCH, "--python", yolo.python).code == 0
    damage(yolo)
    answer = patchkit("sbom", "--python", yolo.python)
    assert answer.out == ""
    assert_refused(answer, "yolov10-dfl does not hold", f"patchkit verify --python {yolo.python}")


def wrong_input(folder: Path) -> Iterator[tuple[list[str], str]]:
    yield ["--python", str(folder / "none")], "none"
    yield ["--site-packages", str(folder / "none")], "no such folder"
    yield ["--path", str(folder / "none")], "no such file"
    yield ["--path", str(folder), "--site-packages", str(folder)], "exclude each other"


def test_a_target_that_is_not_there_is_refused(tmp_path: Path, patchkit: Patchkit) -> None:
    for words, message in wrong_input(tmp_path):
        answer = patchkit("sbom", *words)
        assert answer.out == ""
        assert_refused(answer, message)
        error = patchkit("sbom", *words, "--format", "json").json
        assert (error["schema"], error["command"]) == (1, "sbom")
        assert message in error["error"]["message"]


def test_an_empty_folder_is_an_empty_document(tmp_path: Path, patchkit: Patchkit) -> None:
    (tmp_path / "none").mkdir()
    assert "components" not in document(patchkit("sbom", "--site-packages", tmp_path / "none"))


def test_without_the_library_the_command_names_the_extra(yolo: Environment) -> None:
    code = (
        "import sys; sys.modules['cyclonedx'] = None; sys.argv[0] = 'patchkit'\nfrom patchkit.cli import main\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "sbom", "--site-packages", str(yolo.site)],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == "hint: pip install 'patchkit-cv[sbom]'"


def test_every_component_of_cyclonedx_py_is_in_ours(yolo: Environment, patchkit: Patchkit) -> None:
    """The tool that people make these documents with: here, and in the environment of these tests."""
    assert patchkit("apply", PATCH, "--python", yolo.python).code == 0
    tool = Path(sys.executable).with_name("cyclonedx-py")
    for python in (yolo.python, sys.executable):
        theirs = json.loads(checked([tool, "environment", python, "--sv", "1.6"]).stdout)
        ours = document(patchkit("sbom", "--python", python))
        keys = ("bom-ref", "name", "version", "purl")
        seen = [sorted([str(one.get(key)) for key in keys] for one in of["components"]) for of in (theirs, ours)]
        assert seen[0] == seen[1]
        assert theirs["dependencies"] == ours["dependencies"]
