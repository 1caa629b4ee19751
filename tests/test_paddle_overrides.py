"""Overrides in the leaf of a configuration of PaddleDetection."""

from pathlib import Path
from typing import Any

import pytest

from patchkit.errors import SourceUnreadable
from patchkit.subjects.paddle.leaf import overridden
from patchkit.subjects.paddle.values import Tagged
from tests.paddle_tree import OWN, TREE, again, alone, grow, own


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    grow(tmp_path, TREE)
    return tmp_path


@pytest.mark.parametrize(
    ("before", "values", "after"),
    [
        ("epoch: 80 # e\n", {"epoch": 36}, "epoch: 36 # e\n"),
        ("a:\n    b: 'x' # c\n    d: 1\n", {"a.b": "z"}, "a:\n    b: z # c\n    d: 1\n"),
        ("a:\n    b: 1 # c\n# end\n", {"a.d": 0.5}, "a:\n    b: 1 # c\n    d: 0.5\n# end\n"),
        ("a:\n    b: 1\n", {"c.d.e": True}, "a:\n    b: 1\nc:\n    d:\n        e: True\n"),
        ("e: 1\na: {b: 1}", {"a.c": 2, "d": 3}, "e: 1\na: {b: 1, c: 2}\nd: 3\n"),
        ("a: { }\n", {"a.c.d": 2}, "a: {c: {d: 2} }\n"),
        ("a: {b: 1, }\n", {"a.c": 2}, "a: {b: 1, c: 2 }\n"),
        ("a: {\n  b: 1\n}\n", {"a.c": 2}, "a: {\n  b: 1\n, c: 2}\n"),
        ("a:\nb: ~\n", {"a.c": 1, "b.d": 2}, "a: {c: 1}\nb: {d: 2}\n"),
        ("a: &n 3\nb: 1\n", {"a": 4}, "a: &n 4\nb: 1\n"),
        ("a: &n 3\nb: *n # c\n", {"b": 4}, "a: &n 3\nb: 4 # c\n"),
        ("a: &n {x: 1, y: 2}\nb: *n\n", {"b.x": 4}, "a: &n {x: 1, y: 2}\nb: {x: 4, y: 2}\n"),
        (
            "a: &n {x: {y: 1, z: 2}}\nb:\n  <<: *n\n  w: 0\n",
            {"b.x.y": 5},
            "a: &n {x: {y: 1, z: 2}}\nb:\n  <<: *n\n  w: 0\n  x:\n    y: 5\n    z: 2\n",
        ),
        (
            "a: &n {x: 1}\nb:\n  # c\n  <<: *n # d\ne: 1\n",
            {"b.x": 2},
            "a: &n {x: 1}\nb:\n  # c\n  <<: *n # d\n  x: 2\ne: 1\n",
        ),
        ("a: &n {x: 1}\nb: {<<: *n}\n", {"b.y": 2}, "a: &n {x: 1}\nb: {<<: *n, y: 2}\n"),
        ("a: [1, 2]\n", {"a.1": 5, "a.2": 6}, "a: [1, 5, 6]\n"),
        ("a:\n- 1 # c\n- 2\n# d\nb: 1\n", {"a.1": 5, "a.2": 6}, "a:\n- 1 # c\n- 5\n- 6\n# d\nb: 1\n"),
        ("a:\n- n: 1\n  m: 2\nb: 1\n", {"a.0.o": 3}, "a:\n- n: 1\n  m: 2\n  o: 3\nb: 1\n"),
        ("a:\n- !T {m: 2}\n- !S\n", {"a.0.o": 3, "a.1.p": 4}, "a:\n- !T {m: 2, o: 3}\n- !S {p: 4}\n"),
        ("a:\n  - !T\n    m: 2\n", {"a.0.m": 3, "a.0.o": 4}, "a:\n  - !T\n    m: 3\n    o: 4\n"),
        (
            "a:\n  - n: 1\nb: 1\n",
            {"a": [{"n": 2}, Tagged("!T", {"k": 1})]},
            "a:\n  - n: 2\n  - !T\n    k: 1\nb: 1\n",
        ),
        ("a:\n  - n: 1\nb: 1\n", {"a": [1, 2]}, "a:\n  [1, 2]\nb: 1\n"),
        ("a: 1\n...\n", {"b": 2}, "a: 1\nb: 2\n...\n"),
        ("a: 1\n\n# c\nb: 2\n", {"c.d": 1}, "a: 1\n\n# c\nb: 2\n\nc:\n  d: 1\n"),
        ("a: 1\n\nb: 2\n\n", {"c.d": 1}, "a: 1\n\nb: 2\n\nc:\n  d: 1\n"),
        ("a: 80\n", {"a": 80}, "a: 80\n"),
        ("a: .nan\nb: 1\n", {"b": 2}, "a: .nan\nb: 2\n"),
        ("a: 1\n", {"b": 1e-5, "c": None, "d": "on", "e": (1, 2)}, 'a: 1\nb: 1.0e-05\nc: null\nd: "on"\ne: [1, 2]\n'),
        ("a: {b: 1}\n", {("a", "b"): 2}, "a: {b: 2}\n"),
        ("a: 1\na: 2\n", {"a": 3}, "a: 1\na: 3\n"),
    ],
)
def test_a_value_is_set_in_the_leaf(before: str, values: dict[Any, Any], after: str) -> None:
    config = alone(before)
    once = overridden(config, values)
    assert once.decode() == after
    assert overridden(again(config, once), values) == once
    crlf = alone(b"\xef\xbb\xbf" + before.replace("\n", "\r\n").encode())
    assert overridden(crlf, values) == b"\xef\xbb\xbf" + after.replace("\n", "\r\n").encode()


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("{a: 1}\n", {"a": 2}),
        ("a: &n {x: 1}\nb: *n\n", {"a.x": 2}),
        ("a: [1]\n", {"a.b": 2}),
        ("a: [1]\n", {"a.5": 2}),
        ("a: &n 1\nb: [*n]\n", {"b.0": 2}),
        ("a: &n {x: 1}\nb: [*n]\n", {"b.0.x": 2}),
        ("n: &n {x: 1}\na: &m\n  <<: *n\n", {"a.y": 2}),
        ("a:\n  t: |\n    x\n    # y\n\nb: 1\n", {"a.u": 2}),
        ("a: |\n  x\nb: 1\n", {"a": 2}),
        ("n: 1\na: &l\n  - 1\n", {"a.1": 2}),
        ("a: &n 1\n? b\n: *n\n", {"b": 2}),
    ],
)
def test_what_cannot_be_set_alone_is_refused(text: str, values: dict[str, Any]) -> None:
    with pytest.raises(SourceUnreadable) as caught:
        overridden(alone(text), values)
    assert caught.value.hint


