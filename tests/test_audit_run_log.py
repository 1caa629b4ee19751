"""What the log of a run tells of its options, and its audit."""

import math
import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patchkit.errors import SourceUnreadable
from patchkit.subjects.config import load_config
from patchkit.subjects.release import known_release
from patchkit.subjects.run_log.log import as_yaml, read_run_log
from patchkit.subjects.yaml_file import parse_yaml
from tests.conftest import Answer
from tests.support import assert_refused
from tests.trainer import COCO, RELEASES, Trainer

Run = Callable[..., Answer]


def log(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "results.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("bias", [0.0, 0.1])
@pytest.mark.parametrize("batch", [160, 208, 256])
def test_the_batches_of_the_authors_are_told_apart(tmp_path: Path, release: str, bias: float, batch: int) -> None:
    trained = Trainer(release, epochs=500, nb=math.ceil(COCO / batch), warmup_bias_lr=bias)
    found = read_run_log(log(tmp_path, trained.csv()), COCO)
    assert (found.lr0, found.lrf, found.epochs, found.warmup_epochs) == (0.01, 0.01, 500, 3.0)
    assert found.warmup_bias_lr == bias
    assert batch in found.batches
    assert found.batch == found.likely_batch == batch
    assert found.options.get("optimizer") == ("SGD" if bias else None)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    release=st.sampled_from(RELEASES),
    batch=st.integers(8, 512),
    images=st.integers(5_000, 200_000),
    lr0=st.sampled_from([0.001, 0.002, 0.005, 0.01, 0.016, 0.0125, 0.02]),
    lrf=st.sampled_from([0.001, 0.01, 0.05, 0.1, 0.2]),
    warmup=st.integers(30, 500).map(lambda hundredths: hundredths / 100) | st.sampled_from([0.5, 1.0, 2.0, 2.5, 3.0]),
    bias=st.sampled_from([0.0, 0.05, 0.1]),
    epochs=st.integers(30, 300),
    cos_lr=st.booleans(),
)
def test_a_log_gives_back_what_it_was_trained_with(
    tmp_path: Path, release: str, batch: int, images: int, lr0: float, lrf: float, warmup: float, bias: float,
    epochs: int, cos_lr: bool,
) -> None:  # fmt: skip
    nb = math.ceil(images / batch)
    trained = TrainedByFormula(
        release, lr0=lr0, lrf=lrf, warmup_epochs=warmup, warmup_bias_lr=bias, epochs=epochs, cos_lr=cos_lr, nb=nb
    )
    found = read_run_log(log(tmp_path, trained.csv()), images)
    assert found.cos_lr == cos_lr
    assert found.lr0 == pytest.approx(lr0, rel=0.01)
    assert (found.lrf, found.epochs) == (lrf, epochs)
    if found.warmup_epochs is not None:
        is_same = round(found.warmup_epochs * nb) == round(warmup * nb)
        assert is_same or found.warmup_epochs == pytest.approx(warmup, rel=0.01)
    if found.warmup_bias_lr is not None:
        assert found.warmup_bias_lr == pytest.approx(bias, rel=0.01)
    if found.batches:
        assert batch in found.batches
    if found.batch is not None:
        assert found.batch == pytest.approx(batch, rel=0.0201)


class TrainedByFormula(Trainer):
    """The same log without the iterations that it does not show: only those around the end of an epoch."""

    def _train(self) -> None:
        given, nb = self.options, self.options["nb"]
        nw, late = self._warmup(nb), self.number < (8, 1, 42)
        end = nw - 1 if (8, 4, 103) <= self.number < (8, 4, 183) else nw
        for epoch in range(given["epochs"]):
            ni, target = min((epoch + 1) * nb - 1, end), given["lr0"] * self._factor(epoch)
            if epoch * nb <= end and nw > 0:
                rate = float(np.interp(ni, [0, nw], [0.0, target]))
                bias = float(np.interp(ni, [0, nw], [given["warmup_bias_lr"], target]))
                self.logged.append((rate, bias))
            else:
                rate = given["lr0"] * self._factor(max(epoch - 1, 0) if late else epoch)
                self.logged.append((rate, rate))


def test_the_short_simulation_is_the_long_one() -> None:
    for release in RELEASES:
        for warmup in (0.0, 1.0, 2.5, 3.0):
            long, short = (kind(release, warmup_epochs=warmup) for kind in (Trainer, TrainedByFormula))
            assert np.allclose(long.logged, short.logged, rtol=1e-12)


