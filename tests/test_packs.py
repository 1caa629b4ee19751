"""Third-party packs, through the same door as ours: several patches in one command, stacking, broken packs."""

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Answer, Environment, snapshot, wheel, without_bytecode

CODEMOD = '''
import libcst as cst
from patchkit.patching.codemod import Inspection, SiteCodemod
from patchkit.patching.sites import SiteState


class Codemod(SiteCodemod):
    """Rename a docstring-free stand-in: return OLD becomes return NEW in one method."""

    anchors = (b"{method}",)

    def inspect(self, piece):
        function = piece.node
        if not isinstance(function, cst.FunctionDef) or function.name.value != "{method}":
            return None
        text = cst.Module([]).code_for_node(function)
        if "{marker} = True" in text:
            return Inspection(SiteState.APPLIED, (function.name,))
        return Inspection(SiteState.PRISTINE, (function.name,))

    def rewrite(self, piece):
        function = piece.node
        statement = cst.parse_statement("{marker} = True")
        statements = [*function.body.body[:1], statement, *function.body.body[1:]]
        return function.with_changes(body=function.body.with_changes(body=statements))
'''
MANIFEST = """
id: {id}
version: 1.0.0
title: a patch of a third party
severity: note
targets:
  - distribution: ultralytics
    versions: ">=8.2,<8.3"
    sites:
      - {{file: {file}, symbol: {symbol}}}
"""


