"""`retinanet-label-guard` in training steps of the real torchvision."""

from pathlib import Path
from typing import Any

import pytest

from framework_tests.conftest import unpacked

ID, SCRIPT = "retinanet-label-guard", "retinanet_training.py"
Answer = dict[str, Any]
# Sums over the same float32 terms, taken over two images where the bad one is left out, and over three where it is not:
# relative, to the loss or to the greatest element of a gradient.
ROUNDING = 1e-5
LABELS = {
    "label -1": "[-1]",
    "label num_classes": "[5]",
    "label 100": "[100]",
    "label -1 and label 100": "[-1, 100]",
}
TOO_LARGE = {
    "label num_classes": "index 5 is out of bounds for dimension 1 with size 5",
    "label 100": "index 100 is out of bounds for dimension 1 with size 5",
    "label -1 and label 100": "index 100 is out of bounds for dimension 1 with size 5",
    "only bad images": "index 5 is out of bounds for dimension 1 with size 5",
}
WITHOUT, LAST_CLASS = "without the second image", "last class in its place"


@pytest.fixture(scope="module")
def answers(torch_python: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    """What the script says of the original package, and of the patched one."""
    folder = tmp_path_factory.mktemp("retinanet")
    packages = {name: unpacked("torchvision==0.29.1", torch_python, folder / name) for name in ("original", "patched")}
    packages["patched"].apply(ID)
    return {name: of.answer(SCRIPT, cwd=folder / f"{name} run") for name, of in packages.items()}


@pytest.fixture
def original(answers: dict[str, Answer]) -> Answer:
    return answers["original"]


@pytest.fixture
def patched(answers: dict[str, Answer]) -> Answer:
    return answers["patched"]


def test_the_original_trains_the_last_class_with_the_label_minus_one(original: Answer) -> None:
    batches = original["batches"]
    assert batches["label -1"]["losses"] == batches[LAST_CLASS]["losses"]
    assert batches["label -1"]["digest"] == batches[LAST_CLASS]["digest"]
    assert batches["label -1"]["differs"]["classification, from the batch without the image"]["gradient"] > 0.1


def test_the_original_stops_at_a_label_that_is_too_large(original: Answer) -> None:
    stopped = {name: seen["error"] for name, seen in original["batches"].items() if "error" in seen}
    assert stopped == {name: f"compute_loss: {message}" for name, message in TOO_LARGE.items()}


@pytest.mark.parametrize("name", LABELS)
def test_an_image_with_a_bad_label_counts_in_the_regression_loss_alone_and_is_reported(
    name: str, original: Answer, patched: Answer
) -> None:
    seen, differs = patched["batches"][name], patched["batches"][name]["differs"]

    assert max(differs["classification, from the batch without the image"].values()) <= ROUNDING
    # The batch without the image is what the original makes of it.
    assert patched["batches"][WITHOUT] == original["batches"][WITHOUT]
    assert differs["classification, from the last class"]["gradient"] > 0.1
    assert differs["regression, from the good batch"] == {"loss": 0, "gradient": 0}
    assert min(differs["regression, from the batch without the image"].values()) > 100 * ROUNDING

    assert seen["skipped_images"] == 1
    [warning] = seen["warned"]
    assert warning.startswith(f"image_id 42: labels {LABELS[name]} are outside [0, 5)")


def test_a_batch_with_only_bad_labels_backpropagates_zero(patched: Answer) -> None:
    seen = patched["batches"]["only bad images"]
    assert seen["losses"]["classification"] == 0
    assert seen["losses"]["bbox_regression"] == patched["batches"]["good"]["losses"]["bbox_regression"]
    assert seen["head_gradients"] == {"without": 0, "greatest": 0}
    assert seen["skipped_images"] == 3
    assert [text.partition(":")[0] for text in seen["warned"]] == ["image_id 17", "image_id 42", "image_id 99"]


def test_good_batches_train_to_the_same_bits_and_say_nothing(original: Answer, patched: Answer) -> None:
    for name in ("good", LAST_CLASS, WITHOUT):
        assert patched["batches"][name] == original["batches"][name]
        assert patched["batches"][name]["head_gradients"]["greatest"] > 0
        assert patched["batches"][name]["warned"] == []


def test_the_model_still_compiles_as_torchscript_and_leaves_bad_images_out_there(
    original: Answer, patched: Answer
) -> None:
    good, bad = patched["scripted"]["good"], patched["scripted"]["label -1"]
    assert good == original["scripted"]["good"]
    assert good == pytest.approx(patched["batches"]["good"]["losses"]["classification"], rel=ROUNDING)
    assert bad == pytest.approx(patched["scripted"][WITHOUT], rel=ROUNDING)
    assert abs(bad - original["scripted"]["label -1"]) > 100 * ROUNDING