def test_a_run_that_ended_early_has_the_length_of_its_decay(tmp_path: Path) -> None:
    found = read_run_log(log(tmp_path, Trainer("8.2.50", epochs=500).csv(rows=137)))
    assert (found.rows, found.epochs, found.lrf, found.batch, found.batches) == (137, 500, 0.01, None, ())
    assert "the run ended after 137" in as_yaml(found, None)


@pytest.mark.parametrize("nb", [463, 740])
@pytest.mark.parametrize("warmup", [0.5, 0.8, 1.2, 1.5, 1.9])
def test_a_warm_up_of_too_few_rows_is_no_fact(tmp_path: Path, nb: int, warmup: float) -> None:
    trained = Trainer("8.4.110", epochs=100, nb=nb, warmup_epochs=warmup)
    found = read_run_log(log(tmp_path, trained.csv()), COCO)
    assert found.warmup_epochs is None or found.warmup_epochs == pytest.approx(warmup, rel=0.01)
    assert not found.batches or math.ceil(COCO / nb) in found.batches
    assert (found.lrf, found.epochs) == (0.01, 100)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    release=st.sampled_from(RELEASES),
    lrf=st.sampled_from([0.001, 0.01, 0.05, 0.1, 0.2]),
    epochs=st.sampled_from([50, 100, 150, 200, 300, 500]),
    part=st.floats(0.3, 0.99),
    cos_lr=st.booleans(),
)
def test_no_end_is_claimed_that_the_run_did_not_have(
    tmp_path: Path, release: str, lrf: float, epochs: int, part: float, cos_lr: bool
) -> None:
    trained = TrainedByFormula(release, lrf=lrf, epochs=epochs, nb=400, cos_lr=cos_lr)
    found = read_run_log(log(tmp_path, trained.csv(rows=int(epochs * part))), None)
    assert found.cos_lr == cos_lr
    assert found.lr0 == pytest.approx(0.01, rel=0.01)
    assert (found.lrf, found.epochs) in [(lrf, epochs), (None, None)]


def test_the_beginning_of_a_line_lists_the_ends_that_it_may_have(tmp_path: Path) -> None:
    found = read_run_log(log(tmp_path, Trainer("8.2.50", epochs=200, lrf=0.1).csv(rows=100)))
    assert (found.lrf, found.epochs) == (None, None)
    assert "# epochs: 200 with lrf 0.1, or 220 with lrf 0.01" in as_yaml(found, None)


@pytest.mark.parametrize(("epochs", "rows"), [(500, 200), (300, 295)])
def test_a_cosine_that_ended_early_is_read(tmp_path: Path, epochs: int, rows: int) -> None:
    found = read_run_log(log(tmp_path, Trainer("8.2.50", epochs=epochs, cos_lr=True).csv(rows=rows)))
    assert (found.cos_lr, found.lr0, found.warmup_epochs) == (True, 0.01, 3.0)
    assert (found.lrf, found.epochs) in [(0.01, epochs), (None, None)]


def test_a_constant_rate_tells_no_warm_up(tmp_path: Path) -> None:
    found = read_run_log(log(tmp_path, Trainer("8.2.50", lrf=1.0, warmup_epochs=0.0).csv()), 5_000)
    assert (found.lr0, found.lrf, found.epochs, found.warmup_epochs, found.batches) == (0.01, 1.0, None, None, ())


def test_a_run_without_warm_up_tells_neither_batch_nor_warm_up(tmp_path: Path) -> None:
    found = read_run_log(log(tmp_path, Trainer("8.2.50", warmup_epochs=0.0).csv()), 5_000)
    assert (found.lr0, found.warmup_epochs, found.warmup_bias_lr, found.batch) == (0.01, None, None, None)
    assert "batch:" not in as_yaml(found, None).replace("# batch:", "")


def test_100_iterations_of_warm_up_are_the_floor(tmp_path: Path) -> None:
    found = read_run_log(log(tmp_path, Trainer("8.2.50", nb=20).csv()), 20 * 256)
    assert (found.warmup_epochs, found.warmup_iterations, found.likely_batch) == (None, 100, 256)
    assert "least" in as_yaml(found, None)


