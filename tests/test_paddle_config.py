"""Configurations of PaddleDetection: what they inherit."""

from pathlib import Path

import pytest

from patchkit.errors import SourceUnreadable
from patchkit.subjects.paddle import bases
from patchkit.subjects.paddle.config import load_paddle, looks_like_paddle
from patchkit.subjects.yaml_file import parse_yaml, read_yaml
from tests.paddle_tree import DATA, MODEL, OPTIMIZER, OWN, READER, RUNTIME, TREE, grow, own


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    grow(tmp_path, TREE)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (OWN, True),
        (OPTIMIZER, True),
        (MODEL, True),
        (READER, True),
        (DATA, True),
        (RUNTIME, False),
        ("model: yolov10x.yaml\nlr0: 0.01\n", False),
        ("_BASE_: Base.yaml\nSOLVER: {BASE_LR: 0.01}\n", False),
        ("_base_: ../x.py\n", False),
        ("backbone: []\nhead: []\n", False),
    ],
)
def test_it_is_told_by_its_keys(text: str, expected: bool) -> None:
    assert looks_like_paddle(parse_yaml(text.encode(), Path("x.yml"))) is expected


def test_values_come_from_the_last_file_that_sets_them(tree: Path) -> None:
    config = own(tree, f"{OWN}epoch: 36\nPPYOLOEHead:\n  loss_weight: {{iou: 5.0}}\n")
    assert config.kind == "paddledetection"
    assert config.value("epoch") == 36
    assert config.value("PPYOLOEHead.loss_weight") == {"class": 1.0, "iou": 5.0, "dfl": 0.5}
    assert config.value("PPYOLOEHead.fpn_strides.1") == 16
    assert config.value("LearningRate.schedulers.0.max_epochs") == 96
    assert config.value("EvalReader.sample_transforms.0.Resize.target_size") == [640, 640]
    assert config.value("TrainDataset.anno_path") == "annotations/train.json"
    assert config.value("YOLOv3.post_process") is None
    assert config.value("_BASE_") is None
    assert config.value("LearningRate.schedulers.7") is config.value("no.such.key") is None
    assert config.number("LearningRate.base_lr") == 0.001
    assert config.number("use_ema") is None
    assert [path.name for path in config.bases] == [
        "fruit.yml",
        "runtime.yml",
        "optimizer_80e.yml",
        "model.yml",
        "reader.yml",
        "ppyoloe_plus_crn_l_80e_coco.yml",
    ]
    assert config.tree == tree


def test_a_value_knows_its_place(tree: Path) -> None:
    config = own(tree, f"{OWN}epoch: 36\n")
    span = config.span("LearningRate.base_lr")
    assert (Path(span.path).name, span.line, span.column) == ("optimizer_80e.yml", 4, 12)
    assert config.origin("LearningRate.base_lr") == f"inherited from {span.path}:4"
    assert ".." not in span.path
    assert (config.origin("epoch"), config.span("epoch").line) == ("set in the file", 2)
    assert config.origin("PPYOLOEHead.reg_max") == "the default of PaddleDetection"
    assert config.value("PPYOLOEHead.reg_max") == 16
    assert config.span("PPYOLOEHead.reg_max").path == str(config.file.path)


def test_lists_scalars_null_and_tags_replace_what_is_inherited(tmp_path: Path) -> None:
    base = "a: {x: 1, y: 2}\nb: {x: 1}\nc: !T {x: 1}\nd: {x: 1}\ne: [1, 2]\nf: 1\n"
    grow(tmp_path, {"base.yml": base})
    config = own(
        tmp_path, "_BASE_: [base.yml]\na: {y: 3}\nb: ~\nc: {y: 2}\nd: !T {y: 2}\ne: [3]\nf: {x: 1}\n", "own.yml"
    )
    data = {key: config.value(key) for key in "abcdef"}
    assert data == {"a": {"x": 1, "y": 3}, "b": None, "c": {"y": 2}, "d": {"y": 2}, "e": [3], "f": {"x": 1}}
    assert config.node("d") is not None
    assert config.node("d").tag == "!T"  # type: ignore[union-attr]