def test_an_inherited_value_is_overridden_in_the_leaf(tree: Path) -> None:
    config = own(tree, f"{OWN}\n# mine\nPPYOLOEHead:\n  reg_max: 12\n\nweights: output/x/model_final\n")
    values = {"PPYOLOEHead.loss_weight.iou": 5.0, "TrainReader.batch_size": 4, "LearningRate.base_lr": 0.0005}
    assert overridden(config, values).decode() == (
        f"{OWN}\n# mine\nPPYOLOEHead:\n  reg_max: 12\n  loss_weight:\n    iou: 5.0\n\nweights: output/x/model_final\n"
        "\nTrainReader:\n  batch_size: 4\n\nLearningRate:\n  base_lr: 0.0005\n"
    )


def test_an_inherited_list_comes_into_the_leaf_as_a_whole(tree: Path) -> None:
    config = own(tree)
    once = overridden(config, {"LearningRate.schedulers.0.max_epochs": 43, "LearningRate.schedulers.1.epochs": 2})
    assert once.decode() == (
        f"{OWN}LearningRate:\n  schedulers:\n    - name: CosineDecay\n      max_epochs: 43\n"
        "    - name: LinearWarmup\n      start_factor: 0.0\n      epochs: 2\n"
    )
    assert again(config, once).value("LearningRate.base_lr") == 0.001