def test_musgd_is_known_by_its_eight_groups(tmp_path: Path) -> None:
    trained = Trainer("8.4.190", warmup_bias_lr=0.0)
    lines = ["epoch,time," + ",".join(f"lr/pg{group}" for group in range(8))]
    for epoch, (weight, _) in enumerate(trained.logged, start=1):
        lines.append(f"{epoch},1.5," + ",".join(f"{weight * (3 if group % 2 == 0 else 1):.6g}" for group in range(8)))
    found = read_run_log(log(tmp_path, "\n".join(lines)))
    assert (found.options["optimizer"], found.lr0, found.warmup_bias_lr) == ("MuSGD", 0.01, 0.0)
    assert "optimizer: MuSGD" in as_yaml(found, None)


def test_old_column_names_are_read(tmp_path: Path) -> None:
    text = Trainer("8.0.100").csv()
    for group in range(3):
        text = text.replace(f"lr/pg{group}", f"x/lr{group} ")
    found = read_run_log(log(tmp_path, text))
    assert (found.lr0, found.warmup_epochs, found.warmup_iterations) == (0.01, 3.0, 120)


def test_the_yaml_of_a_log_is_a_training_configuration(tmp_path: Path) -> None:
    found = read_run_log(log(tmp_path, Trainer("8.2.50", epochs=500, nb=463).csv()), COCO)
    text = as_yaml(found, "yolov10x.yaml")
    config = load_config(parse_yaml(text.encode(), Path("log.yaml")), known_release("8.2.50"), None)
    assert config.model == "yolov10x"
    assert config.file.data == {
        "model": "yolov10x.yaml", "optimizer": "SGD", "lr0": 0.01, "lrf": 0.01, "epochs": 500, "warmup_epochs": 3.0,
        "warmup_bias_lr": 0.1, "batch": 256,
    }  # fmt: skip


GOOD = Trainer("8.2.50").csv()
HEAD = "epoch,lr/pg0,lr/pg1,lr/pg2\n"


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("", "empty"),
        ("a" * 200_000, "no table of numbers"),
        ("\n  \n", "empty"),
        ("epoch,loss\n1,2\n", "no column 'lr/pg0'"),
        ("lr/pg0\n2\n", "no column 'epoch'"),
        (b"epoch,lr/pg0\n1,\xff\n", "not UTF-8"),
        (HEAD, "a header and no epoch"),
        (HEAD + "1,0.01,0.01\n", "row 2: only 3 columns"),
        (HEAD + "1,0.01,0.01,nan\n", "row 2: 'nan'"),
        (HEAD + "1,0.01,inf,0.01\n", "row 2: 'inf'"),
        (HEAD + "1,0.01,-1,0.01\n", "row 2: '-1'"),
        (HEAD + "1,0.01,high,0.01\n", "row 2: 'high'"),
        (HEAD + "7,0.01,0.01,0.01\n", "begins at epoch 7"),
        (HEAD + "1,0.01,0.01,0.01\n3,0.01,0.01,0.01\n", "row 3: epoch 3 follows epoch 1"),
        ("".join(GOOD.splitlines(keepends=True)[:6]), "5 epochs, too few"),
        (HEAD + "".join(f"{epoch},0,0,0\n" for epoch in range(20)), "neither linearly"),
        (HEAD + "".join(f"{e},{r},{r},{r}\n" for e, r in enumerate([9, 8, 7, 1, 6, 2, 5, 1])), "neither linearly"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_log_is_refused(tmp_path: Path, text: str | bytes, fact: str) -> None:
    with pytest.raises(SourceUnreadable) as refused:
        read_run_log(log(tmp_path, text))
    assert fact in refused.value.message
    assert "results.csv" in refused.value.message
    assert refused.value.hint


def test_a_log_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(SourceUnreadable):
            read_run_log(path)


def test_no_bytes_lead_to_a_traceback(tmp_path: Path) -> None:
    source, chance = bytearray(GOOD.encode()), random.Random(4)
    read = refused = 0
    for _ in range(300):
        spoiled = bytearray(source)
        for _ in range(chance.randint(1, 8)):
            spoiled[chance.randrange(len(spoiled))] = chance.choice(b'\0\n\r,"0.9e-x\xff ')
        try:
            found = read_run_log(log(tmp_path, bytes(spoiled)), 5_000)
        except SourceUnreadable as error:
            assert str(tmp_path) in error.message
            refused += 1
        else:
            assert parse_yaml(as_yaml(found, None).encode(), tmp_path).data == found.options
            read += 1
    assert read + refused == 300
    assert min(read, refused) > 0


def test_a_pipe_or_a_device_is_no_log(tmp_path: Path) -> None:
    pipe = tmp_path / "results.csv"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):
        with pytest.raises(SourceUnreadable, match="not a regular file"):
            read_run_log(path)