def test_a_base_of_a_later_base_stands_over_an_earlier_base(tmp_path: Path) -> None:
    grow(tmp_path, {"a.yml": "x: {a: 1, who: a}\n", "b.yml": "_BASE_: [c.yml]\nx: {b: 1}\n", "c.yml": "x: {who: c}\n"})
    config = own(tmp_path, "_BASE_: [a.yml, b.yml]\n", "own.yml")
    assert config.value("x") == {"a": 1, "b": 1, "who": "c"}


def test_a_base_may_be_one_word_and_named_twice(tmp_path: Path) -> None:
    grow(tmp_path, {"a.yml": "_BASE_: [c.yml]\n", "b.yml": "_BASE_: [c.yml]\ny: 2\n", "c.yml": "x: 1\n"})
    assert own(tmp_path, "_BASE_: b.yml\n", "own.yml").value("x") == 1
    config = own(tmp_path, "_BASE_: [a.yml, b.yml]\n", "own.yml")
    assert [path.name for path in config.bases] == ["c.yml", "a.yml", "c.yml", "b.yml"]


def refusal(tree: Path, text: str, name: str = "configs/ppyoloe/own.yml") -> str:
    with pytest.raises(SourceUnreadable) as caught:
        own(tree, text, name)
    assert caught.value.hint
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("epoch: 1\n_BASE_: [gone.yml]\n", "own.yml:2: _BASE_ names gone.yml, but"),
        ("_BASE_: [own.yml]\n", "own.yml:1: _BASE_ leads back to"),
        ("_BASE_: ['../../../etc.yml']\n", "outside of"),
        ("_BASE_: ['/etc/passwd']\n", "outside of"),
        ("_BASE_: ['~/x.yml']\n", "outside of"),
        ("_BASE_: ['_base_']\n", "is no file"),
        ("_BASE_: ~\n", "no list of files"),
        ("_BASE_: [3]\n", "no list of files"),
        ("_BASE_: {a: b}\n", "no list of files"),
        ('_BASE_: ["a\\0b"]\n', "names no file"),
    ],
)
def test_a_base_that_cannot_be_read_is_refused(tree: Path, text: str, words: str) -> None:
    assert words in refusal(tree, text)


def test_a_base_is_refused_behind_a_link_out_of_the_tree(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    grow(outside, {"base.yml": "epoch: 1\n"})
    (tree / "configs/ppyoloe/linked").symlink_to(outside)
    assert "outside of" in refusal(tree, "_BASE_: [linked/base.yml]\n")
    assert "outside of" in refusal(tree, "_BASE_: [linked/../base.yml]\n")


def test_a_link_inside_of_the_tree_is_followed(tree: Path) -> None:
    (tree / "configs/ppyoloe/linked").symlink_to(tree / "configs/datasets")
    assert own(tree, "_BASE_: [linked/fruit.yml]\n").value("metric") == "COCO"
    assert own(tree, "_BASE_: [linked/../runtime.yml]\n").value("save_dir") == "output"


def test_without_a_mark_bases_stay_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bases, "CONFIGS", "no folder of this name")
    monkeypatch.setattr(bases, "MARKS", ())
    grow(tmp_path, {"base.yml": "epoch: 1\n", "sub/base.yml": "epoch: 2\n"})
    assert "outside of" in refusal(tmp_path, "_BASE_: [../base.yml]\n", "sub/own.yml")
    assert own(tmp_path, "_BASE_: [base.yml]\n", "sub/own.yml").value("epoch") == 2