class Pack:
    """A third-party pack in a folder that stands on PYTHONPATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.module = folder / "thirdparty"
        self.module.mkdir(parents=True)
        (self.module / "__init__.py").touch()
        info = folder / "thirdparty-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: thirdparty\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[patchkit.packs]\nthirdparty = thirdparty\n")

    @property
    def env(self) -> dict[str, str]:
        return {"PYTHONPATH": str(self.folder)}

    def add(self, id: str, symbol: str, file: str = "ultralytics/utils/loss.py", extra: str = "") -> Path:
        room = self.module / id.replace("-", "_")
        room.mkdir()
        (room / "__init__.py").touch()
        method = symbol.rpartition(".")[2]
        manifest = textwrap.dedent(MANIFEST).format(id=id, file=file, symbol=symbol) + extra
        (room / "patch.yaml").write_text(manifest)
        (room / "codemod.py").write_text(CODEMOD.format(method=method, marker=f"patched_{id.replace('-', '_')}"))
        (room / "README.md").write_text(f"# {id}\n")
        return room


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    return Pack(tmp_path / "packs")


def applied(env: Environment, patchkit: Callable[..., Answer], pack: Pack) -> dict[str, str]:
    answer = patchkit("status", "--site-packages", env.site, "--format", "json", env=pack.env)
    return {item["patch"]: item["state"] for item in answer.json["patches"]}


def test_a_pack_is_listed_and_explained_like_our_own(pack: Pack, patchkit: Callable[..., Answer]) -> None:
    pack.add("third-one", "v8DetectionLoss.preprocess")
    answer = patchkit("list", "--format", "json", env=pack.env)
    assert {"third-one", "yolov10-dfl"} <= {item["id"] for item in answer.json["patches"]}
    assert patchkit("explain", "third-one", env=pack.env).out == "# third-one\n"


def test_several_patches_on_several_files_are_one_transaction(
    pack: Pack, yolo: Environment, patchkit: Callable[..., Answer]
) -> None:
    pack.add("third-tal", "TaskAlignedAssigner.get_pos_mask", "ultralytics/utils/tal.py")
    before = without_bytecode(snapshot(yolo.site))
    target = ("--site-packages", yolo.site)

    answer = patchkit("apply", "yolov10-dfl", "third-tal", *target, "--format", "json", env=pack.env)
    assert (answer.code, answer.outcomes) == (0, ["applied", "applied"])
    assert patchkit("verify", *target, env=pack.env).code == 0

    assert patchkit("revert", "yolov10-dfl", *target, env=pack.env).code == 0
    assert applied(yolo, patchkit, pack) == {"third-tal": "applied"}
    assert patchkit("revert", "third-tal", *target, env=pack.env).code == 0
    assert without_bytecode(snapshot(yolo.site)) == before


def test_one_refused_patch_keeps_the_others_from_being_written(
    pack: Pack, yolo: Environment, patchkit: Callable[..., Answer]
) -> None:
    pack.add("third-absent", "NoSuchClass.method", "ultralytics/utils/tal.py")
    before = snapshot(yolo.site)
    answer = patchkit(
        "apply", "yolov10-dfl", "third-absent", "--site-packages", yolo.site, "--format", "json", env=pack.env
    )
    assert (answer.code, answer.outcomes) == (2, ["would-apply", "not-applicable"])
    assert "another patch of this command was refused" in answer.json["results"][0]["message"]
    assert snapshot(yolo.site) == before


def test_patches_stacked_on_one_file_come_off_in_order(
    pack: Pack, yolo: Environment, patchkit: Callable[..., Answer]
) -> None:
    pack.add("third-top", "v8DetectionLoss.preprocess")
    target = ("--site-packages", yolo.site)
    before = without_bytecode(snapshot(yolo.site))
    assert patchkit("apply", "yolov10-dfl", *target, env=pack.env).code == 0
    assert patchkit("apply", "third-top", *target, env=pack.env).code == 0
    assert applied(yolo, patchkit, pack) == {"yolov10-dfl": "applied", "third-top": "applied"}
    assert patchkit("apply", "yolov10-dfl", "third-top", *target, "--format", "json", env=pack.env).outcomes == [
        "already-applied",
        "already-applied",
    ]
    stacked = snapshot(yolo.site)

    refused = patchkit("revert", "yolov10-dfl", *target, env=pack.env)
    assert refused.code == 2
    assert "third-top was applied on top" in refused.out
    assert "patchkit revert third-top yolov10-dfl" in refused.out
    assert snapshot(yolo.site) == stacked

    assert patchkit("revert", "third-top", *target, env=pack.env).code == 0
    assert patchkit("apply", "third-top", *target, env=pack.env).code == 0
    assert patchkit("revert", "--all", *target, env=pack.env).code == 0
    assert without_bytecode(snapshot(yolo.site)) == before


def stack_and_undo(pack: Pack, yolo: Environment, patchkit: Callable[..., Answer], *, reinstall: bool) -> bytes:
    """Two patches on one file, and then its original bytes, by hand or by a reinstall; the patched bytes."""
    pack.add("third-top", "v8DetectionLoss.preprocess")
    target, original = ("--site-packages", yolo.site), yolo.loss.read_bytes()
    assert patchkit("apply", "yolov10-dfl", "third-top", *target, env=pack.env).code == 0
    patched = yolo.loss.read_bytes()
    if reinstall:
        yolo.pip("install", "--force-reinstall", "--no-deps", wheel("ultralytics==8.2.50"))
    else:
        yolo.loss.write_bytes(original)
    assert set(applied(yolo, patchkit, pack).values()) == {"lost" if reinstall else "reverted"}
    return patched


@pytest.mark.parametrize("reinstall", [False, True], ids=["by hand", "by a reinstall"])
def test_stacked_patches_that_were_undone_come_back_together(
    reinstall: bool, pack: Pack, yolo: Environment, patchkit: Callable[..., Answer]
) -> None:
    patched = stack_and_undo(pack, yolo, patchkit, reinstall=reinstall)
    before, target = snapshot(yolo.site), ("--site-packages", yolo.site)
    answer = patchkit("apply", "third-top", *target, env=pack.env)
    assert answer.code == 2
    assert "yolov10-dfl was applied to the same file, and is gone there" in answer.out
    assert "patchkit apply yolov10-dfl third-top" in answer.out
    assert snapshot(yolo.site) == before
    assert patchkit("apply", "yolov10-dfl", "third-top", *target, env=pack.env).code == 0
    assert yolo.loss.read_bytes() == patched
    assert patchkit("verify", "--fast", *target, env=pack.env).code == 0


@pytest.mark.parametrize("reinstall", [False, True], ids=["by hand", "by a reinstall"])
def test_stacked_patches_that_were_undone_can_be_reverted(
    reinstall: bool, pack: Pack, yolo: Environment, patchkit: Callable[..., Answer]
) -> None:
    record = (yolo.info() / "RECORD").read_bytes()
    stack_and_undo(pack, yolo, patchkit, reinstall=reinstall)
    record = (yolo.info() / "RECORD").read_bytes() if reinstall else record
    assert patchkit("revert", "--all", "--site-packages", yolo.site, env=pack.env).code == 0
    assert (yolo.info() / "RECORD").read_bytes() == record
    assert not (yolo.site / ".patchkit").exists()


def test_in_a_tree_stacked_patches_that_were_undone_leave_together(
    pack: Pack, yolo: Environment, patchkit: Callable[..., Answer], tmp_path: Path
) -> None:
    for id, method in (("third-low", "preprocess"), ("third-top", "bbox_decode")):
        room = pack.add(id, f"v8DetectionLoss.{method}")
        manifest = (room / "patch.yaml").read_text().partition("targets:")[0]
        (room / "patch.yaml").write_text(f"{manifest}targets:\n  - tree: 'loss.py'\n")
    tree, original = tmp_path / "tree", yolo.loss.read_bytes()
    tree.mkdir()
    (tree / "loss.py").write_bytes(original)
    target = ("--path", tree)
    assert patchkit("apply", "third-low", "third-top", *target, env=pack.env).code == 0
    (tree / "loss.py").write_bytes(original)
    answer = patchkit("apply", "third-top", *target, env=pack.env)
    assert f"patchkit revert third-low third-top --path {tree}, then this command again" in answer.out
    assert patchkit("revert", "third-low", *target, env=pack.env).code == 2
    assert patchkit("revert", "third-low", "third-top", *target, env=pack.env).code == 0
    assert patchkit("apply", "third-top", *target, env=pack.env).code == 0
    assert patchkit("revert", "--all", *target, env=pack.env).code == 0
    assert (tree / "loss.py").read_bytes() == original


def test_the_lower_patch_of_a_link_in_a_tree_stays_when_the_upper_one_is_reverted(
    pack: Pack, yolo: Environment, patchkit: Callable[..., Answer], tmp_path: Path
) -> None:
    for id, method in (("third-low", "preprocess"), ("third-top", "bbox_decode")):
        room = pack.add(id, f"v8DetectionLoss.{method}")
        manifest = (room / "patch.yaml").read_text().partition("targets:")[0]
        (room / "patch.yaml").write_text(f"{manifest}targets:\n  - tree: 'loss.py'\n")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "loss.py").symlink_to(yolo.loss)
    target = ("--path", tree)
    assert patchkit("apply", "third-low", "third-top", *target, "--allow-symlinks", env=pack.env).code == 0
    assert patchkit("revert", "third-top", *target, env=pack.env).code == 0
    text = (tree / "loss.py").read_text()
    assert ("patched_third_low" in text, "patched_third_top" in text) == (True, False)
    assert patchkit("status", *target, env=pack.env).code == 0
    assert patchkit("revert", "--all", *target, env=pack.env).code == 0
    assert (tree / "loss.py").readlink() == yolo.loss


def test_a_changed_room_replaces_the_patch_that_its_old_form_applied(
    pack: Pack, yolo: Environment, patchkit: Callable[..., Answer]
) -> None:
    room = pack.add("third-one", "v8DetectionLoss.preprocess")
    target = ("--site-packages", yolo.site)
    before = without_bytecode(snapshot(yolo.site))
    patchkit("apply", "third-one", *target, env=pack.env)
    for path in ("patch.yaml", "codemod.py"):
        text = (room / path).read_text().replace("patched_third_one", "patched_anew").replace("1.0.0", "1.1.0")
        (room / path).write_text(text)

    answer = patchkit("apply", "third-one", *target, "--format", "json", env=pack.env)
    assert answer.outcomes == ["applied"]
    assert answer.json["results"][0]["version"] == "1.1.0"
    text = yolo.loss.read_text()
    assert "patched_anew = True" in text
    assert "patched_third_one" not in text
    assert patchkit("revert", "--all", *target, env=pack.env).code == 0
    assert without_bytecode(snapshot(yolo.site)) == before


def test_requires_and_conflicts_are_kept(pack: Pack, yolo: Environment, patchkit: Callable[..., Answer]) -> None:
    pack.add("third-needs", "v8DetectionLoss.preprocess", extra="requires: [yolov10-dfl]\n")
    pack.add(
        "third-excludes", "TaskAlignedAssigner.get_pos_mask", "ultralytics/utils/tal.py", "conflicts: [yolov10-dfl]\n"
    )
    target = ("--site-packages", yolo.site)
    before = snapshot(yolo.site)
    lonely = patchkit("apply", "third-needs", *target, env=pack.env)
    assert lonely.code == 2
    assert "requires yolov10-dfl" in lonely.out
    together = patchkit("apply", "third-excludes", "yolov10-dfl", *target, env=pack.env)
    assert together.code == 2
    assert "exclude each other" in together.out
    assert snapshot(yolo.site) == before
    assert patchkit("apply", "yolov10-dfl", "third-needs", *target, env=pack.env).code == 0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("id: third-one\nversion: 1.0.0\n", "title"),
        ("nonsense: [", "patch.yaml"),
        ("id: other\nversion: 1.0.0\ntitle: t\nseverity: note\ntargets: [{tree: '*.py'}]\n", "folder name"),
        ("id: third-one\nversion: one\ntitle: t\nseverity: note\ntargets: [{tree: '*.py'}]\n", "MAJOR.MINOR.PATCH"),
        ("id: third-one\nversion: 1.0.0\ntitle: t\nseverity: note\ntargets: []\n", "no targets"),
        ("id: third-one\nversion: 1.0.0\ntitle: t\nseverity: note\ntargets: [{versions: '>1'}]\n", "distribution or a"),
        ("id: third-one\nversion: 1.0.0\ntitle: t\nseverity: note\ntargets: [{distribution: x}]\n", "lists no sites"),
        (
            "id: third-one\nversion: 1.0.0\ntitle: t\nseverity: note\n"
            "targets: [{distribution: x, sites: [{file: ../y.py, symbol: z}]}]\n",
            "outside the root",
        ),
        (
            "id: third-one\nversion: 1.0.0\ntitle: t\nseverity: note\nsymptoms: ['(']\ntargets: [{tree: '*.py'}]\n",
            "regular expression",
        ),
        ("id: third-one\nversion: 1.0.0\ntitle: t\nseverity: note\ntargets: [{tree: '*.py'}]\nextra: 1\n", "extra"),
    ],
)
def test_a_broken_manifest_is_an_error_that_names_it(
    pack: Pack, patchkit: Callable[..., Answer], text: str, reason: str
) -> None:
    (pack.add("third-one", "A.b") / "patch.yaml").write_text(text)
    answer = patchkit("list", env=pack.env)
    assert answer.code == 2
    assert reason in answer.err
    assert "third_one/patch.yaml" in answer.err
    assert "Traceback" not in answer.err


def test_a_codemod_that_does_not_load_or_keep_its_word_is_an_error(
    pack: Pack, yolo: Environment, patchkit: Callable[..., Answer]
) -> None:
    room = pack.add("third-one", "v8DetectionLoss.preprocess")
    good = (room / "codemod.py").read_text()
    before = snapshot(yolo.site)
    for text in (
        "import no_such_module",
        "def",
        "",
        good.replace("SiteState.APPLIED", "SiteState.PRISTINE"),  # never reaches its postcondition
        good.replace('"patched_third_one = True")', '"await later")'),  # does not compile
    ):
        (room / "codemod.py").write_text(text)
        answer = patchkit("apply", "third-one", "--site-packages", yolo.site, env=pack.env)
        assert answer.code == 2, text
        assert "Traceback" not in answer.err
        assert "hint:" in answer.err
    assert snapshot(yolo.site) == before


def test_two_packs_with_one_id_are_an_error(pack: Pack, patchkit: Callable[..., Answer]) -> None:
    pack.add("yolov10-dfl", "A.b")
    for command in (("list",), ("show", "yolov10-dfl")):
        answer = patchkit(*command, env=pack.env)
        assert answer.code == 2
        assert "two packs define 'yolov10-dfl'" in answer.err


def test_a_tree_keeps_one_receipt_while_files_and_patches_are_added(
    pack: Pack, tmp_path: Path, patchkit: Callable[..., Answer]
) -> None:
    room = pack.add("third-tree", "A.prepare")
    manifest = (room / "patch.yaml").read_text()
    (room / "patch.yaml").write_text(manifest[: manifest.index("targets:")] + 'targets:\n  - tree: "*.py"\n')
    tree = tmp_path / "tree"
    tree.mkdir()
    text = (
        "class A:\n    def prepare(self):\n        return 1\n\n    def bbox_decode(self, x):\n"
        "        b, a, c = x.shape\n"
        "        x = x.view(b, a, 4, c // 4).softmax(3).matmul(self.proj.type(x.dtype))\n        return x\n"
    )
    target = ("--path", tree, "--format", "json")
    (tree / "one.py").write_text(text)
    assert patchkit("apply", "yolov10-dfl", *target, env=pack.env).outcomes == ["applied"]
    assert patchkit("apply", "third-tree", *target, env=pack.env).outcomes == ["applied"]
    (tree / "two.py").write_text(text)  # as a later `git pull` adds a file
    assert patchkit("apply", "third-tree", *target, env=pack.env).outcomes == ["applied"]
    assert patchkit("apply", "yolov10-dfl", "--check", *target, env=pack.env).outcomes == ["would-apply"]
    assert patchkit("apply", "yolov10-dfl", "--path", tree / "two.py", env=pack.env).code == 0
    assert patchkit("apply", "yolov10-dfl", *target, env=pack.env).outcomes == ["already-applied"]

    states = patchkit("status", *target, env=pack.env).json["patches"]
    assert {(item["patch"], file["path"], file["state"]) for item in states for file in item["files"]} == {
        (patch, path, "applied") for patch in ("yolov10-dfl", "third-tree") for path in ("one.py", "two.py")
    }
    assert patchkit("verify", "--path", tree, env=pack.env).code == 0
    assert patchkit("revert", "--all", *target, env=pack.env).code == 0
    assert (tree / "one.py").read_text() == (tree / "two.py").read_text() == text
    assert not (tree / ".patchkit").exists()


def test_relations_hold_whichever_patch_states_them_and_when_a_patch_leaves(
    pack: Pack, yolo: Environment, patchkit: Callable[..., Answer]
) -> None:
    pack.add("third-needs", "v8DetectionLoss.preprocess", extra="requires: [yolov10-dfl]\n")
    pack.add(
        "third-excludes", "TaskAlignedAssigner.get_pos_mask", "ultralytics/utils/tal.py", "conflicts: [yolov10-dfl]\n"
    )
    target = ("--site-packages", yolo.site)
    assert patchkit("apply", "third-needs", "yolov10-dfl", *target, env=pack.env).code == 0, "in any order"
    needed = snapshot(yolo.site)
    refused = patchkit("revert", "yolov10-dfl", *target, env=pack.env)
    assert refused.code == 2
    assert "third-needs requires yolov10-dfl" in refused.out
    assert "patchkit revert third-needs yolov10-dfl" in refused.out
    excluded = patchkit("apply", "third-excludes", *target, env=pack.env)
    assert excluded.code == 2
    assert "patchkit revert yolov10-dfl" in excluded.out
    assert snapshot(yolo.site) == needed

    assert patchkit("revert", "--all", *target, env=pack.env).code == 0
    assert patchkit("apply", "third-excludes", *target, env=pack.env).code == 0
    other = patchkit("apply", "yolov10-dfl", *target, env=pack.env)
    assert other.code == 2, "the applied patch excludes it, though it says nothing itself"
    assert "exclude each other" in other.out
    assert "patchkit revert third-excludes" in other.out
