"""`ppyoloe-masked-select` in the heads of the real PaddleDetection.

Original and patched package run in processes of their own, because a class of PaddleDetection can be registered once in
a process; the arrays that they leave are compared here.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framework_tests.conftest import Packages, unpacked

ID, SCRIPT = "ppyoloe-masked-select", "paddle_losses.py"
SITES = {
    *("PPYOLOEHead._bbox_loss", "PPYOLOEHead._df_loss", "PPYOLOERHead._bbox_loss", "PPYOLOERHead._df_loss"),
    *("TOODHead.get_loss", "FCOSRHead.get_loss", "YOLOXHead.get_loss", "DistillPPYOLOELoss.main_kd"),
}
Arrays = dict[str, "np.ndarray[Any, Any]"]
# The patched functions do the same operations on the same float32 numbers: they are compared bit by bit. Whole heads
# have convolutions before them, which may add in another order from one process to the next: relative, to the greatest
# element of an array.
CONVOLUTIONS = 1e-6
# Target -0.5 is cut to bin 0 by the loss for angles, and weighed with 1.5 and -0.5: neither an error nor a NaN.
EXTRAPOLATED = {"PPYOLOERHead: some just below", "PPYOLOERHead: all just below"}


@dataclass(frozen=True)
class Run:
    """What the script says of one package."""

    answer: dict[str, Any]
    arrays: Arrays
    reports: list[str]

    def of(self, section: str, case: str) -> Arrays:
        prefix = f"{section}|{case}|"
        return {name.removeprefix(prefix): array for name, array in self.arrays.items() if name.startswith(prefix)}


@pytest.fixture(scope="module")
def packages(paddle_python: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Packages]:
    folder = tmp_path_factory.mktemp("paddle")
    found = {name: unpacked("paddledet==2.6.0", paddle_python, folder / name) for name in ("original", "patched")}
    found["patched"].apply(ID)
    return found


@pytest.fixture(scope="module")
def runs(packages: dict[str, Packages], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    folder = tmp_path_factory.mktemp("runs")
    found = {}
    for name, of in packages.items():
        done = of.run(SCRIPT, folder / f"{name}.npz", cwd=folder / f"{name} run")
        assert done.returncode == 0, done.stdout + done.stderr
        lines = done.stdout.splitlines()
        with np.load(folder / f"{name}.npz") as arrays:
            reports = [line for line in lines if "DFL targets" in line]
            found[name] = Run(json.loads(lines[-1]), dict(arrays), reports)
    return found


@pytest.fixture
def original(runs: dict[str, Run]) -> Run:
    return runs["original"]


@pytest.fixture
def patched(runs: dict[str, Run]) -> Run:
    return runs["patched"]


def cases(original: Run, *, training: bool) -> list[str]:
    """The functions alone, or the whole heads."""
    return [case for case in original.answer["right"] if case.startswith("training") == training]


def with_positives(run: Run, names: list[str]) -> list[str]:
    """The cases in which the original selects anything."""
    return [case for case in names if run.answer["right"][case]["calls"]]


def is_same(one: Arrays, other: Arrays, tolerance: float = 0.0) -> bool:
    """True if both have the same arrays: bit by bit without a tolerance, else relative to the greatest element."""
    if not one or one.keys() != other.keys():
        return False
    pairs = [(array, other[name]) for name, array in one.items()]
    if any((left.dtype, left.shape) != (right.dtype, right.shape) for left, right in pairs):
        return False
    if not tolerance:
        return all(left.tobytes() == right.tobytes() for left, right in pairs)
    return all(bool(np.all(np.abs(left - right) <= tolerance * np.abs(left).max())) for left, right in pairs)


def amount_of(case: str) -> str:
    """How many of the targets are bad: good (none), some or all."""
    amount = case.partition(": ")[2].split()[0]
    return "some" if amount == "a" else amount


def dfl_cases(run: Run, amount: str) -> list[str]:
    """The losses in which none of the targets is bad (good), or some or all are."""
    return [case for case in run.answer["dfl"] if amount_of(case) == amount]


def wanted(original: Run, case: str) -> Arrays:
    """The loss and gradient in which bad targets weigh nothing, and which targets are bad."""
    return original.of("wanted", f"{case.partition(': ')[0]}: {amount_of(case)}")


def test_verify_compares_every_patched_function_and_finds_the_same_bits(packages: dict[str, Packages]) -> None:
    [check] = packages["patched"].verify_numerics()
    assert check["ok"], check["message"]
    assert {row["site"].rpartition("::")[2] for row in check["rows"]} == SITES
    for row in check["rows"]:
        assert row["ok"], row
        if not row["by_design"] and row["device"] == "cpu":
            assert row["forward"]["bit_equal"], row
            assert row["gradient"]["bit_equal"], row
    by_design = [row for row in check["rows"] if row["by_design"]]
    with_garbage = [row for row in by_design if "masked_select" in row["inputs"]]
    selecting = {site for site in SITES if not site.endswith("._df_loss")}  # that one is given what was selected
    assert {row["site"].rpartition("::")[2] for row in with_garbage} == selecting
    bad_targets = [row["site"].rpartition(".")[2] for row in by_design if row not in with_garbage]
    assert set(bad_targets) == {"_df_loss"}
    # With bins from 0, from -2, and of angles: five kinds of targets, and only bad ones.
    assert len(bad_targets) == 3 * 6


def test_patched_functions_give_the_same_bits_without_masked_select(original: Run, patched: Run) -> None:
    names = cases(original, training=False)
    assert len(with_positives(original, names)) == 7 * 3  # one, some and all positive
    assert [case for case in names if not is_same(original.of("right", case), patched.of("right", case))] == []
    assert {case: patched.answer["right"][case] for case in names} == {
        case: {"calls": 0, "raised": None} for case in names
    }


def test_whole_heads_train_the_same_without_masked_select(original: Run, patched: Run) -> None:
    names = cases(original, training=True)
    assert len(with_positives(original, names)) == 8 * 2  # one object, and several
    differ = [
        case for case in names if not is_same(original.of("right", case), patched.of("right", case), CONVOLUTIONS)
    ]
    assert differ == []
    assert {case: patched.answer["right"][case] for case in names} == {
        case: {"calls": 0, "raised": None} for case in names
    }


def test_foreign_values_of_masked_select_reach_the_original_alone(original: Run, patched: Run) -> None:
    names = with_positives(original, list(original.answer["right"]))
    for case in names:
        right, foreign = original.of("right", case), original.of("foreign", case)
        raised = original.answer["foreign"][case]["raised"]
        if case.startswith(("PPYOLOEHead", "training PPYOLOEHead")):
            assert "label value should" in raised, case
        assert raised or not np.allclose(right["loss"], foreign["loss"], rtol=1e-3), case

        assert patched.answer["foreign"][case]["raised"] is None, case
        tolerance = CONVOLUTIONS if case.startswith("training") else 0.0
        assert is_same(right, patched.of("foreign", case), tolerance), case


def test_bad_dfl_targets_among_good_ones_weigh_nothing(original: Run, patched: Run) -> None:
    """The original raises or gives NaN; the patched loss is the mean over all with the bad ones at zero.

    In a static graph too.
    """
    names = dfl_cases(original, "some")
    assert len(names) == 3 * 10
    for case in names:
        raised, given = original.answer["dfl"][case]["raised"], original.of("dfl", case)
        assert raised or np.isnan(given["loss"]).any() or case in EXTRAPOLATED, case

        assert patched.answer["dfl"][case]["raised"] is None, case
        right, found = wanted(original, case), patched.of("dfl", case)
        bad = right.pop("bad")
        assert is_same(right, found), case
        assert not found["gradient"][bad].any(), case
        assert found["gradient"][~bad].any(axis=-1).all(), case


def test_only_bad_dfl_targets_give_a_zero_that_backpropagates(original: Run, patched: Run) -> None:
    names = dfl_cases(original, "all")
    assert len(names) == 3 * 8
    for case in names:
        raised, given = original.answer["dfl"][case]["raised"], original.of("dfl", case)
        assert raised or np.isnan(given["loss"]).any() or case in EXTRAPOLATED, case

        assert patched.answer["dfl"][case]["raised"] is None, case
        found = patched.of("dfl", case)
        assert found.keys() == {"loss", "gradient"}, case
        assert not found["loss"].any(), case
        assert not found["gradient"].any(), case


def test_bad_dfl_targets_are_counted_and_good_ones_are_not(original: Run, patched: Run) -> None:
    counts = {case: answer["counts"] for case, answer in patched.answer["dfl"].items()}
    for case in [*dfl_cases(original, "some"), *dfl_cases(original, "all")]:
        in_static_graph = case.endswith("static graph")  # which has no place to count
        assert counts[case] == ([0, 0] if in_static_graph else [wanted(original, case)["bad"].sum(), 1]), case
    for case in dfl_cases(original, "good"):
        is_first_of_class = case in ("PPYOLOEHead: good", "PPYOLOERHead: good")
        assert counts[case] == ([None, None] if is_first_of_class else [0, 0]), case
        assert is_same(original.of("dfl", case), patched.of("dfl", case)), case


def test_bad_dfl_targets_are_reported_at_the_first_and_at_every_hundredth_computation(patched: Run) -> None:
    expected = [
        ("ppyoloe_head", 16, 1),
        ("ppyoloe_r_head", 90, 1),
        ("ppyoloe_head", 16, 101),
        ("ppyoloe_r_head", 90, 101),
    ]
    assert len(patched.reports) == len(expected), patched.reports
    for report, (module, last, computations) in zip(patched.reports, expected, strict=True):
        assert f"ppdet.modeling.heads.{module} WARNING" in report
        assert f" DFL targets in {computations} computations of the loss were NaN or outside" in report
        assert f", {last})" in report


def test_a_box_of_nan_leaves_the_dfl_finite_and_is_counted(original: Run, patched: Run) -> None:
    assert np.isnan(original.of("nan box", "")["loss_dfl"])
    parts = patched.of("nan box", "")
    assert np.isfinite(parts["loss_dfl"])
    assert np.isnan(parts["loss_iou"])  # the sum stays NaN: the report names the cause
    assert patched.answer["nan box"] == {"raised": None, "counts": [4, 1]}
