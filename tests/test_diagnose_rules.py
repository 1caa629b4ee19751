"""`diagnose`: each rule finds its failure, with what tells it from others."""

from collections.abc import Callable

import pytest

from patchkit.rule import Example, Rule, run
from tests.conftest import REPOSITORY, Answer
from tests.train_logs import (
    ASYNCHRONOUS,
    BLOCKING,
    CLASSES,
    INDEX,
    KNOWN,
    RAISED,
    ROW,
    RULES,
    SCATTER,
    assertions,
    cublas,
    found,
    options,
    read,
    rules,
)

Run = Callable[..., Answer]


SECTIONS = ("What", "Why", "Example", "Fix safety", "References")


CASES = [
    pytest.param(rule, example, id=f"{rule.id}-{index}")
    for rule in RULES
    for index, example in enumerate(rule.examples)
]


@pytest.mark.parametrize(("rule", "example"), CASES)
def test_a_rule_finds_its_bad_example_and_nothing_in_the_good_one(rule: Rule, example: Example) -> None:
    assert [finding.rule for finding in run(RULES, read(example.bad), None).findings] == [rule.id]
    assert not run(RULES, read(example.good), None).findings


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_is_documented_and_in_the_readme(rule: Rule) -> None:
    title, *sections = rule.documentation.split("\n\n")
    assert title.endswith(".")
    assert [name for name in SECTIONS if f"\n{name} " in f"\n{sections[0]}"] == list(SECTIONS)
    assert f"| `{rule.id}` | {rule.severity.value} | {title[:-1]} |" in (REPOSITORY / "README.md").read_text()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_the_lines_of_a_rule_hold_its_anchors_and_its_patterns_are_linear(rule: Rule) -> None:
    for sign in rule.signs:
        assert "*" not in sign.pattern.replace(r"\*", "")
        assert "+" not in sign.pattern.replace("+]", "").replace("+-]", "").replace(".+", "")
    for example in rule.examples:
        assert any(sign.anchor in example.bad for sign in rule.signs)


def test_explain_knows_the_rules(patchkit: Run) -> None:
    assert "masked_select" in patchkit("explain", "dfl-target-outside-bins").out


@pytest.mark.parametrize("id", KNOWN)
def test_an_error_is_recognised_in_a_traceback_alone_and_behind_a_rank(id: str) -> None:
    error = KNOWN[id]
    assert rules(error + "\n") == [id]
    assert rules(RAISED.format(error)) == [id]
    assert rules("".join(f"[rank0]: {line}\n" for line in RAISED.format(error).splitlines())) == [id]
    assert rules(f"{ROW.format('1.4')}{error}\n") == [id]


def test_assertions_are_told_apart_by_their_kernel() -> None:
    crash = RAISED.format("RuntimeError: CUDA error: device-side assert triggered") + ASYNCHRONOUS
    assert rules(assertions("Loss.cu:250: nll_loss_forward", CLASSES) + crash) == ["label-outside-classes"]
    assert rules(assertions("IndexKernel.cu:92: operator()", INDEX) + crash) == ["index-out-of-bounds"]
    assert rules(assertions("ScatterGatherKernel.cu:144: operator()", SCATTER) + crash) == ["scatter-out-of-bounds"]
    assert rules(crash) == ["device-assert"]
    other = "input_val >= zero && input_val <= one"
    [(rule, _, commands)] = found(assertions("Loss.cu:92: operator()", other) + crash)
    assert (rule, commands[0]) == ("device-assert", "CUDA_LAUNCH_BLOCKING=1 <your command>")


@pytest.mark.parametrize(
    ("kernel", "said"),
    [
        ("Loss.cu:92: operator()", "input_val >= zero && input_val <= one"),
        ("Indexing.cu:1237: indexSelectSmallIndex", "srcIndex < srcSelectDimSize"),
        ("IndexKernel.cu:92: operator()", INDEX),
        ("ScatterGatherKernel.cu:144: operator()", SCATTER),
    ],
)
def test_another_assertion_is_not_one_of_cross_entropy(kernel: str, said: str) -> None:
    error = "RuntimeError: CUDA error: device-side assert triggered"
    for crash in (error, RAISED.format(error).replace("main()", "loss = criterion(out, y)") + ASYNCHRONOUS):
        [(_, _, commands)] = found(f"{assertions(kernel, said)}{crash}\n")
        assert not any("cross-entropy" in command for command in commands)


