"""Schedules, and their picture."""

import math
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from patchkit.errors import PatchkitError, TargetRefused
from patchkit.output.plot import draw
from patchkit.recipes.schedule import NOMINAL_ITERATIONS, Schedule, rows, schedule_of
from patchkit.recipes.surroundings import Surroundings
from patchkit.subjects.config import load_config
from patchkit.subjects.image_count import count_images
from patchkit.subjects.release import known_release
from patchkit.subjects.yaml_file import parse_yaml
from tests.conftest import Answer
from tests.support import assert_refused
from tests.trainer import COCO, RELEASES, Trainer

Run = Callable[..., Answer]

X = "model: yolov10x.yaml\noptimizer: SGD\nbatch: 256\nepochs: 500\n"


def schedule(text: str, release: str | None, images: int | None = COCO) -> Schedule | None:
    config = load_config(parse_yaml(text.encode(), Path("train.yaml")), known_release(release), None)
    return schedule_of(config, Surroundings(images=images))


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("cos_lr", [False, True])
@pytest.mark.parametrize("warmup_epochs", [0.0, 1.0, 2.5, 3.0])
@pytest.mark.parametrize("nb", [7, 60])
def test_a_schedule_is_what_the_loop_of_the_release_gives(
    release: str, cos_lr: bool, warmup_epochs: float, nb: int
) -> None:
    text = f"batch: 16\noptimizer: SGD\nepochs: 20\ncos_lr: {cos_lr}\nwarmup_epochs: {warmup_epochs}\n"
    found = schedule(text, release, images=nb * 16)
    assert found is not None
    trained = Trainer(release, cos_lr=cos_lr, warmup_epochs=warmup_epochs, nb=nb).iterations
    assert len(trained) == found.iterations
    ours = [(found.lr(i), found.bias_lr(i), found.momentum_at(i)) for i in range(found.iterations)]
    assert np.allclose(ours, trained, rtol=1e-12, atol=1e-15)


def test_auto_ignores_lr0_and_starts_the_biases_at_0() -> None:
    found = schedule("optimizer: auto\nlr0: 0.5\nbatch: 256\nepochs: 500\n", "8.2.50")
    assert found is not None
    assert (found.lr0, found.warmup_bias_lr, found.momentum, found.warmup_momentum) == (0.01, 0.0, 0.937, 0.8)
    assert not found.is_nominal
    plain = schedule("optimizer: auto\nwarmup_epochs: 0\nbatch: 256\nepochs: 500\n", "8.2.50")
    assert plain is not None
    assert plain.momentum_at(0) == 0.9


def test_adam_has_no_momentum_to_warm_up() -> None:
    found = schedule("optimizer: AdamW\nbatch: 256\nepochs: 500\n", "8.2.50")
    assert found is not None
    assert found.momentum_at(0) == 0.937
    early = schedule("optimizer: auto\nbatch: 256\nepochs: 1\n", "8.0.113")
    assert early is not None
    assert (early.lr0, early.momentum_at(0)) == (0.001, 0.9)


def test_without_images_an_epoch_has_a_nominal_length_that_is_told() -> None:
    found = schedule(X, None, images=None)
    assert found is not None
    assert (found.iterations_per_epoch, found.is_nominal) == (NOMINAL_ITERATIONS, True)


@pytest.mark.parametrize(
    "text",
    ["batch: -1\nepochs: 9\noptimizer: SGD\n", "epochs: many\nbatch: 16\n", "epochs: 0\nbatch: 16\n",
     "lr0: x\noptimizer: SGD\nbatch: 16\n", "lrf: x\nbatch: 16\n", "batch: 256\nepochs: 1\noptimizer: auto\n"],
)  # fmt: skip
def test_no_schedule_where_a_number_is_missing(text: str) -> None:
    assert schedule(text, "8.2.50") is None