def test_tags_of_an_inherited_list_and_of_an_inherited_object_stay(tree: Path) -> None:
    lists = "LearningRate:\n  schedulers:\n  - !CosineDecay\n    max_epochs: 96\n  - !LinearWarmup\n  - !X z\n  - [1]\n"
    grow(tree, {"configs/ppyoloe/tags.yml": lists})
    config = own(tree, "_BASE_: ['../datasets/fruit.yml', tags.yml]\n")
    values = {"LearningRate.schedulers.1.epochs": 1, "TrainDataset.anno_path": "b.json"}
    assert overridden(config, values).decode() == (
        "_BASE_: ['../datasets/fruit.yml', tags.yml]\n"
        "LearningRate:\n  schedulers:\n    - !CosineDecay\n      max_epochs: 96\n    - !LinearWarmup\n      epochs: 1\n"
        "    - !X z\n    - [1]\n"
        "TrainDataset: !COCODataSet\n  image_dir: train\n  anno_path: b.json\n  dataset_dir: dataset/fruit\n"
    )


def test_a_list_of_the_leaf_hides_the_inherited_one(tree: Path) -> None:
    text = f"{OWN}LearningRate:\n  schedulers: [!CosineDecay {{max_epochs: 96}}]\n"
    once = overridden(own(tree, text), {"LearningRate.schedulers.1": Tagged("!LinearWarmup", {"epochs": 5})})
    assert once.decode() == text.replace("96}]", "96}, !LinearWarmup {epochs: 5}]")
    assert str(Tagged("!LinearWarmup", {"epochs": 5})) == "!LinearWarmup {epochs: 5}"


@pytest.mark.parametrize(
    ("section", "values", "after"),
    [
        ("LearningRate: ~\n", {"LearningRate.base_lr": 0.5}, "LearningRate:\n  base_lr: 0.5\n"),
        ("LearningRate:\nepoch: 4\n", {"LearningRate.base_lr": 0.5}, "LearningRate:\n  base_lr: 0.5\nepoch: 4\n"),
        (
            "PPYOLOEHead: {loss_weight: ~}\n",
            {"PPYOLOEHead.loss_weight.iou": 5},
            "PPYOLOEHead: {loss_weight: {iou: 5}}\n",
        ),
        (
            "LearningRate: null\nepoch: 4\n",
            {"LearningRate.schedulers.1.epochs": 2},
            "LearningRate:\n  schedulers:\n    - name: CosineDecay\n      max_epochs: 96\n"
            "    - name: LinearWarmup\n      start_factor: 0.0\n      epochs: 2\nepoch: 4\n",
        ),
    ],
)
def test_a_section_that_was_emptied_merges_again_once_a_value_is_set(
    tree: Path, section: str, values: dict[str, Any], after: str
) -> None:
    config = own(tree, OWN + section)
    once = overridden(config, values)
    assert once.decode() == OWN + after
    assert again(config, once).value("LearningRate.schedulers.0.max_epochs") == 96
    assert overridden(again(config, once), values) == once


def test_an_emptied_list_is_not_guessed(tree: Path) -> None:
    config = own(tree, f"{OWN}LearningRate:\n  schedulers: ~\n")
    with pytest.raises(SourceUnreadable, match="without a change of other values"):
        overridden(config, {"LearningRate.schedulers.0.max_epochs": 43})


def test_the_last_line_may_have_no_end() -> None:
    assert overridden(alone("a:\n  b: 1"), {"a.c": 2}) == b"a:\n  b: 1\n  c: 2\n"
