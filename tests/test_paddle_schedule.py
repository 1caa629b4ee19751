"""The learning rate of PaddleDetection against a table of steps, as the framework builds one."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from patchkit.recipes.paddle.schedule import PaddleSchedule, paddle_schedule
from patchkit.recipes.surroundings import PaddleSurroundings
from patchkit.subjects.paddle.config import load_paddle
from patchkit.subjects.yaml_file import parse_yaml
from tests.conftest import Answer
from tests.paddle_tree import OWN, TREE, grow

Run = Callable[..., Answer]
EPOCHS, PER_EPOCH = 20, 20


def schedule(text: str, **options: Any) -> PaddleSchedule | None:
    return paddle_schedule(load_paddle(parse_yaml(text.encode(), Path("own.yml"))), PaddleSurroundings(**options))


def configuration(*schedulers: dict[str, Any], **others: Any) -> str:
    rate = {"base_lr": 0.01, "schedulers": list(schedulers)}
    return yaml.safe_dump({"epoch": EPOCHS, "LearningRate": rate, "TrainReader": {"batch_size": 8}, **others})


def steps(decay: dict[str, Any], warmup: dict[str, Any] | None) -> list[float]:
    """Rates by a list of boundaries and one of values: a value holds until the step reaches its boundary."""
    boundaries: list[int] = []
    values: list[float] = []
    if warmup is not None:
        length = warmup["epochs"] * PER_EPOCH if "epochs" in warmup else warmup["steps"]
        boundaries = list(range(1, length + 1))
        for step in range(length + 1):
            done = step / length
            start = warmup.get("start_factor", 0.0)
            factor = done ** warmup["power"] if "power" in warmup else start * (1 - done) + done
            values.append(0.01 * factor)
    length = len(boundaries)
    if decay["name"] == "CosineDecay":
        end = decay["max_epochs"] * PER_EPOCH
        plateau = decay.get("last_plateau_epochs", 0) * PER_EPOCH
        least = 0.01 * decay.get("min_lr_ratio", 0.0)
        for step in range(length, end):
            boundaries.append(step)
            done = (step - length) / (end - length - plateau)
            is_falling = step < end - plateau
            values.append(least + (0.01 - least) * 0.5 * (math.cos(done * math.pi) + 1) if is_falling else least)
        boundaries = boundaries if length else boundaries[1:]
    else:
        boundaries += [milestone * PER_EPOCH for milestone in decay["milestones"]]
        values = values or [0.01]
        gamma = decay["gamma"]
        factors = gamma if isinstance(gamma, list) else [gamma / 10**index for index in range(len(decay["milestones"]))]
        values += [0.01 * factor for factor in factors]
    return [
        next((value for boundary, value in zip(boundaries, values, strict=False) if step < boundary), values[-1])
        for step in range(EPOCHS * PER_EPOCH)
    ]


@pytest.mark.parametrize(
    ("decay", "warmup"),
    [
        ({"name": "CosineDecay", "max_epochs": 24}, {"name": "LinearWarmup", "start_factor": 0.0, "epochs": 3}),
        ({"name": "CosineDecay", "max_epochs": 12}, {"name": "LinearWarmup", "start_factor": 0.1, "steps": 37}),
        (
            {"name": "CosineDecay", "max_epochs": 22, "min_lr_ratio": 0.05, "last_plateau_epochs": 4},
            {"name": "ExpWarmup", "epochs": 2, "power": 2},
        ),
        (
            {"name": "PiecewiseDecay", "gamma": 0.1, "milestones": [8, 15]},
            {"name": "LinearWarmup", "start_factor": 0.3, "steps": 50},
        ),
        ({"name": "PiecewiseDecay", "gamma": [0.5, 0.2], "milestones": [5, 9], "use_warmup": False}, None),
        ({"name": "CosineDecay", "max_epochs": 20, "use_warmup": False}, None),
    ],
)
def test_a_schedule_is_what_the_framework_steps_through(decay: dict[str, Any], warmup: dict[str, Any] | None) -> None:
    found = schedule(configuration(decay, *([warmup] if warmup else [])), images=8 * PER_EPOCH)
    assert found is not None
    assert [found.lr(step) for step in range(found.iterations)] == pytest.approx(steps(decay, warmup), abs=1e-15)
    assert {found.momentum_at(step) for step in (0, 100)} == {0.9}


@pytest.mark.parametrize(
    "schedulers",
    [
        [{"name": "OneCycle"}, {"name": "LinearWarmup"}],
        [{"name": "CosineDecay"}],
        [{"name": "CosineDecay", "max_epochs": "many"}, {"name": "LinearWarmup"}],
        [{"name": "PiecewiseDecay", "gamma": [0.1], "milestones": [1, 2]}, {"name": "LinearWarmup"}],
        [{"name": "CosineDecay"}, {"name": "Unheard"}],
    ],
)
def test_no_schedule_where_the_schedulers_are_not_known(schedulers: list[dict[str, Any]]) -> None:
    assert schedule(configuration(*schedulers)) is None


def test_an_epoch_has_as_many_iterations_as_the_images_fill() -> None:
    known = [{"name": "CosineDecay", "max_epochs": 24}, {"name": "LinearWarmup"}]
    for is_cut, wanted in ((True, 12), (False, 13)):
        reader = {"TrainReader": {"batch_size": 8, "drop_last": is_cut}}
        found = schedule(configuration(*known, **reader), images=200, gpus=2)
        assert found is not None
        assert (found.iterations_per_epoch, found.is_nominal) == (wanted, False)
    nominal = schedule(configuration(*known))
    assert nominal is not None
    assert nominal.is_nominal


def test_the_schedule_of_a_configuration_is_told_and_drawn(tmp_path: Path, patchkit: Run) -> None:
    grow(tmp_path, {**TREE, "configs/ppyoloe/mine.yml": OWN + "epoch: 40\n"})
    picture = tmp_path / "lr.svg"
    leaf = tmp_path / "configs/ppyoloe/mine.yml"
    answer = patchkit("audit", leaf, "--gpus", "1", "--images", "8000", "--plot", picture)
    assert "learning rate, 40 epochs of 1000 iterations:" in answer.out
    assert "end of warm-up" in answer.out
    assert "-> 0.000125" in answer.out
    assert picture.read_text().startswith("<?xml")
