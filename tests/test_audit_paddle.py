"""`audit` of PaddleDetection configurations as users run it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.conftest import Answer, snapshot
from tests.paddle_tree import OWN, TREE, grow
from tests.support import assert_refused

Run = Callable[..., Answer]


def tree(root: Path, leaf: str) -> Path:
    """A tree of configurations with a leaf."""
    grow(root, {**TREE, "configs/ppyoloe/mine.yml": leaf})
    return root / "configs/ppyoloe/mine.yml"


def test_what_a_base_says_is_overridden_in_the_leaf_and_the_base_stays(tmp_path: Path, patchkit: Run) -> None:
    leaf = tree(tmp_path, OWN + "epoch: 40  # 更短\n")
    bases = {path: path.read_bytes() for path in tmp_path.rglob("*.yml") if path != leaf}
    found = patchkit("audit", leaf, "--gpus", "1", "--format", "json")
    rules = {finding["rule"] for finding in found.json["findings"]}
    assert found.code == 1
    assert {"base-lr-not-linear", "schedule-not-moved", "static-assigner-not-moved"} <= rules

    fixed = patchkit("audit", leaf, "--gpus", "1", "--fix")

    assert fixed.code == 0, fixed.out
    assert leaf.read_text().startswith(OWN + "epoch: 40  # 更短\n")
    written = yaml.safe_load(leaf.read_text())
    assert written["LearningRate"]["base_lr"] == pytest.approx(0.001 / 8)
    assert written["LearningRate"]["schedulers"][0]["max_epochs"] == 48
    assert {path: path.read_bytes() for path in bases} == bases
    before = leaf.read_bytes()
    assert patchkit("audit", leaf, "--gpus", "1", "--fix").code == 0
    assert leaf.read_bytes() == before


def test_a_diff_shows_what_fix_would_write_and_writes_nothing(tmp_path: Path, patchkit: Run) -> None:
    leaf = tree(tmp_path, OWN + "epoch: 40\n")
    before = snapshot(tmp_path / "configs")
    answer = patchkit("audit", leaf, "--gpus", "1", "--diff")
    assert answer.code == 1
    assert "+  base_lr: 0.000125" in answer.out
    assert snapshot(tmp_path / "configs") == before


def test_the_learning_rate_is_not_judged_without_the_number_of_gpus(tmp_path: Path, patchkit: Run) -> None:
    answer = patchkit("audit", tree(tmp_path, OWN))
    assert answer.code == 0
    assert "skipped [base-lr-not-linear]" in answer.out
    assert "GPUs unknown" in answer.out


def test_findings_of_a_base_name_its_place(tmp_path: Path, patchkit: Run) -> None:
    leaf = tree(tmp_path, OWN + "epoch: 40\n")
    places = {
        finding["rule"]: finding["location"] for finding in patchkit("audit", leaf, "--format", "json").json["findings"]
    }
    assert places["schedule-not-moved"]["path"].endswith("optimizer_80e.yml")
    assert places["schedule-not-moved"]["line"] == 7


def test_a_comment_in_the_leaf_silences_its_own_lines_only(tmp_path: Path, patchkit: Run) -> None:
    by_line = tree(tmp_path, OWN + "a: 1\nb: 1\nc: 1\nd: 1\nepoch: 40  # patchkit: ignore[schedule-not-moved]\n")
    assert "[schedule-not-moved]" in patchkit("audit", by_line).out
    everywhere = tree(tmp_path, OWN + "# patchkit: ignore[schedule-not-moved]\nepoch: 40\n")
    assert "[schedule-not-moved]" not in patchkit("audit", everywhere).out


def test_a_project_may_name_rules_of_both_frameworks(tmp_path: Path, patchkit: Run) -> None:
    leaf = tree(tmp_path, OWN + "epoch: 40\n")
    (tmp_path / "pyproject.toml").write_text(
        '[tool.patchkit.audit]\nignore = ["schedule-not-moved", "scale-for-size", "static-assigner-not-moved"]\n'
    )
    assert patchkit("audit", leaf).code == 0


@pytest.mark.parametrize("option", [("--recipe", "yolov10x"), ("--batch", "9"), ("--release", "8.4.0")])
def test_options_of_ultralytics_are_refused(tmp_path: Path, patchkit: Run, option: tuple[str, str]) -> None:
    leaf = tree(tmp_path, OWN)
    assert_refused(patchkit("audit", leaf, *option), f"{option[0]} is for ultralytics")


def test_a_base_rate_of_ones_own_needs_its_batch(tmp_path: Path, patchkit: Run) -> None:
    leaf = tree(tmp_path, OWN)
    assert_refused(patchkit("audit", leaf, "--base-lr", "0.01"), "--base-lr and --base-batch belong together")
    answer = patchkit("audit", leaf, "--gpus", "8", "--base-lr", "0.01", "--base-batch", "64")
    assert "0.01 * 64 / 64 = 0.01" in answer.out


@pytest.mark.parametrize(
    ("base", "words"),
    [
        ("gone.yml", "does not exist"),
        ("mine.yml", "leads back to"),
        ("../../../outside.yml", "outside of"),
    ],
)
def test_bases_that_cannot_be_read_are_refused(tmp_path: Path, patchkit: Run, base: str, words: str) -> None:
    leaf = tree(tmp_path, f"_BASE_: ['{base}']\n")
    assert leaf.name == "mine.yml"
    assert_refused(patchkit("audit", leaf, "--gpus", "8", "--fix"), words)


def test_a_kind_can_be_said_where_nothing_tells_it(tmp_path: Path, patchkit: Run) -> None:
    path = tmp_path / "runtime.yml"
    path.write_text("use_gpu: true\n")
    assert_refused(patchkit("audit", path), "not a training configuration")
    assert patchkit("audit", path, "--kind", "paddledetection").code == 0


def test_the_learning_rate_is_scaled_up_to_the_largest(tmp_path: Path, patchkit: Run) -> None:
    leaf = tree(tmp_path, OWN)
    assert patchkit("audit", leaf, "--gpus", "32", "--max-lr", "0.002", "--fix").code == 0
    assert yaml.safe_load(leaf.read_text())["LearningRate"]["base_lr"] == 0.002


def test_a_rate_of_ones_own_is_left_by_a_safe_fix(tmp_path: Path, patchkit: Run) -> None:
    leaf = tree(tmp_path, f"{OWN}LearningRate:\n  base_lr: 0.01\n")
    before = leaf.read_bytes()
    assert "note" in patchkit("audit", leaf, "--gpus", "8").out
    patchkit("audit", leaf, "--gpus", "8", "--fix")
    assert leaf.read_bytes() == before


def test_a_number_that_is_none_is_no_crash(tmp_path: Path, patchkit: Run) -> None:
    leaf = tree(tmp_path, f"{OWN}epoch: .inf\nTrainReader:\n  batch_size: .nan\n")
    answer = patchkit("audit", leaf, "--gpus", "8")
    assert answer.code == 0
    assert "batch_size is .nan, which is no whole number" in answer.out


def test_a_kind_that_the_file_contradicts_is_refused(tmp_path: Path, patchkit: Run) -> None:
    path = tmp_path / "train.yaml"
    path.write_text("model: yolov10x.yaml\nbatch: 256\n")
    assert_refused(patchkit("audit", path, "--kind", "paddledetection"), "PaddleDetection has no batch")
