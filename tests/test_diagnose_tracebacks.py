"""`diagnose`: a traceback is found behind what launchers, threads and notebooks put around it."""

import io
from collections.abc import Callable

import pytest

from patchkit.diagnose.run import diagnose
from tests.conftest import Answer
from tests.train_logs import BLOCKING, PPYOLOE, RAISED, RETINANET, found, read

Run = Callable[..., Answer]


def test_a_thread_that_is_told_before_the_head_is_no_notebook() -> None:
    [raised] = read("Exception in thread 1: " + RAISED.format("KeyError: 1")).raised
    assert [(frame.file, frame.line) for frame in raised.traceback.frames] == [("train.py", 7)]


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


def test_the_ranks_of_paddle_are_told_apart_and_no_line_is_evidence_twice() -> None:
    lines = PPYOLOE.format(root="/v", error="ValueError: Target -1 is out of lower bound.").splitlines()
    for prefixes in (["[rank:0] ", "[rank:1] "], ["[rank:0] "], ["trainer.0: "], ["2024-05-01T10:00:00.12Z "]):
        log = "".join(f"{prefix}{line}\n" for line in lines for prefix in prefixes)
        [diagnosis] = diagnose(["-"], io.BytesIO(log.encode())).diagnoses
        finding = diagnosis.finding
        assert [row.count("out of lower bound") for row in finding.evidence.split("\n")] == [0, 0, 1]
        is_known = prefixes[0].startswith("[rank")
        assert any("configs/ppyoloe" in command for command in finding.commands) or not is_known


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