def test_rows_compare_two_schedules_at_six_moments() -> None:
    before, after = schedule(X, "8.2.50"), schedule(X + "lr0: 0.016\n", "8.2.50")
    assert before is not None
    assert after is not None
    table = rows(before, after)
    assert [row.name for row in table] == ["start", "end of warm-up", "25 %", "50 %", "75 %", "last epoch"]
    assert (table[0].before.lr, table[0].before.bias_lr, table[0].before.momentum) == (0.0, 0.1, 0.8)
    assert all(math.isclose(row.after.lr, 1.6 * row.before.lr) for row in table)


@pytest.mark.parametrize(
    ("version", "epochs", "warmup", "names"),
    [
        (None, 3, 3.0, ["start", "end of warm-up", "75 %", "last epoch"]),
        (None, 3, 1.0, ["start", "end of warm-up", "50 %", "75 %", "last epoch"]),
        (None, 2, 3.0, ["start", "end of warm-up", "50 %", "75 %", "last epoch"]),
        (None, 4, 0.0, ["start", "end of warm-up", "25 %", "50 %", "75 %", "last epoch"]),
        ("8.2.50", 1, 3.0, ["start", "end of warm-up", "last epoch"]),
    ],
)
def test_rows_of_a_short_training_are_in_order(
    version: str | None, epochs: int, warmup: float, names: list[str]
) -> None:
    text = f"batch: 16\noptimizer: SGD\nepochs: {epochs}\nwarmup_epochs: {warmup}\n"
    found = schedule(text, version, images=1600)
    longer = schedule(text.replace("epochs: ", "epochs: 50", 1), version)
    assert found is not None
    assert longer is not None
    table = rows(found, found)
    assert [row.name for row in table] == names
    rates = [row.after.lr for row in table[1:]]
    assert rates == sorted(rates, reverse=True)
    assert [row.name for row in rows(longer, found)] == [row.name for row in table]


@pytest.mark.parametrize(
    ("version", "fraction", "images"),
    [
        ("8.2.50", "0.25", 2),  # round(2.5)
        ("8.2.50", "1.0", 10),
        ("8.2.50", "0.01", None),
        ("8.4.190", "0.01", 1),
        ("8.4.190", "0.35", 4),
        ("8.4.190", "7", 7),
        ("8.4.190", "1000", 10),
        ("8.4.190", "1", 10),
        ("8.4.190", "[0.5, 0.1]", 5),
        ("8.4.190", "[3, 2, 1]", 3),
        ("8.4.190", "true", 10),
        ("8.2.50", "0", 10),  # refused or senseless: another rule's
        ("8.2.50", "half", 10),
    ],
)
def test_images_are_those_that_fraction_leaves(tmp_path: Path, version: str, fraction: str, images: int | None) -> None:
    (tmp_path / "train").mkdir()
    for number in range(10):
        (tmp_path / f"train/{number}.jpg").touch()
    (tmp_path / "data.yaml").write_text("train: train\nval: train\n")
    source = f"data: {tmp_path}/data.yaml\nfraction: {fraction}\n".encode()
    config = load_config(parse_yaml(source, tmp_path / "train.yaml"), known_release(version), None)
    assert count_images(config) == images


@pytest.mark.parametrize("suffix", [".png", ".svg"])
@pytest.mark.parametrize("nominal", [False, True])
def test_a_plot_is_a_valid_picture_and_the_same_each_time(tmp_path: Path, suffix: str, nominal: bool) -> None:
    before, after = (schedule(X + extra, None, None if nominal else COCO) for extra in ("", "lr0: 0.016\n"))
    assert before is not None
    pictures = []
    for other in (after, after, None):
        path = tmp_path / f"plot{suffix}"
        draw(before, other, path)
        pictures.append(path.read_bytes())
    assert pictures[0] == pictures[1] != pictures[2]
    if suffix == ".png":
        assert pictures[0].startswith(b"\x89PNG\r\n\x1a\n")
        assert pictures[0].endswith(b"IEND\xaeB`\x82")
    else:
        assert ET.fromstring(pictures[0]).tag == "{http://www.w3.org/2000/svg}svg"
    assert [file.name for file in tmp_path.iterdir()] == [f"plot{suffix}"]


