"""The rooms for PaddleDetection and torchvision on real wheels, the symptoms of every room, and source trees."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from patchkit.patching.packs import all_rooms
from tests.conftest import REPOSITORY, Answer, snapshot
from tests.support import assert_refused, codes, state

Run = Callable[..., Answer]
PADDLE, GUARD, ENTROPY = "ppyoloe-masked-select", "retinanet-label-guard", "cross-entropy-ignore-index"
HEADS = "ppdet/modeling/heads"
DETECTION = "torchvision/models/detection/retinanet.py"
# Function by function: how many selections, or one guard.
PPYOLOE = {f"{HEADS}/ppyoloe_head.py": {"PPYOLOEHead._df_loss": 1, "PPYOLOEHead._bbox_loss": 5}}
OLD = {
    **PPYOLOE,
    f"{HEADS}/tood_head.py": {"TOODHead.get_loss": 3},
    f"{HEADS}/yolo_head.py": {"YOLOXHead.get_loss": 4},
}
NEW = {
    **OLD,
    f"{HEADS}/ppyoloe_r_head.py": {"PPYOLOERHead._df_loss": 1, "PPYOLOERHead._bbox_loss": 4},
    f"{HEADS}/fcosr_head.py": {"FCOSRHead.get_loss": 3},
    "ppdet/slim/distill_loss.py": {"DistillPPYOLOELoss.main_kd": 2},
}


def counted(answer: Answer) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for file in answer.json["results"][0]["files"]:
        symbols = [site["symbol"] for site in file["sites"]]
        found[file["path"]] = {symbol: symbols.count(symbol) for symbol in symbols}
    return found


@pytest.mark.parametrize(
    ("id", "requirement", "sites"),
    [
        (PADDLE, "paddledet==2.4.0", OLD),
        (PADDLE, "paddledet==2.5.0", OLD),
        (PADDLE, "paddledet==2.6.0", NEW),
        (GUARD, "torchvision==0.16.2", {DETECTION: {"RetinaNetClassificationHead.compute_loss": 1}}),
        (GUARD, "torchvision==0.29.1", {DETECTION: {"RetinaNetClassificationHead.compute_loss": 1}}),
    ],
)
def test_every_site_of_a_release_is_patched_and_reverted_byte_for_byte(
    id: str, requirement: str, sites: dict[str, dict[str, int]], unpacked: Callable[[str], Path], patchkit: Run
) -> None:
    site = unpacked(requirement)
    before = snapshot(site)
    applied = patchkit("apply", id, "--site-packages", site, "--format", "json")
    assert (applied.code, applied.outcomes) == (0, ["applied"])
    assert applied.json["results"][0]["message"] == "", "a form of a tested release is reported as untested"
    assert counted(applied) == sites
    for path in sites:
        assert "masked_select(" not in (site / path).read_text()
    assert codes(patchkit, "--site-packages", site) == (0, 0)
    assert patchkit("revert", id, "--site-packages", site).code == 0
    assert snapshot(site) == before


def test_a_release_without_the_head_is_not_applicable(unpacked: Callable[[str], Path], patchkit: Run) -> None:
    site = unpacked("paddledet==2.3.0")
    before = snapshot(site)
    answer = patchkit("apply", PADDLE, "--site-packages", site, "--format", "json")
    assert (answer.code, answer.outcomes) == (2, ["not-applicable"])
    assert "paddledet 2.3.0" in answer.json["results"][0]["message"]
    assert snapshot(site) == before


@pytest.mark.parametrize(
    ("id", "quote"),
    [
        ("yolov10-dfl", "CUDA error: CUBLAS_STATUS_INVALID_VALUE when calling `cublasSgemv(handle, op, m, n, &alpha)`"),
        ("ultralytics-sync-bn", "SyntaxError: 'sync_bn' is not a valid YOLO argument."),
        ("ultralytics-sync-bn", "模型在COCO数据集上的AP指标明显低于预期值"),
        (PADDLE, "ValueError: Target -1 is out of lower bound"),
        (PADDLE, "ValueError: Target 460 is out of upper bound."),
        (PADDLE, "(OutOfRange) label value should less than the shape of axis dimension when soft_label=False"),
        (
            GUARD,
            'IndexKernel.cu:142: Assertion `index >= -sizes[i] && index < sizes[i] && "index out of bounds"` failed.',
        ),
        (ENTROPY, "RuntimeError: CUDA error: device-side assert triggered"),
        (ENTROPY, "Loss.cu:106: nll_loss2d_forward_kernel: Assertion `t >= 0 && t < n_classes` failed."),
        (ENTROPY, "IndexError: Target -1 is out of bounds."),
    ],
)
def test_the_words_of_the_failure_are_among_the_symptoms_of_its_room(id: str, quote: str) -> None:
    room = next(room for room in all_rooms() if room.id == id)
    assert any(re.search(symptom, quote) for symptom in room.manifest.symptoms)


def test_show_says_what_a_bad_label_without_an_anchor_does_and_that_boxes_still_count(patchkit: Run) -> None:
    text = " ".join(patchkit("show", GUARD).out.split())
    assert "matched no anchor had no effect before" in text
    assert "The regression loss still counts the image" in text


@pytest.mark.parametrize("folder", ["single_stage_detector/ssd/model", "retired_benchmarks/retinanet/ssd/model"])
def test_both_layouts_of_a_training_checkout_are_found(folder: str, tmp_path: Path, patchkit: Run) -> None:
    head = REPOSITORY / "patches/retinanet_label_guard/examples/single_quotes/before.py"
    place = tmp_path / "training" / folder / "retinanet.py"
    place.parent.mkdir(parents=True)
    place.write_bytes(head.read_bytes())
    answer = patchkit("apply", GUARD, "--path", tmp_path / "training", "--format", "json")
    assert answer.outcomes == ["applied"]
    assert list(counted(answer)) == [f"{folder}/retinanet.py"]
    assert patchkit("revert", GUARD, "--path", tmp_path / "training").code == 0
    assert place.read_bytes() == head.read_bytes()


def test_patches_of_one_file_stack_and_leave_in_the_order_that_the_hint_says(tmp_path: Path, patchkit: Run) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    rooms = REPOSITORY / "patches"
    texts = [
        (rooms / f"{room}/examples/{case}/before.py").read_text()
        for room, case in [("retinanet_label_guard", "double_quotes"), ("ppyoloe_masked_select", "form_a")]
    ]
    (tree / "losses.py").write_text("from torch import nn\n" + "\n\n".join(texts) + "\nloss = nn.CrossEntropyLoss()\n")
    before = snapshot(tree)
    target = ("--path", tree)
    orders = [(PADDLE, GUARD, ENTROPY), (ENTROPY, GUARD, PADDLE)]
    results = []
    for order in orders:
        assert patchkit("apply", *order, *target, "--format", "json").outcomes == ["applied"] * 3
        assert state(patchkit, *target) == (0, ["applied"] * 3)
        results.append((tree / "losses.py").read_bytes())
        stacked = snapshot(tree)
        refused = patchkit("revert", order[0], *target)
        assert_refused(
            refused, f"patchkit revert {order[2]} {order[1]} {order[0]} --path", f"patchkit apply {order[1]} {order[2]}"
        )
        assert snapshot(tree) == stacked
        assert patchkit("revert", order[2], *target).code == 0
        assert state(patchkit, *target) == (0, ["applied"] * 2)
        assert patchkit("revert", "--all", *target).code == 0
        assert snapshot(tree) == before
    assert results[0] == results[1]


# --- what must not be patched half ----------------------------------------------------------------------------------

SELECTS = """
def loss(self, x, s, labels):
    mask_positive = (labels != self.num_classes)
    {0}
    {1}
    return rows
