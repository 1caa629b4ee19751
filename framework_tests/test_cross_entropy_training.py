"""`cross-entropy-ignore-index`: a training script and a notebook, run by the real torch before and after the patch."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from framework_tests.conftest import SCRIPTS, Measure
from tests.conftest import checked, run_patchkit

ID = "cross-entropy-ignore-index"
# Sums over the same float32 terms, of order one, in another order: without the samples the matrix products are smaller.
ROUNDING = 1e-6
CELLS = [
    "import torch\nfrom torch import nn\n\nbatches = torch.load('batches.pt')\n",
    "torch.manual_seed(1)\nmodel = nn.Linear(6, 4)\ncriterion = nn.CrossEntropyLoss()\n"
    "optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)\n",
    "losses, gradients = [], []\n"
    "for epoch in range(2):\n"
    "    for samples, labels in batches:\n"
    "        optimizer.zero_grad()\n"
    "        loss = criterion(model(samples), labels)\n"
    "        loss.backward()\n"
    "        optimizer.step()\n"
    "        losses.append(loss.detach())\n"
    "        gradients.append(model.weight.grad.flatten().clone())\n",
    "weights = model.weight.detach().flatten()\n",
]


def script() -> str:
    return "\n".join(CELLS)


def notebook() -> str:
    cells: list[dict[str, Any]] = [{"cell_type": "markdown", "metadata": {}, "source": ["# A linear classifier\n"]}]
    for cell in CELLS:
        lines = cell.splitlines(keepends=True)
        kept: dict[str, Any] = {"execution_count": None, "metadata": {}, "outputs": []}
        cells.append({"cell_type": "code", "source": lines, **kept})
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}, indent=1) + "\n"


FILES = {"train.py": script, "train.ipynb": notebook}


@pytest.fixture(scope="module")
def answer(torch_python: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each file trained on each data set, "before" and "after" the patch."""
    folder = tmp_path_factory.mktemp("cross_entropy")
    for state in ("before", "after"):
        (folder / state).mkdir()
        for name, text in FILES.items():
            (folder / state / name).write_text(text())
    for name in FILES:
        done = run_patchkit("apply", ID, "--path", folder / "after" / name)
        assert done.code == 0, done.out + done.err
    files = [f"{state}/{name}" for state in ("before", "after") for name in FILES]
    run = checked([torch_python, SCRIPTS / "cross_entropy_running.py", *files], cwd=folder)
    loaded: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return loaded


@pytest.fixture(params=FILES)
def trained(request: pytest.FixtureRequest, answer: dict[str, Any]) -> dict[str, Any]:
    """The same for one file."""
    return {state: answer[f"{state}/{request.param}"] for state in ("before", "after")}


def difference(one: list[float], other: list[float]) -> float:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def test_samples_labelled_minus_one_train_as_if_they_were_left_out(trained: dict[str, Any], measure: Measure) -> None:
    assert trained["before"]["some -1"] == {"error": "IndexError: Target -1 is out of bounds."}

    expected, seen = trained["before"]["left out"], trained["after"]["some -1"]
    assert "error" not in seen, seen
    assert len(seen["losses"]) == 6
    assert all(map(any, expected["gradients"]))
    gradients = zip(seen["gradients"], expected["gradients"], strict=True)
    off = max(
        difference(seen["losses"], expected["losses"]),
        difference(seen["weights"], expected["weights"]),
        *(difference(gradient, wanted) for gradient, wanted in gradients),
    )
    assert off <= ROUNDING
    measure(f"{ID}, losses, gradients and weights", off)


def test_good_labels_train_to_the_same_bits(trained: dict[str, Any]) -> None:
    assert "error" not in trained["before"]["all labelled"]
    assert trained["after"]["all labelled"] == trained["before"]["all labelled"]


def test_the_documented_costs_are_nan_without_any_label_and_the_end_of_minus_100(trained: dict[str, Any]) -> None:
    assert trained["before"]["all -1"] == {"error": "IndexError: Target -1 is out of bounds."}
    assert all(map(math.isnan, trained["after"]["all -1"]["losses"]))

    assert trained["before"]["some -100"]["losses"] == pytest.approx(trained["before"]["left out"]["losses"])
    assert trained["after"]["some -100"] == {"error": "IndexError: Target -100 is out of bounds."}
