"""The losses of real models with `yolov10-dfl`: the same values and gradients, without the call that cuBLAS refuses."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framework_tests.conftest import Measure, unpacked

ID, SCRIPT = "yolov10-dfl", "ultralytics_training.py"
RELEASES = ["ultralytics==8.2.50", "ultralytics"]  # an old one, and the newest
MODELS = ["v10", "detect", "segment", "pose", "obb"]
STOPPED = {
    "error": "CUDA error: CUBLAS_STATUS_INVALID_VALUE when calling "
    "`cublasSgemv(handle, op, m, n, &alpha, a, lda, x, incx, &beta, y, incy)`",
    "in": "bbox_decode",
}
# A decoded distance differs by some units in the last place of fp32, up to 3e-6. What was measured, on losses up to 12
# and gradients up to 35, stands at the end of the output. These are absolute, and leave room for other processors.
STEP_LOSS, STEP_GRADIENT = 2e-5, 3e-4
# The last digit of results.csv: 1e-5, and 1e-4 where a release writes one digit less.
EPOCH_LOSS = 1e-4


@dataclass(frozen=True)
class Trained:
    """What the training script says of one release, and the folder with the gradients."""

    folder: Path
    reference: dict[str, Any]  # original, where the product works
    refused: dict[str, Any]  # original, where cuBLAS refuses the product
    patched: dict[str, Any]  # patched, where cuBLAS refuses it

    def gradients(self, model: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Of the reference and of the patched package, by the name of the parameter."""
        files = [self.folder / run / f"{model}.npz" for run in ("original/works", "patched/refuses")]
        reference, patched = (dict(np.load(file)) for file in files)
        return reference, patched


@pytest.fixture(scope="module", params=RELEASES)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, torch_python: Path) -> Trained:
    folder = tmp_path_factory.mktemp("trained")
    original, patched = (unpacked(request.param, torch_python, folder / name) for name in ("before", "after"))
    patched.apply(ID)
    with ThreadPoolExecutor() as both:
        before = both.submit(
            original.answer, SCRIPT, folder / "original", "works", "refuses", cwd=folder / "original run"
        )
        after = both.submit(patched.answer, SCRIPT, folder / "patched", "refuses", cwd=folder / "patched run")
    answer = before.result()
    return Trained(folder, answer["works"], answer["refuses"], after.result()["refuses"])


@pytest.mark.parametrize("model", MODELS)
def test_an_epoch_that_cublas_stops_in_the_original_trains_to_the_losses_it_had(
    trained: Trained, model: str, measure: Measure
) -> None:
    reference, patched = trained.reference[model]["epoch"], trained.patched[model]["epoch"]
    assert min(reference["train/box_loss"], reference["val/box_loss"]) > 0
    assert trained.refused[model]["epoch"] == STOPPED

    assert "error" not in patched, patched
    assert patched == pytest.approx(reference, rel=EPOCH_LOSS, abs=EPOCH_LOSS)
    measure(f"{ID}, losses of an epoch", max(abs(patched[name] - reference[name]) for name in reference))


@pytest.mark.parametrize("model", MODELS)
def test_a_batch_that_cublas_stops_in_the_original_has_the_loss_and_gradient_it_had(
    trained: Trained, model: str, measure: Measure
) -> None:
    reference, patched = trained.reference[model]["step"], trained.patched[model]["step"]
    assert reference[0] > 0  # the loss of the boxes
    assert trained.refused[model]["step"] == STOPPED

    assert "error" not in patched, patched
    assert patched == pytest.approx(reference, rel=0, abs=STEP_LOSS)
    wanted, found = trained.gradients(model)
    assert found.keys() == wanted.keys()
    assert max(np.abs(wanted[name]).max() for name in wanted) > 1
    off = max(float(np.abs(found[name] - wanted[name]).max()) for name in wanted)
    assert off <= STEP_GRADIENT
    measure(f"{ID}, losses of a step", max(abs(one - other) for one, other in zip(patched, reference, strict=True)))
    measure(f"{ID}, gradients of a step", off)
