"""`ultralytics-sync-bn` in the real trainers of ultralytics."""

from pathlib import Path
from typing import Any

import pytest

from framework_tests.conftest import Packages, unpacked

ID = "ultralytics-sync-bn"
NEWEST, OLD = "ultralytics", "ultralytics==8.2.50"
NORMS = 95  # normalisation layers of yolov10n
PLAIN = {"BatchNorm2d": NORMS, "SyncBatchNorm": 0}
SYNCED = {"BatchNorm2d": 0, "SyncBatchNorm": NORMS}
FUSED = {"BatchNorm2d": 0, "SyncBatchNorm": 0}
REFUSED_ON_A_CPU = "ValueError: SyncBatchNorm expected input tensor to be on GPU"
# Sums over the same float64 terms in another order, through 95 normalisations; relative to the greatest of each tensor.
# One process with its own statistics is off by more than 0.1.
ROUNDING = 1e-8
Answer = dict[str, Any]


@pytest.fixture(scope="module", params=[NEWEST, OLD])
def packages(
    request: pytest.FixtureRequest, torch_python: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Packages]:
    """One release, original and patched."""
    folder = tmp_path_factory.mktemp("sync_bn")
    found = {name: unpacked(request.param, torch_python, folder / name) for name in ("original", "patched")}
    found["patched"].apply(ID)
    return found


@pytest.fixture(scope="module")
def trained(packages: dict[str, Packages]) -> dict[str, Answer]:
    """The option, and one epoch on the CPU without and with it."""
    return {name: of.answer("sync_bn_training.py", "data", cwd=run_folder(of)) for name, of in packages.items()}


@pytest.fixture(scope="module")
def converted(packages: dict[str, Packages]) -> Answer:
    """What the patched trainer sets up for two processes without and with the option."""
    patched = packages["patched"]
    answer: Answer = patched.answer("sync_bn_conversion.py", "models", cwd=run_folder(patched))
    return answer


def run_folder(packages: Packages) -> Path:
    return packages.folder.with_name(f"{packages.folder.name} run")


def test_the_option_is_unknown_to_the_release_and_a_boolean_after_the_patch(trained: dict[str, Answer]) -> None:
    unknown = {"error": "SyntaxError", "message": "'sync_bn' is not a valid YOLO argument."}
    original, patched = trained["original"], trained["patched"]
    for refused in (original["options"]["True"], original["epochs"]["sync_bn=True"]):
        assert refused["error"] == unknown["error"]
        assert refused["message"].startswith(unknown["message"])

    assert patched["default"] is False
    assert patched["options"]["True"] is True
    assert patched["options"]["yes"]["error"] == "TypeError"
    assert "'sync_bn' must be a bool" in patched["options"]["yes"]["message"]


def test_one_process_trains_with_the_option_as_without_it_and_as_the_original(trained: dict[str, Answer]) -> None:
    epochs = trained["patched"]["epochs"]
    assert len(epochs["sync_bn=True"]["rows"]) == 1
    assert epochs["sync_bn=True"] == epochs["not named"] == trained["original"]["epochs"]["not named"]
    assert epochs["sync_bn=True"]["warnings"] == []


def test_the_trainer_converts_every_layer_for_several_processes_on_cuda(converted: Answer) -> None:
    assert converted["layers"] == {"plain": PLAIN, "synced": SYNCED, "cpu": PLAIN}
    assert converted["averaged"] == {"plain": PLAIN, "synced": SYNCED}
    assert converted["warnings"]["cuda"] == []
    # A graph that is traced before the first epoch must not wait for other processes.
    assert converted["trains at the wrap"] == {"plain": True, "synced": False}


def test_several_processes_on_another_device_are_warned_and_not_converted(converted: Answer) -> None:
    [warning] = converted["warnings"]["cpu"]
    assert "'sync_bn=True' is only supported on CUDA, ignoring on 'cpu'" in warning


def test_the_converted_model_has_the_same_state_and_gives_the_same_bits(converted: Answer) -> None:
    assert converted["same keys"]
    assert converted["other values"] == []
    for comparison in ("eval", "fused"):
        assert converted[comparison]["values"] > 0
        assert converted[comparison]["equal"], converted[comparison]
    assert converted["left when fused"] == {"plain": FUSED, "synced": FUSED}


def test_its_checkpoint_is_loaded_fused_and_predicts_without_a_gpu(converted: Answer) -> None:
    assert converted["loaded"] == {"plain": PLAIN, "synced": SYNCED}
    for comparison in ("loaded, eval", "loaded, predicted"):
        assert converted[comparison]["values"] > 0
        assert converted[comparison]["equal"], converted[comparison]


@pytest.mark.parametrize("packages", [NEWEST], indirect=True, ids=["newest"])
def test_frozen_layers_stay_in_eval_mode_when_they_are_converted(converted: Answer) -> None:
    assert converted["frozen"] == {"plain": ["module.model.0.bn"], "synced": ["module.model.0.bn"]}


@pytest.mark.parametrize("packages", [NEWEST], indirect=True, ids=["newest"])
def test_two_processes_train_as_one_with_the_whole_batch_or_are_refused_by_a_cpu(
    packages: dict[str, Packages],
) -> None:
    patched = packages["patched"]
    answer = patched.answer("sync_bn_distributed.py", "processes", cwd=run_folder(patched))
    if answer["form"] == "two processes on CUDA":
        assert answer["parameters"] > NORMS
        assert max(answer["differences"].values()) <= ROUNDING, answer
    else:
        assert answer["form"] == "two processes on the CPU"
        # Why the patch converts on CUDA alone.
        assert [text.startswith(REFUSED_ON_A_CPU) for text in answer["train"]] == [True, True], answer
        assert answer["same eval"] == [True, True]
        # Why there is an option: each process has the statistics of its own images.
        assert answer["statistics differ by"] > 1e-3