@pytest.mark.parametrize(
    "warning",
    [
        "/v/torch/nn/modules/conv.py:456: UserWarning: Plan failed with a cudnnException: CUDNN_BACKEND_EXECUTION_PLAN_"
        "DESCRIPTOR: cudnnFinalizeDescriptor Failed cudnn_status: CUDNN_STATUS_NOT_SUPPORTED (Triggered internally at",
        "UserWarning: Exception encountered: CUDNN_STATUS_EXECUTION_FAILED in benchmark, trying next",
        "[W] CUBLAS_STATUS_NOT_SUPPORTED when calling cublasLtMatmul with transpose_mat1 0, will attempt to recover by",
    ],
)
def test_what_torch_warns_of_and_goes_on_from_is_no_failure(warning: str) -> None:
    assert rules(f"{warning}\n{ROW.format('1.4')}\n") == []
    [(rule, _, commands)] = found(f"{warning}\n" * 30 + cublas("/home/me/yolov10"))
    assert (rule, commands[0]) == ("cublas-gemv-refused", "patchkit apply yolov10-dfl --path /home/me/yolov10")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (ROW.format("nan"), "the loss is nan from the first epoch"),
        (ROW.format("nan").replace(" 1/100", "12/100"), "the loss is nan since epoch 12"),
        (
            "ppdet.engine INFO: Epoch: [0] [  0/339] learning_rate: 0.1 loss: nan",
            "the loss is nan from the first epoch",
        ),
        ("Epoch: [3]  [10/100]  lr: 0.1  loss: nan (nan)", "the loss is nan since epoch 3"),
        ("mmdet - INFO - Epoch [1][50/58633]\tlr: 1e-3, loss_rpn_bbox: nan, loss: nan", "from the first epoch"),
        ("Epoch 7:  6%| | 32040/500150 [6:28<94:39, loss=nan, v_num=95]", "the loss is nan since epoch 7"),
        ("[ Train | 001/080 ] loss = nan, acc = 0.09091", "the loss is nan since line 1"),
        (ROW.format("nan").replace("1/100", "0/299"), "the loss is nan from the first epoch"),
        ("12/100 [==>...] - ETA: 1s - loss: nan - accuracy: 0.1", "the loss is nan since line 1"),
        ("Epoch(train)  [3][50/7330]  lr: 1.0e-03  loss: nan", "the loss is nan since epoch 3"),
        (
            "2024/05/01 10:00:00 - mmengine - INFO - Epoch(train)   [3][  50/7330]  lr: 1.9e-03  loss: nan",
            "the loss is nan since epoch 3",
        ),
        ("Loss is nan, stopping training", "the loss is nan since line 1"),
        ("{'loss': tensor(nan, device='cuda:0')}", "the loss is nan since line 1"),
        ("FloatingPointError: Loss became infinite or NaN at iteration=3!", "the loss is nan since line 1"),
    ],
)
def test_a_loss_that_is_nan_is_told_with_its_epoch(line: str, message: str, told: Callable[..., Answer]) -> None:
    assert message in told(line + "\n").out


@pytest.mark.parametrize(
    "line",
    [
        "check_nan: loss is nan? False",
        "if loss is nan, training stops",
        "best_loss: nan",
        "prev_loss=nan",
        "lr_loss=nan",
        "val/dfl_loss: nan (no validation set)",
    ],
)
def test_a_word_about_nan_is_no_loss_that_is_nan(line: str) -> None:
    assert rules(line + "\n") == []
    assert rules(f"{line}\n" * 30 + "loss: nan best_loss: nan\n") == ["loss-nan"]


def test_an_index_in_a_loss_of_ones_own_says_nothing_of_labels() -> None:
    error = RAISED.format("IndexError: index 7 is out of bounds for dimension 0 with size 7")
    assert rules(error.replace("<module>", "compute_loss")) == []
    assert rules(error.replace("<module>", "compute_loss").replace("train.py", "fcos.py")) == ["index-out-of-bounds"]


def test_an_assertion_of_torch_before_1_5_is_recognised() -> None:
    for error in (
        "RuntimeError: cuda runtime error (59) : device-side assert triggered at /pytorch/aten/src/THC/x.cu:26",
        "THCudaCheck FAIL file=/pytorch/aten/src/THC/x.cu line=26 error=59 : device-side assert triggered",
    ):
        [(rule, _, commands)] = found(error + "\n")
        assert (rule, commands[0]) == ("device-assert", BLOCKING)