"""
MASK = "mask = mask_positive.unsqueeze(-1).tile([1, 1, 4])"
ROWS = "rows = paddle.masked_select(x, mask).reshape([-1, 4])"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SELECTS.format(ROWS, MASK), "in one block"),
        (SELECTS.format(f"{MASK}; {ROWS}", "pass"), "in one block"),
        (SELECTS.format(f"if x: {MASK}", ROWS), "in one block"),
        (
            SELECTS.format(f"if x:\n        {MASK}\n        {ROWS}", f"else:\n        {MASK}\n        {ROWS}"),
            "in one block",
        ),
        (SELECTS.format(MASK, f"mask_positive = mask_positive & s\n    {ROWS}"), "LABELS != self.num_classes"),
        (SELECTS.format(MASK, f"{ROWS}\n    other = mask.sum()"), "used for selections alone"),
        (SELECTS.format(MASK, f"{ROWS}\n    positive_index = 1"), "positive_index"),
        (SELECTS.format(MASK, f"{ROWS}\n    y = paddle.masked_select(x, x > 0)"), "with a mask of the positive"),
        (SELECTS.format(MASK, ROWS).replace("!= self.num_classes", "> 0"), "LABELS != self.num_classes"),
        (SELECTS.format(MASK.replace("[1, 1, 4]", "[2, 1, 4]"), ROWS), "with a mask of the positive"),
        (SELECTS.format(MASK, ROWS.replace(".reshape([-1, 4])", "")), "brought to rows"),
        (SELECTS.format(MASK, ROWS.replace(".reshape([-1, 4])", ".unsqueeze(-1)")), "brought to rows"),
        (SELECTS.format(MASK, f"mask_positive[0] = False\n    {ROWS}"), "not changed in place"),
        (SELECTS.format(MASK, f"mask_positive.logical_not_()\n    {ROWS}"), "not changed in place"),
    ],
)
def test_a_selection_that_is_not_wholly_known_is_a_conflict(
    text: str, words: str, tmp_path: Path, patchkit: Run
) -> None:
    path = tmp_path / "head.py"
    path.write_text(text)
    answer = patchkit("apply", PADDLE, "--path", path, "--format", "json")
    assert answer.outcomes == ["conflict"]
    assert words in answer.json["results"][0]["message"]
    assert path.read_text() == text


def test_a_mask_of_another_name_is_patched_as_well(tmp_path: Path, patchkit: Run) -> None:
    path = tmp_path / "head.py"
    path.write_text(SELECTS.format(MASK, ROWS).replace("mask_positive", "is_positive"))
    assert patchkit("apply", PADDLE, "--path", path, "--format", "json").outcomes == ["applied"]
    assert "paddle.nonzero(is_positive)" in path.read_text()


def test_selections_of_other_things_are_left_alone(tmp_path: Path, patchkit: Run) -> None:
    path = tmp_path / "nms.py"
    path.write_text("def nms(self, x, keep):\n    return paddle.masked_select(x, keep)\n")
    answer = patchkit("apply", PADDLE, "--path", path, "--format", "json")
    assert answer.outcomes == ["not-applicable"]


DFL = (REPOSITORY / "patches/ppyoloe_masked_select/examples/form_a/before.py").read_text()


@pytest.mark.parametrize(
    ("old", "new"), [(" + 1\n", " + 2\n"), ("reduction='none'", "reduction='mean'"), ("mean(-1", "mean(0")]
)
def test_a_dfl_that_is_not_wholly_known_is_a_conflict(old: str, new: str, tmp_path: Path, patchkit: Run) -> None:
    assert old in DFL
    path = tmp_path / "head.py"
    path.write_text(DFL.replace(old, new))
    answer = patchkit("apply", PADDLE, "--path", path, "--format", "json")
    assert answer.outcomes == ["conflict"]
    assert "_df_loss has drifted" in answer.json["results"][0]["message"]


HEAD = (REPOSITORY / "patches/retinanet_label_guard/examples/double_quotes/before.py").read_text()
APPEND = next(line for line in HEAD.splitlines() if "losses.append(" in line)
MEAN = next(line for line in HEAD.splitlines() if "/ len(targets)" in line)
HOT = next(line for line in HEAD.splitlines() if line.endswith("] = 1.0"))
FOR = next(line for line in HEAD.splitlines() if " in zip(" in line)


@pytest.mark.parametrize(
    "text",
    [
        HEAD.replace(MEAN, f"        losses.append(extra)\n{MEAN}"),
        HEAD.replace(FOR, f"{FOR}\n            if skip:\n                continue"),
        HEAD.replace(FOR, f"{FOR}\n            count += 1"),
        HEAD.replace(FOR, f"{FOR}\n            losses.append(0)"),
        HEAD.replace(HOT, HOT.replace("1.0", "1")),
        HEAD.replace(HOT, f"{HOT}\n            one_hot[0, image['labels'][0]] = 1.0"),
        HEAD.replace("import warnings", "import this"),
        HEAD.replace(MEAN, MEAN.replace("len(targets)", "2")),
        HEAD.replace(FOR, f"{FOR}\n            bad_labels = None"),
    ],
)
def test_a_classification_loss_that_is_not_wholly_known_is_a_conflict(text: str, tmp_path: Path, patchkit: Run) -> None:
    assert text != HEAD
    path = tmp_path / "retinanet.py"
    path.write_text(text)
    answer = patchkit("apply", GUARD, "--path", path, "--format", "json")
    assert answer.outcomes == ["conflict"]
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("id", "example", "old", "new"),
    [
        (GUARD, "retinanet_label_guard/examples/double_quotes", "                continue\n", "                pass\n"),
        (GUARD, "retinanet_label_guard/examples/double_quotes", "labels_per_image < 0", "labels_per_image < -1"),
        (PADDLE, "ppyoloe_masked_select/examples/form_a", "paddle.full_like(", "paddle.ones_like("),
        (PADDLE, "ppyoloe_masked_select/examples/form_a", "loss = paddle.where(", "loss = loss or paddle.where("),
    ],
)
def test_a_guard_that_was_changed_does_not_count_as_the_fix(
    id: str, example: str, old: str, new: str, tmp_path: Path, patchkit: Run
) -> None:
    text = (REPOSITORY / "patches" / example / "after.py").read_text()
    assert old in text
    path = tmp_path / "loss.py"
    path.write_text(text.replace(old, new))
    assert patchkit("apply", id, "--path", path, "--format", "json").outcomes == ["conflict"]


NN = "from torch import nn\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import torch.nn as tn\nloss = tn.CrossEntropyLoss()\n", "CrossEntropyLoss(ignore_index=-1)"),
        ("from torch.nn import CrossEntropyLoss as CE\nloss = CE()\n", "CE(ignore_index=-1)"),
        ("from torch.nn import *\nloss = CrossEntropyLoss(w)\n", "(w, ignore_index=-1)"),
        ("import torch\nif torch.nn.CrossEntropyLoss() : pass\n", "CrossEntropyLoss(ignore_index=-1)"),
        (f"{NN}with f(nn.CrossEntropyLoss()) as g:\n    x = 1\n", "f(nn.CrossEntropyLoss(ignore_index=-1)) as"),
        (
            f"{NN}if a:\n    x = 1\nelif f(nn.CrossEntropyLoss()):\n    x = 2\n",
            "elif f(nn.CrossEntropyLoss(ignore_index=-1)):",
        ),
        (f"{NN}def f(c=nn.CrossEntropyLoss()):\n    return c\n", "c=nn.CrossEntropyLoss(ignore_index=-1)"),
        (f"{NN}class A:\n    c = nn.CrossEntropyLoss()\n", "    c = nn.CrossEntropyLoss(ignore_index=-1)"),
        (
            f"{NN}c = nn.CrossEntropyLoss(\n    weight=w,  # about w\n)\n",
            "(\n    weight=w,  # about w\n    ignore_index=-1,\n)",
        ),
        (
            f"{NN}c = nn.CrossEntropyLoss(\n    a,  # about a\n    weight=w  # about w\n)\n",
            "(\n    a,  # about a\n    weight=w,  # about w\n    ignore_index=-1\n)",
        ),
        (f"{NN}c = nn.CrossEntropyLoss(weight=w,\n                        reduction='sum')\n",
         "weight=w,\n                        reduction='sum',\n                        ignore_index=-1)"),
    ],
)  # fmt: skip
def test_every_way_to_name_and_to_write_the_call_is_followed(
    before: str, after: str, tmp_path: Path, patchkit: Run
) -> None:
    path = tmp_path / "train.py"
    path.write_text(before)
    answer = patchkit("apply", ENTROPY, "--path", path, "--format", "json")
    assert answer.outcomes == ["applied"], answer.out
    assert after in path.read_text()
    assert patchkit("revert", ENTROPY, "--path", path).code == 0
    assert path.read_text() == before


@pytest.mark.parametrize(
    "text",
    [
        f"{NN}c = nn.CrossEntropyLoss()\ndef f():\n    import paddle.nn as nn\n    return nn.CrossEntropyLoss()\n",
        f"import paddle.nn as nn\nc = nn.CrossEntropyLoss()\ndef f():\n    {NN}    return nn.CrossEntropyLoss()\n",
        f"try:\n    {NN}except ImportError:\n    import paddle.nn as nn\nc = nn.CrossEntropyLoss()\n",
        f"{NN}def f(nn):\n    return nn.CrossEntropyLoss()\n",
        f"{NN}nn = other\nc = nn.CrossEntropyLoss()\n",
    ],
)
def test_a_name_that_means_several_things_is_a_conflict(text: str, tmp_path: Path, patchkit: Run) -> None:
    path = tmp_path / "train.py"
    path.write_text(text)
    answer = patchkit("apply", ENTROPY, "--path", path, "--format", "json")
    assert answer.outcomes == ["conflict"]
    assert "imported from torch" in answer.json["results"][0]["message"]


@pytest.mark.parametrize(
    "text",
    [
        f"{NN}for n in a:\n    if n == 'CrossEntropyLoss':\n        c = nn.CrossEntropyLoss()\n        break\n",
        f"{NN}while a:\n    c = nn.CrossEntropyLoss(); continue\n",
        "from torch.nn import CrossEntropyLoss as CE\nwith CE() as k:\n    x = 1\nif CE()(x, y) > 2:\n    a = CE()\n",
    ],
)
def test_calls_in_loops_and_headers_are_all_patched(text: str, tmp_path: Path, patchkit: Run) -> None:
    path = tmp_path / "train.py"
    path.write_text(text)
    answer = patchkit("apply", ENTROPY, "--path", path, "--format", "json")
    assert answer.outcomes == ["applied"]
    assert path.read_text() == re.sub(r"(CrossEntropyLoss|CE)\(\)", r"\1(ignore_index=-1)", text)