@pytest.mark.parametrize(
    ("made", "leaf", "tree"),
    [
        ("", "configs/a/own.yml", "."),
        ("", "configs/repo/configs/own.yml", "configs/repo"),
        ("configs/repo/ppdet/x.py", "configs/repo/configs/own.yml", "configs/repo"),
        ("ppdet/x.py", "configs/repo/configs/own.yml", "."),
        ("tools/train.py", "configs/repo/configs/own.yml", "."),
        ("configs/base.yml", "work/mine/own.yml", "."),
        ("work/ppdet/x.py", "work/mine/own.yml", "work"),
        ("work/.git", "work/mine/own.yml", "work"),
    ],
)
def test_the_tree_is_the_checkout(tmp_path: Path, made: str, leaf: str, tree: str) -> None:
    grow(tmp_path, {made or "x": "", leaf: "epoch: 1\n"})
    assert bases.tree_of(tmp_path / leaf) == tmp_path / tree


def test_a_leaf_beside_the_configs_inherits_from_them(tree: Path) -> None:
    leaf = "_BASE_: [../configs/ppyoloe/ppyoloe_plus_crn_l_80e_coco.yml]\n"
    assert own(tree, leaf, "work/own.yml").value("epoch") == 80
    with pytest.raises(SourceUnreadable) as caught:
        own(tree, "_BASE_: [../../x.yml]\n", "work/own.yml")
    assert "put the file into the checkout that holds its bases" in str(caught.value.hint)


def test_a_leaf_may_be_a_link_inside_of_the_tree(tree: Path) -> None:
    grow(tree, {"configs/mine/own.yml": OWN})
    link = tree / "configs/ppyoloe/link.yml"
    link.symlink_to(tree / "configs/mine/own.yml")
    assert load_paddle(read_yaml(link)).value("epoch") == 80  # from the folder of the link, as PaddleDetection does


@pytest.mark.parametrize("text", [".inf", "-.inf", ".nan", "1" * 400, "0x" + "f" * 5000, "true", "'8'", "[8]", "~", ""])
def test_what_is_no_finite_number_is_none(tree: Path, text: str) -> None:
    config = own(tree, f"{OWN}epoch: {text}\nTrainReader:\n  batch_size: {text}\n")
    assert config.number("epoch") is config.epochs is config.batch is None
    assert len(config.shown("epoch")) <= 63


@pytest.mark.parametrize(("text", "batch"), [("8", 8), ("8.0", 8), ("0", None), ("2.5", None), ("1.0e+300", None)])
def test_a_batch_is_a_whole_number(tree: Path, text: str, batch: int | None) -> None:
    assert own(tree, f"{OWN}TrainReader: {{batch_size: {text}}}\n").batch == batch


def test_a_cycle_of_bases_is_refused(tmp_path: Path) -> None:
    grow(tmp_path, {"a.yml": "_BASE_: [b.yml]\n", "b.yml": "_BASE_: [a.yml]\n"})
    assert "b.yml:1: _BASE_ leads back to" in refusal(tmp_path, "_BASE_: [a.yml]\n", "own.yml")


def test_too_many_bases_are_refused(tmp_path: Path) -> None:
    grow(tmp_path, {f"{n}.yml": f"_BASE_: [{n + 1}.yml]\n" for n in range(30)})
    assert "more than 20 files inherit" in refusal(tmp_path, "_BASE_: [0.yml]\n", "own.yml")
    grow(tmp_path, {f"{n}.yml": f"_BASE_: [{n + 1}.yml, {n + 1}.yml]\n" for n in range(12)})
    grow(tmp_path, {"12.yml": "epoch: 1\n"})
    assert "more than 500 bases" in refusal(tmp_path, "_BASE_: [0.yml]\n", "own.yml")


def test_a_broken_base_is_named(tmp_path: Path) -> None:
    grow(tmp_path, {"a.yml": "x: [\n", "empty.yml": ""})
    assert "a.yml:2" in refusal(tmp_path, "_BASE_: [a.yml]\n", "own.yml")
    assert "empty.yml: the file is empty" in refusal(tmp_path, "_BASE_: [empty.yml]\n", "own.yml")