def test_an_ignored_learning_rate_is_a_note_unless_it_was_set() -> None:
    line = (
        "optimizer: 'optimizer=auto' found, ignoring 'lr0={}' and 'momentum=0.937' and determining best 'optimizer'\n"
    )
    assert [severity for _, severity, _ in found(line.format("0.01"))] == ["note"]
    assert [severity for _, severity, _ in found(line.format("0.0001") * 3)] == ["warning"]
    assert [severity for _, severity, _ in found(line.format("..."))] == ["warning"]


def test_a_timeout_is_told_apart_by_what_the_others_did() -> None:
    watchdog = (
        "[rank1]:[E ProcessGroupNCCL.cpp:563] [Rank 1] Watchdog caught collective operation timeout: WorkNCCL("
        "OpType=BROADCAST, Timeout(ms)=10800000) ran for 10800004 milliseconds before timing out.\n"
    )
    scan = "\r".join(f"train: Scanning /data/labels... {n} images, 0 backgrounds: 1%" for n in range(100)) + "\n"
    [(rule, _, commands)] = found(options(device="0,1") + scan + watchdog)
    assert rule == "ddp-timeout-while-scanning"
    assert commands[0] == "yolo val model=yolov10n.yaml data=my.yaml split=train device=cpu"
    assert rules(scan + "Starting training for 100 epochs...\n" + watchdog) == ["ddp-timeout"]
    waiting = RAISED.format("KeyboardInterrupt").replace("main()", "with torch_distributed_zero_first(rank):")
    assert rules(waiting + watchdog) == ["ddp-timeout-while-scanning"]
    done = scan + "train: Scanning /data/labels... 100 images, 0 backgrounds: 100%\n"
    assert rules(done + watchdog) == ["ddp-timeout"]
    assert rules(waiting + "Starting training for 100 epochs...\n" + watchdog) == ["ddp-timeout"]
    assert rules(options() + waiting + options(data="other.yaml") + watchdog) == ["ddp-timeout"]
    store = (
        "torch.distributed.DistBackendError: [1] is setting up NCCL communicator and retrieving ncclUniqueId from [0] "
        "via c10d key-value store by key '0', but store->get('0') got error: Socket Timeout"
    )
    assert rules(waiting.replace("KeyboardInterrupt", store)) == ["ddp-timeout-while-scanning"]
    assert rules(RAISED.format(store)) == ["ddp-timeout"]
    gloo = "RuntimeError: [unbound_buffer.cc:81] Timed out waiting 1800000ms for recv operation to complete"
    assert rules(RAISED.format(gloo)) == ["ddp-timeout"]
    assert rules("RuntimeError: Timed out initializing process group in store based barrier on rank: 1\n") == [
        "ddp-timeout"
    ]


def test_a_recipe_that_was_followed_is_no_failure() -> None:
    end = "Optimizer stripped from last.pt, 64.4MB\n"
    eight = options("yolov10x.yaml", "coco.yaml", "0,1,2,3,4,5,6,7")
    followed = eight.replace("scale=0.5, mixup=0.0, copy_paste=0.0", "scale=0.9, mixup=0.15, copy_paste=0.3")
    assert rules(eight + end) == ["recipe-not-followed"]
    assert rules(followed + end) == []
    assert rules(eight) == []  # not at its end
    assert rules(eight.replace("0,1,2,3,4,5,6,7", "0") + end) == []
    assert rules(eight.replace("yolov10x.yaml", "yolov10x.pt") + end) == []


@pytest.mark.parametrize(
    "error",
    [
        "torch.distributed.DistStoreError: Socket Timeout",
        "torch.distributed.DistStoreError: Timed out after 61 seconds waiting for clients. 1/2 clients joined.",
    ],
)
def test_a_store_that_waited_in_vain_is_a_timeout(error: str) -> None:
    assert rules(RAISED.format(error)) == ["ddp-timeout"]


def test_words_that_hold_nan_do_not_hide_a_loss() -> None:
    assert rules("finance banana nanny loss 1.2\n" * 50_000 + ROW.format("nan") + "\n") == ["loss-nan"]
