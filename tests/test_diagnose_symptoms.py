"""`diagnose`: the manifests of patch rooms bring symptoms, and none of them can hang it."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from patchkit.diagnose.patterns import fault_of, literal_of
from patchkit.diagnose.run import diagnose
from tests.conftest import Answer
from tests.test_packs import Pack
from tests.train_logs import cublas

Run = Callable[..., Answer]


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
    too_long = {skipped.rule for skipped in done.skipped if "takes too long" in skipped.reason}
    assert {"yolov10-dfl", "cublas-gemv-refused"} <= too_long, "of rules too"


def test_a_broken_pack_is_an_error(pack: Pack, patchkit: Run, tmp_path: Path) -> None:
    pack.add("third-broken", "A.b", extra="symptoms: ['(']\n")
    log = tmp_path / "train.log"
    log.write_text("")
    assert patchkit("diagnose", log, env=pack.env).code == 2
