"""`ultralytics-sync-bn`: three files in two languages, one transaction, in every layout of the real releases."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Answer, Environment, snapshot, without_bytecode
from tests.support import assert_refused, codes, rows, state, true_row

Run = Callable[..., Answer]
ID, DFL = "ultralytics-sync-bn", "yolov10-dfl"
SETUP, CHECK, KEYS, OPTION = "BaseTrainer._setup_train", "BaseTrainer._model_train", "CFG_BOOL_KEYS", "sync_bn"
LAYOUTS = {
    "8.0.35": ("ultralytics/yolo", [SETUP, KEYS, OPTION]),
    "8.0.135": ("ultralytics/yolo", [SETUP, KEYS, OPTION]),
    "8.0.136": ("ultralytics", [SETUP, KEYS, OPTION]),
    "8.3.98": ("ultralytics", [SETUP, KEYS, OPTION]),
    "8.3.99": ("ultralytics", [SETUP, CHECK, KEYS, OPTION]),
    "8.4.190": ("ultralytics", [SETUP, CHECK, KEYS, OPTION]),
}


def files(folder: str) -> dict[str, str]:
    return {
        SETUP: f"{folder}/engine/trainer.py",
        KEYS: f"{folder}/cfg/__init__.py",
        OPTION: f"{folder}/cfg/default.yaml",
    }


@pytest.mark.parametrize("version", LAYOUTS)
def test_every_layout_is_patched_in_all_its_files_and_reverted_byte_for_byte(
    version: str, unpacked: Callable[[str], Path], patchkit: Run
) -> None:
    site, (folder, symbols) = unpacked(f"ultralytics=={version}"), LAYOUTS[version]
    before, places = snapshot(site), files(folder)
    defaults = (site / places[OPTION]).read_bytes()

    applied = patchkit("apply", ID, "--site-packages", site, "--format", "json")

    assert (applied.code, applied.outcomes) == (0, ["applied"])
    result = applied.json["results"][0]
    assert result["message"] == "", "a form of a tested release is reported as untested"
    assert [found["symbol"] for file in result["files"] for found in file["sites"]] == symbols
    assert [file["path"] for file in result["files"]] == list(places.values())

    lines = (site / places[OPTION]).read_bytes().splitlines(keepends=True)
    added = [line for line in lines if line.startswith(b"sync_bn: False")]
    assert len(added) == 1
    assert b"".join(line for line in lines if line not in added) == defaults
    neighbour = next(line for line in lines if line.startswith(b"deterministic:"))
    assert (b"  # " in added[0], b"(bool)" in added[0]) == (b"  # " in neighbour, b"(bool)" in neighbour)
    trainer = (site / places[SETUP]).read_text().splitlines()
    wrap = next(index for index, line in enumerate(trainer) if line.strip() == "# patchkit ultralytics-sync-bn")
    assert trainer[wrap - 1].strip() in ("if world_size > 1:", "if self.world_size > 1:"), "the first statement"
    assert codes(patchkit, "--site-packages", site) == (0, 0)
    assert patchkit("apply", ID, "--site-packages", site, "--format", "json").outcomes == ["already-applied"]

    reverted = patchkit("revert", ID, "--site-packages", site, "--format", "json")
    original = {
        found["symbol"]: found["line"] for file in reverted.json["results"][0]["files"] for found in file["sites"]
    }
    assert snapshot(site) == before
    assert "world_size > 1:" in (site / places[SETUP]).read_text().splitlines()[original[SETUP] - 1]


def test_releases_before_the_option_files_are_not_applicable(unpacked: Callable[[str], Path], patchkit: Run) -> None:
    site = unpacked("ultralytics==8.0.6")
    before = snapshot(site)
    answer = patchkit("apply", ID, "--site-packages", site, "--format", "json")
    assert (answer.code, answer.outcomes) == (2, ["not-applicable"])
    assert snapshot(site) == before


@pytest.mark.parametrize("order", [(DFL, ID), (ID, DFL)], ids=lambda order: order[0])
@pytest.mark.parametrize("first", [DFL, ID])
def test_two_patches_of_one_distribution_compose_in_any_order_and_leave_one_by_one(
    order: tuple[str, str], first: str, yolo: Environment, patchkit: Run
) -> None:
    target = ("--site-packages", yolo.site)
    before = without_bytecode(snapshot(yolo.site))
    applied = patchkit("apply", *order, *target, "--format", "json")
    assert applied.outcomes == ["applied", "applied"]
    assert state(patchkit, *target) == (0, ["applied", "applied"])
    paths = [file["path"] for result in applied.json["results"] for file in result["files"]]
    record = yolo.info() / "RECORD"
    assert all(rows(record)[path].rstrip() == true_row(yolo.site, path) for path in paths)
    together = {path: (yolo.site / path).read_bytes() for path in paths}

    assert patchkit("revert", first, *target).code == 0
    assert state(patchkit, *target) == (0, ["applied"])
    assert codes(patchkit, *target) == (0, 0)
    assert all(rows(record)[path].rstrip() == true_row(yolo.site, path) for path in paths)
    assert patchkit("apply", first, *target).code == 0
    assert {path: (yolo.site / path).read_bytes() for path in paths} == together

    assert patchkit("revert", "--all", *target).code == 0
    assert without_bytecode(snapshot(yolo.site)) == before


@pytest.mark.parametrize("place", ["engine/trainer.py", "cfg/__init__.py", "cfg/default.yaml"])
def test_one_file_that_is_not_what_was_installed_keeps_all_of_them_as_they_are(
    place: str, yolo: Environment, patchkit: Run
) -> None:
    with (yolo.site / "ultralytics" / place).open("a") as file:
        file.write("\n")
    before = snapshot(yolo.site)
    answer = patchkit("apply", ID, "--site-packages", yolo.site)
    assert_refused(answer, f"ultralytics/{place} is not the file that was installed")
    assert snapshot(yolo.site) == before


# --- source trees ----------------------------------------------------------------------------------------------------

TRAINER = """\
from torch import nn