# --- on the command line ---------------------------------------------------------------------------------------------

RUN = Trainer("8.2.50", epochs=500, nb=math.ceil(COCO / 160), warmup_bias_lr=0.1).csv()


def test_a_log_is_audited_by_what_was_trained(tmp_path: Path, patchkit: Run) -> None:
    path = log(tmp_path, RUN)
    answer = patchkit(
        "audit",
        "--release",
        "8.2.50",
        "--from-log",
        path,
        "--recipe",
        "yolov10x",
        "--images",
        str(COCO),
        "--gpus",
        "8",
        "--format",
        "json",
    )
    assert answer.code == 0, answer.out
    recovered = answer.json["subject"]["recovered"]
    assert (recovered["batch"], recovered["lr0"], recovered["warmup_epochs"]) == (160, 0.01, 3.0)
    assert answer.json["findings"] == []  # the recipe; options that the log does not tell are not held against it


def test_a_log_of_a_larger_batch_at_the_same_rate_is_found_out(tmp_path: Path, patchkit: Run) -> None:
    path = log(tmp_path, Trainer("8.2.50", epochs=500, nb=math.ceil(COCO / 256), warmup_epochs=2.0).csv())
    answer = patchkit(
        "audit", "--release", "8.2.50", "--from-log", path, "--recipe", "yolov10x", "--images", str(COCO), "--gpus", "8"
    )
    assert answer.code == 1
    assert "batch: 256" in answer.out
    assert "[lr0-not-linear]" in answer.out
    assert "[warmup-too-short]" in answer.out
    assert "scale" not in answer.out


def test_the_model_and_the_images_come_from_the_args_beside_a_log(tmp_path: Path, patchkit: Run) -> None:
    path = log(tmp_path, RUN)
    images = tmp_path / "train.txt"
    images.write_text("image.jpg\n" * COCO)
    (tmp_path / "coco.yaml").write_text("train: train.txt\nval: val.txt\nnames: [a]\n")
    (tmp_path / "args.yaml").write_text("model: yolov10x.pt\ndata: coco.yaml\nbatch: 8\n")
    answer = patchkit("audit", "--release", "8.2.50", "--from-log", path, "--gpus", "8", "--format", "json")
    assert answer.json["subject"]["recovered"]["batch"] == 160
    assert answer.json["subject"]["model"] == "yolov10x"


def test_without_images_the_batch_is_unknown_and_no_default_stands_in_for_it(tmp_path: Path, patchkit: Run) -> None:
    answer = patchkit("audit", "--from-log", log(tmp_path, RUN), "--recipe", "yolov10x", "--gpus", "8")
    assert answer.code == 0
    assert "batch unknown" in answer.out
    assert "[lr0-not-linear] lr0" not in answer.out
    assert "skipped [lr0-not-linear] how many images a step has is not known" in answer.out


def test_biases_that_start_at_0_are_no_optimizer_to_audit(tmp_path: Path, patchkit: Run) -> None:
    text = Trainer("8.2.50", epochs=500, nb=463, lr0=0.02, warmup_bias_lr=0.0).csv()
    answer = patchkit("audit", "--release", "8.2.50", "--from-log", log(tmp_path, text), "--recipe", "yolov10x")
    assert "# optimizer: auto starts biases at 0, as here" in answer.out
    assert "[optimizer-auto]" not in answer.out


@pytest.mark.parametrize(
    ("arguments", "fact"),
    [
        (("--fix",), "--fix is for a configuration: a log is not changed"),
        (("--diff",), "--diff is for a configuration: a log is not changed"),
        (("train.yaml",), "CONFIG and --from-log are both given"),
    ],
)
def test_a_log_is_not_fixed(tmp_path: Path, patchkit: Run, arguments: tuple[str, ...], fact: str) -> None:
    path = log(tmp_path, RUN)
    assert_refused(patchkit("audit", *arguments, "--from-log", path), fact)
    assert path.read_text() == RUN


def test_an_audit_of_nothing_says_what_to_name(patchkit: Run) -> None:
    assert_refused(patchkit("audit"), "nothing to audit")


@pytest.mark.parametrize("name", [".", "/", "..", ""])
def test_what_is_no_file_is_no_log(patchkit: Run, name: str) -> None:
    assert_refused(patchkit("audit", "--from-log", name), "name the results.csv")