def test_a_plot_needs_a_known_suffix_a_folder_and_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = schedule(X + "warmup_epochs: 0\n", None)
    assert before is not None
    with pytest.raises(TargetRefused, match=r"\.png or \.svg"):
        draw(before, None, tmp_path / "plot.pdf")
    with pytest.raises(PatchkitError, match="No such file"):
        draw(before, None, tmp_path / "absent/plot.png")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(PatchkitError) as refused:
        draw(before, None, tmp_path / "plot.png")
    assert "patchkit-cv[plots]" in refused.value.hint


# --- on the command line ---------------------------------------------------------------------------------------------


def test_the_schedule_before_and_after_the_fixes_is_told_and_drawn(tmp_path: Path, patchkit: Run) -> None:
    config, picture = tmp_path / "train.yaml", tmp_path / "lr.svg"
    config.write_text("model: yolov10x.yaml\nbatch: 256\nepochs: 500\n")
    answer = patchkit("audit", config, "--gpus", "8", "--images", str(COCO), "--plot", picture)
    assert "500 epochs of 463 iterations" in answer.out
    assert "end of warm-up  0.009941 -> 0.0159 " in answer.out
    ET.parse(picture)
    assert config.read_text() == "model: yolov10x.yaml\nbatch: 256\nepochs: 500\n"


def test_a_fix_that_is_written_is_drawn_with_what_was_there(tmp_path: Path, patchkit: Run) -> None:
    config = tmp_path / "train.yaml"
    pictures = [tmp_path / "shown.svg", tmp_path / "written.svg"]
    for picture, how in zip(pictures, ("--diff", "--fix"), strict=True):
        config.write_text("model: yolov10x.yaml\nbatch: 256\nepochs: 500\n")
        patchkit("audit", config, "--gpus", "8", "--plot", picture, how)
    assert pictures[0].read_bytes() == pictures[1].read_bytes()


@pytest.mark.parametrize(
    ("text", "name", "fact"),
    [
        ("batch: -1\n", "lr.png", "the learning rates are not known"),
        ("batch: 16\n", "lr.pdf", "a plot is .png or .svg"),
        ("batch: 16\n", "nowhere/lr.png", "No such file or directory"),
    ],
)
def test_what_cannot_be_drawn_is_refused(tmp_path: Path, patchkit: Run, text: str, name: str, fact: str) -> None:
    config = tmp_path / "train.yaml"
    config.write_text(text)
    assert_refused(patchkit("audit", config, "--plot", tmp_path / name), fact)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["train.yaml"]


def test_a_picture_goes_where_a_link_leads_and_never_over_a_folder(tmp_path: Path, patchkit: Run) -> None:
    config = tmp_path / "train.yaml"
    config.write_text("model: yolov10x.yaml\noptimizer: SGD\nbatch: 256\n")
    (tmp_path / "real.svg").write_text("")
    (tmp_path / "link.svg").symlink_to("real.svg")
    patchkit("audit", config, "--plot", tmp_path / "link.svg")
    assert (tmp_path / "link.svg").is_symlink()
    ET.parse(tmp_path / "real.svg")
    (tmp_path / "folder.png").mkdir()
    assert_refused(patchkit("audit", config, "--plot", tmp_path / "folder.png"), "folder.png")
    assert not list(tmp_path.glob(".*"))


def test_a_training_without_end_is_drawn_with_points_that_show(tmp_path: Path, patchkit: Run) -> None:
    config = tmp_path / "train.yaml"
    config.write_text("optimizer: SGD\nbatch: 256\nepochs: 1000000000\n")
    patchkit("audit", config, "--plot", tmp_path / "lr.svg")
    assert (tmp_path / "lr.svg").stat().st_size < 2_000_000