from here import LOGGER


class BaseTrainer:
    def _setup_train(self, world_size):
        self.model = self.model.to(self.device)
        if world_size > 1:
            self.model = nn.parallel.DistributedDataParallel(self.model)
"""
CFG = 'CFG_BOOL_KEYS = {"val", "plots"}\n'
DEFAULTS = "# 设置\nseed: 0 # (int) seed\ndeterministic: True # (bool) repeatable\nval: True # (bool) validate\n"


def checkout(root: Path, folder: str = "ultralytics", **texts: str) -> Path:
    for name, text in {"engine/trainer.py": TRAINER, "cfg/__init__.py": CFG, "cfg/default.yaml": DEFAULTS}.items():
        path = root / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(texts.get(path.stem.strip("_"), text).encode())
    return root


@pytest.mark.parametrize("folder", ["ultralytics", "ultralytics/yolo", "vendor/ultralytics"])
def test_a_checkout_is_patched_where_its_files_lie_together(folder: str, tmp_path: Path, patchkit: Run) -> None:
    tree = checkout(tmp_path / "fork", folder)
    before = snapshot(tree)
    answer = patchkit("apply", ID, "--path", tree, "--format", "json")
    assert answer.outcomes == ["applied"]
    assert {file["path"] for file in answer.json["results"][0]["files"]} == set(files(folder).values())
    assert codes(patchkit, "--path", tree) == (0, 0)
    assert patchkit("revert", ID, "--path", tree).code == 0
    assert snapshot(tree) == before


def test_the_package_folder_itself_can_be_named(tmp_path: Path, patchkit: Run) -> None:
    tree = checkout(tmp_path / "fork")
    assert patchkit("apply", ID, "--path", tree / "ultralytics").code == 0
    assert "sync_bn: False # (bool)" in (tree / "ultralytics/cfg/default.yaml").read_text()


def test_a_default_yaml_with_windows_line_ends_keeps_them(tmp_path: Path, patchkit: Run) -> None:
    tree = checkout(tmp_path / "fork", default=DEFAULTS.replace("\n", "\r\n"))
    assert patchkit("apply", ID, "--path", tree).code == 0
    text = (tree / "ultralytics/cfg/default.yaml").read_bytes()
    assert text.count(b"\r\n") == text.count(b"\n") == 5


@pytest.mark.parametrize(
    ("texts", "outcome", "words"),
    [
        ({"trainer": TRAINER + TRAINER[TRAINER.index("        if world") :]}, "conflict", "one branch"),
        (
            {"trainer": TRAINER + "        elif world_size > 2 and x:\n            self.model = FSDP(self.model)\n"},
            "conflict",
            "one branch",
        ),
        ({"trainer": TRAINER.replace("self.model.to(self.device)", "DDP(self.model)")}, "conflict", "one branch"),
        (
            {"trainer": TRAINER + "\n    def other(self):\n        convert_sync_batchnorm(self.model)\n"},
            "conflict",
            "nothing converts",
        ),
        ({"trainer": TRAINER.replace("from torch import nn", "import nn")}, "conflict", "imports `nn`"),
        ({"trainer": TRAINER.replace("world_size > 1", "world_size >= 2")}, "conflict", "holds nothing"),
        ({"init": CFG.replace('"val", "plots"', "*OTHER")}, "conflict", "a set or a tuple"),
        ({"init": "x = 1\n"}, "conflict", "CFG_BOOL_KEYS is not in"),
        ({"default": "seed: 0\n"}, "conflict", "has a key `deterministic`"),
        ({"default": "sync_bn: yes please\n"}, "conflict", "`sync_bn` is False"),
        ({"default": "sync_bn: True\n"}, "conflict", "`sync_bn` is False"),
    ],
    ids=[
        "two-branches",
        "other-branch",
        "other-wrap",
        "converts",
        "other-nn",
        "other-test",
        "other-keys",
        "no-keys",
        "no-neighbour",
        "other-value",
        "turned-on",
    ],
)
def test_a_form_that_is_not_known_is_a_conflict_and_nothing_is_written(
    texts: dict[str, str], outcome: str, words: str, tmp_path: Path, patchkit: Run
) -> None:
    tree = checkout(tmp_path / "fork", **texts)
    before = snapshot(tree)
    answer = patchkit("apply", ID, "--path", tree, "--format", "json")
    assert (answer.code, answer.outcomes) == (2, [outcome])
    assert words in answer.json["results"][0]["message"]
    assert snapshot(tree) == before


def test_what_is_mended_already_is_kept_and_the_rest_is_patched(tmp_path: Path, patchkit: Run) -> None:
    mended = DEFAULTS + "sync_bn: False # (bool) theirs\n"
    tree = checkout(tmp_path / "fork", default=mended)
    answer = patchkit("apply", ID, "--path", tree, "--format", "json")
    assert answer.outcomes == ["applied"]
    assert (tree / "ultralytics/cfg/default.yaml").read_text() == mended
    assert patchkit("revert", ID, "--path", tree).code == 0

    done = checkout(tmp_path / "done")
    assert patchkit("apply", ID, "--path", done).code == 0
    (done / ".patchkit/ledger.json").unlink()
    for blob in (done / ".patchkit/blobs").iterdir():
        blob.unlink()
    before = snapshot(done)
    assert patchkit("apply", ID, "--path", done, "--format", "json").outcomes == ["upstreamed"]
    assert snapshot(done) == before


def test_a_tree_that_lacks_one_of_the_files_is_refused(tmp_path: Path, patchkit: Run) -> None:
    tree = checkout(tmp_path / "fork")
    (tree / "ultralytics/cfg/default.yaml").unlink()
    before = snapshot(tree)
    assert_refused(patchkit("apply", ID, "--path", tree), "changes 3 files together", "default.yaml is not there")
    assert_refused(patchkit("apply", ID, "--path", tree / "ultralytics/engine/trainer.py"), "changes 3 files together")
    assert_refused(patchkit("apply", ID, "--path", tree / "ultralytics/engine"), "changes 3 files together")
    assert snapshot(tree) == before


def test_a_tree_without_the_target_is_not_applicable(tmp_path: Path, patchkit: Run) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/trainer.py").write_text(TRAINER)
    answer = patchkit("apply", ID, "--path", tmp_path / "tree", "--format", "json")
    assert (answer.code, answer.outcomes) == (2, ["not-applicable"])
