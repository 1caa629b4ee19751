"""`diagnose`: no log is too large or too odd to be read."""

import gzip
import io
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patchkit.diagnose.run import diagnose
from patchkit.errors import SourceUnreadable
from patchkit.subjects.train_log import blocks as blocks_module
from patchkit.subjects.train_log.anchors import SCARCE, Anchors
from tests.conftest import Answer
from tests.train_logs import (
    INDEX,
    KNOWN,
    RAISED,
    ROW,
    SIGNS,
    assertions,
    cublas,
    read,
    rules,
)

Run = Callable[..., Answer]


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
        ("train.log.gz", gzip.compress(b"nan\n" * 9, mtime=0), "it is compressed (gzip)\nhint: if it is a log: zcat "),
        ("best.pt", b"PK\x03\x04" + bytes(9000), "it is compressed (zip, as checkpoints of torch are)"),
        ("weights.bin", bytes(range(32)) * 4096, "it is no text\nhint: name the log"),
        ("hole.log", bytes(100_000), "it is no text"),
        ("random.bin", random.Random(7).randbytes(200_000), "it is no text"),
    ],
    ids=["gzip", "checkpoint", "control bytes", "zeros", "random bytes"],
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


def test_many_lines_of_one_kind_are_kept_to_a_few() -> None:
    log = read(assertions("IndexKernel.cu:92: operator()", INDEX, 50_000))
    assert max(len(lines) for lines in log.lines.values()) == 20
    log = read(RAISED.format("ValueError: x") * 500 + RAISED.format("KeyError: 'last'"))
    assert len(log.raised) == 41
    assert log.raised[-1].traceback.error == "KeyError: 'last'"


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


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # as a busy machine is
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
