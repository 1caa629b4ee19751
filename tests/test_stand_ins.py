"""Every room: its examples are run on stand-ins for torch and paddle. The original fails, the patched one holds."""

import json
import re
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml

from patchkit.patching.packs import all_rooms
from tests.stand_ins import execute, install, module, paddle_on_numpy, torch_on_numpy
from tests.stand_ins.paddle_on_numpy import garbage_select, nan_select, paddle
from tests.stand_ins.torch_on_numpy import BatchNorm2d, DistributedDataParallel, Module, SyncBatchNorm, torch
from tests.test_rooms import rewrite

ROOMS = {room.id: room for room in all_rooms()}
Names = dict[str, Any]
NAN = float("nan")


def example(room: str, case: str, suffix: str = ".py") -> tuple[bytes, bytes]:
    """The text of an example before, and after: what the codemod makes of it now."""
    before = (ROOMS[room].folder / "examples" / case / f"before{suffix}").read_bytes()
    after, _ = rewrite(ROOMS[room], before, suffix)
    return before, after


# yolov10-dfl


@pytest.fixture
def logits() -> torch_on_numpy.Tensor:
    """Two images, three points, four sides of five bins."""
    return torch_on_numpy.tensor(np.random.default_rng(1).normal(size=(2, 3, 20)))


def decode(source: bytes, name: str, logits: torch_on_numpy.Tensor) -> np.ndarray:
    names = execute(source, to_boxes=lambda sides, points: sides, to_rotated_boxes=lambda sides, angle, points: sides)
    loss = names[name]()
    loss.use_dfl, loss.proj = True, torch_on_numpy.tensor(range(5))
    return loss.bbox_decode(*([None, logits] if name == "BoxLoss" else [None, logits, None]))


@pytest.mark.parametrize(
    ("case", "name"),
    [("method", "BoxLoss"), ("annotated", "BoxLoss"), ("two_classes", "BoxLoss"), ("two_classes", "RotatedBoxLoss")],
)
def test_the_decode_without_a_matrix_product_gives_the_mean_bin_where_cublas_fails(
    case: str, name: str, logits: torch_on_numpy.Tensor
) -> None:
    before, after = example("yolov10-dfl", case)
    with pytest.raises(RuntimeError, match="CUBLAS_STATUS_INVALID_VALUE"):
        decode(before, name, logits)
    powers = np.exp(np.asarray(logits, "float64").reshape(2, 3, 4, 5))
    expected = np.matmul(powers / powers.sum(-1, keepdims=True), np.arange(5.0))
    assert np.allclose(decode(after, name, logits), expected, atol=1e-6)


# ppyoloe-masked-select

CLASSES, BINS = 3, 5
FORMS = ["form_a", "form_b", "form_c", "form_d"]
PLAIN = ["AlignedHead", "RotatedPointHead", "OneStageHead", "Distillation"]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Names]:
    """Run a file with paddle installed."""

    def run(source: bytes, *args: Any, **options: Any) -> Names:
        install(monkeypatch, *paddle(*args, **options))
        return execute(source)

    return run


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What goes to the log of ppdet."""
    lines: list[str] = []
    logger = module("ppdet.utils.logger", setup_logger=lambda name: SimpleNamespace(warning=lines.append))
    install(monkeypatch, module("ppdet"), module("ppdet.utils"), logger)
    return lines


def make_head(names: Names, form: str) -> Any:
    bins = {"reg_max": BINS - 1} if form == "form_a" else {"reg_range": (0, BINS)}
    return names["Head"](CLASSES, **bins)


def batch(labels: list[list[int]], width: int = 4, bins: int = 4 * BINS) -> dict[str, paddle_on_numpy.Tensor]:
    """What a head predicts for two images of three anchors, and what was assigned to them."""
    rng, tensor = np.random.default_rng(2), paddle_on_numpy.tensor
    return {
        "logits": tensor(rng.normal(size=(2, 3, bins))),
        "boxes": tensor(rng.uniform(0, 9, size=(2, 3, width))),
        "labels": tensor(labels, "int64"),
        "true_boxes": tensor(rng.uniform(0, 9, size=(2, 3, width))),
        "true_sides": tensor(rng.uniform(0, BINS - 1.01, size=(2, 3, 4))),
        "scores": tensor(rng.uniform(size=(2, 3, CLASSES))),
    }


SOME, NONE = [[0, 3, 1], [3, 2, 3]], [[3, 3, 3], [3, 3, 3]]  # 3 is the background


def losses(head: Any, labels: list[list[int]], method: str = "_bbox_loss") -> list[float]:
    return [float(loss.sum()) for loss in getattr(head, method)(**batch(labels))]


@pytest.mark.parametrize("form", FORMS)
def test_a_head_stops_at_foreign_values_and_the_patched_one_gives_the_right_loss(
    form: str, run: Callable[..., Names]
) -> None:
    before, after = example("ppyoloe-masked-select", form)
    right = losses(make_head(run(before), form), SOME)
    with pytest.raises(IndexError, match="label value should"):
        losses(make_head(run(before, garbage_select), form), SOME)
    assert losses(make_head(run(after, garbage_select), form), SOME) == right


@pytest.mark.parametrize("form", FORMS)
def test_a_head_that_selects_nan_has_a_nan_loss_and_the_patched_one_the_right_loss(
    form: str, run: Callable[..., Names]
) -> None:
    before, after = example("ppyoloe-masked-select", form)
    right = losses(make_head(run(before), form), SOME)
    assert np.isnan(losses(make_head(run(before, nan_select), form), SOME)).all()
    assert losses(make_head(run(after, nan_select), form), SOME) == right


@pytest.mark.parametrize("form", FORMS)
def test_a_batch_without_positive_samples_still_takes_the_other_branch(form: str, run: Callable[..., Names]) -> None:
    for source in example("ppyoloe-masked-select", form):
        assert losses(make_head(run(source, garbage_select), form), NONE) == [0, 0]


def test_the_instance_head_stops_and_the_patched_one_gives_the_right_losses(run: Callable[..., Names]) -> None:
    def of(source: bytes, *select: Any) -> list[float]:
        head = run(source, *select)["InstanceHead"](CLASSES, (0, BINS))
        return losses(head, SOME, "get_loss_from_assign")

    before, after = example("ppyoloe-masked-select", "instance")
    with pytest.raises(IndexError, match="label value should"):
        of(before, garbage_select)
    assert of(after, garbage_select) == of(before)


def test_the_rotated_head_is_wrong_without_a_word_and_the_patched_one_is_right(run: Callable[..., Names]) -> None:
    data = batch(SOME, width=5, bins=BINS)
    del data["true_sides"]

    def of(source: bytes, *select: Any) -> list[float]:
        head = run(source, *select)["RotatedHead"](CLASSES, BINS - 1, 2.5)
        return [float(loss.sum()) for loss in head._bbox_loss(**data)]

    before, after = example("ppyoloe-masked-select", "rotated")
    wrong, right = of(before, garbage_select), of(before)
    assert all(abs(left - other) > 0.1 for left, other in zip(wrong, right, strict=True))
    assert of(after, garbage_select) == right


def plain_loss(names: Names, name: str) -> float:
    if name == "Distillation":
        scores = batch(SOME)["scores"]
        return float(names[name]().main_loss(batch(SOME)["labels"] != CLASSES, scores, scores**2, CLASSES))
    head = names[name]()
    head.num_classes = CLASSES
    data = batch(SOME, width=5 if name == "RotatedPointHead" else 4, bins=CLASSES)
    del data["true_sides"]
    del data["scores" if name == "OneStageHead" else "logits"]
    return float(head.get_loss(**data).sum())


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_selection_of_foreign_values_is_wrong_or_stops_and_the_patched_one_is_right(
    name: str, run: Callable[..., Names]
) -> None:
    before, after = example("ppyoloe-masked-select", "plain_selections")
    right = plain_loss(run(before), name)
    assert plain_loss(run(after, garbage_select), name) == right
    try:
        wrong = plain_loss(run(before, garbage_select), name)
    except IndexError as error:
        assert name == "OneStageHead"  # its classes are labels
        assert "label value should" in str(error)
    else:
        assert abs(wrong - right) > 0.1


def dfl(names: Names, form: str, targets: list[list[float]], lower: int) -> np.ndarray:
    """The DFL of some samples, which all have the same logits."""
    tensor = paddle_on_numpy.tensor
    logits = tensor([side_logits()] * len(targets))
    bound = [] if form == "form_a" else [lower]
    return np.asarray(make_head(names, form)._df_loss(logits, tensor(targets), *bound))


def side_logits() -> np.ndarray:
    """Of four sides."""
    return np.random.default_rng(4).normal(size=(4, BINS))


def right_dfl(sides: list[float], lower: int) -> float:
    """The DFL of a sample in which a target that does not lie between two bins counts as zero."""
    logs = side_logits() - np.log(np.exp(side_logits()).sum(-1, keepdims=True))
    bins = np.arange(lower, lower + BINS)
    shares = [
        np.interp(side, bins, log) if lower <= side < bins[-1] else 0 for side, log in zip(sides, logs, strict=True)
    ]
    return -float(np.mean(shares))


@pytest.mark.parametrize(
    ("form", "lower"), [("form_a", 0), ("form_b", 0), ("form_b", -2), ("form_c", 0), ("form_d", 0)]
)
def test_nan_and_targets_that_are_not_between_two_bins_weigh_nothing(
    form: str, lower: int, run: Callable[..., Names], log: list[str]
) -> None:
    before, after = example("ppyoloe-masked-select", form)
    good = [lower, lower + 0.5, lower + 3.0, lower + 3.75]
    samples = [good, *([*good[:3], bad] for bad in (lower - 1.0, lower + BINS - 1, NAN, 60.0, -float("inf")))]
    assert dfl(run(before), form, [good], lower) == pytest.approx(right_dfl(good, lower), rel=1e-5)
    patched = dfl(run(after), form, samples, lower)[:, 0]
    assert patched == pytest.approx([right_dfl(sample, lower) for sample in samples], rel=1e-5)
    assert [line.split(" and ")[0] for line in log] == [
        f"5 DFL targets in 1 computations of the loss were NaN or outside [{lower}, {lower + BINS - 1})"
    ]


@pytest.mark.parametrize("target", [-1.0, 4.0, 60.0])
def test_the_original_dfl_stops_at_a_target_without_two_bins(target: float, run: Callable[..., Names]) -> None:
    for form in FORMS:
        before, _ = example("ppyoloe-masked-select", form)
        with pytest.raises(IndexError, match="label value should"):
            dfl(run(before), form, [[1, 2, 3, target]], 0)


@pytest.mark.parametrize("form", FORMS)
def test_the_dfl_of_a_nan_is_nan_and_the_patched_one_of_bad_targets_alone_is_zero(
    form: str, run: Callable[..., Names], log: list[str]
) -> None:
    before, after = example("ppyoloe-masked-select", form)
    assert np.isnan(dfl(run(before), form, [[1, 2, 3, NAN]], 0)).all()
    assert dfl(run(after), form, [[NAN, 60, -1, 4]], 0).tolist() == [[0]]
    assert log[0].startswith("4 DFL targets in 1 computations of the loss were NaN or outside [0, 4) and weigh nothing")


def test_bad_targets_are_counted_and_logged_at_bad_step_1_and_101(run: Callable[..., Names], log: list[str]) -> None:
    _, after = example("ppyoloe-masked-select", "form_b")
    names = run(after)
    for step in range(150):
        dfl(names, "form_b", [[1, 2, 3, 3.5]], 0)  # a good step
        dfl(names, "form_b", [[1, NAN, 3, 60]], 0)
        assert len(log) == (1 if step < 100 else 2)
    assert [line.split(" were ")[0] for line in log] == [
        "2 DFL targets in 1 computations of the loss",
        "202 DFL targets in 101 computations of the loss",
    ]
    assert (names["Head"].bad_dfl_steps, names["Head"].bad_dfl_targets) == (150, 300)


def test_bad_targets_of_a_static_graph_weigh_nothing_and_are_not_counted(
    run: Callable[..., Names], log: list[str]
) -> None:
    names = run(example("ppyoloe-masked-select", "form_b")[1], dynamic=False)
    assert dfl(names, "form_b", [[NAN, 60, -1, 4]], 0).tolist() == [[0]]
    assert not log
    assert not hasattr(names["Head"], "bad_dfl_steps")


def test_a_bad_angle_weighs_nothing_and_is_counted_for_a_static_method(
    run: Callable[..., Names], log: list[str]
) -> None:
    before, after = example("ppyoloe-masked-select", "rotated")
    logits, angles = batch(SOME, bins=BINS)["logits"][0], paddle_on_numpy.tensor([0.5, NAN, 3.0])
    head = run(after)["RotatedHead"]
    patched = head._df_loss(logits, angles).item()
    assert (head.bad_dfl_targets, len(log)) == (1, 1)
    good = run(before)["RotatedHead"]._df_loss(logits[[0, 2]], angles[[0, 2]]).item()
    assert patched == pytest.approx(good * 2 / 3)


# retinanet-label-guard

LAYOUTS = ["double_quotes", "single_quotes", "beside_a_regression_head"]


@pytest.fixture
def with_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, *torch())


def class_loss(source: bytes, *labels: list[int]) -> float:
    """The loss of images with two boxes each; of three anchors, the first two belong to them."""
    return float(head_loss(execute(source)["RetinaNetClassificationHead"](), *labels))


def head_loss(head: Any, *labels: list[int]) -> Any:
    tensor = torch_on_numpy.tensor
    logits = np.random.default_rng(3).normal(size=(4, 3, 4))[: len(labels)]  # four classes
    targets = [{"labels": tensor(each, "int64"), "image_id": number} for number, each in enumerate(labels, 70)]
    return head.compute_loss(targets, {"cls_logits": tensor(logits)}, [tensor([0, 1, -1], "int64")] * len(labels))


@pytest.mark.usefixtures("with_torch")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_label_of_minus_one_trains_the_last_class_and_the_patched_head_skips_its_image(layout: str) -> None:
    before, after = example("retinanet-label-guard", layout)
    assert class_loss(before, [0, 2], [1, -1]) == class_loss(before, [0, 2], [1, 3])
    with pytest.warns(
        UserWarning, match=r"image_id 71: labels \[-1\] are outside \[0, 4\), its classification loss is skipped"
    ):
        assert class_loss(after, [0, 2], [1, -1]) == class_loss(before, [0, 2])


@pytest.mark.usefixtures("with_torch")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_label_past_the_last_class_stops_the_original_and_the_patched_head_skips_its_image(layout: str) -> None:
    before, after = example("retinanet-label-guard", layout)
    with pytest.raises(IndexError, match="out of bounds"):
        class_loss(before, [0, 2], [1, 4])
    with pytest.warns(UserWarning, match=r"image_id 71: labels \[4, 9\] are"):
        assert class_loss(after, [0, 2], [9, 4]) == class_loss(before, [0, 2])


@pytest.mark.usefixtures("with_torch")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_good_labels_give_the_same_loss_without_a_warning(layout: str) -> None:
    before, after = example("retinanet-label-guard", layout)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert class_loss(after, [0, 2], [1, 3], [3, 3]) == class_loss(before, [0, 2], [1, 3], [3, 3])


@pytest.mark.usefixtures("with_torch")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_skipped_images_are_counted_and_a_batch_without_a_valid_one_has_the_loss_zero(layout: str) -> None:
    head = execute(example("retinanet-label-guard", layout)[1])["RetinaNetClassificationHead"]()
    with pytest.warns(UserWarning, match="image_id") as caught:
        assert head_loss(head, [-1, 0], [4, 0]) == 0
        assert head_loss(head, [0, -5]) == 0
    assert [re.findall(r"labels \[[-\d]+\]", str(each.message)) for each in caught] == [
        ["labels [-1]"],
        ["labels [4]"],
        ["labels [-5]"],
    ]
    assert head.skipped_images == 3


# cross-entropy-ignore-index

SCORES, LABELS = torch_on_numpy.tensor([[2, 0, 1], [0, 1, 0], [1, 1, 3]]), torch_on_numpy.tensor([0, -1, 2], "int64")
IPYTHON = re.compile(r"^(\s*)(?:\w+ = )?[!%].*$", re.MULTILINE)


def run_cells(notebook: bytes) -> Names:
    """Run the Python cells of a notebook in order, as IPython does, but for its own commands."""
    names: Names = {"logits": SCORES, "labels": LABELS}
    for cell in json.loads(notebook)["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "code" and not text.startswith(("%%bash", "%%writefile")):
            names = execute(IPYTHON.sub(r"\1pass", text).encode(), **names)
    return names


@pytest.mark.usefixtures("with_torch")
@pytest.mark.parametrize("case", ["notebook", "notebook_on_one_line"])
def test_the_cells_of_a_patched_notebook_run_over_labels_of_minus_one(case: str) -> None:
    before, after = example("cross-entropy-ignore-index", case, ".ipynb")
    with pytest.raises(IndexError, match=r"Target -1 is out of bounds\."):
        run_cells(before)
    labelled = torch_on_numpy.CrossEntropyLoss()(SCORES[[0, 2]], LABELS[[0, 2]])
    assert run_cells(after)["loss"] == labelled


@pytest.mark.parametrize("case", ["notebook", "notebook_on_one_line"])
def test_a_patched_notebook_differs_in_the_source_of_its_cells_alone(case: str) -> None:
    before, after = map(json.loads, example("cross-entropy-ignore-index", case, ".ipynb"))
    changed = [number for number, cell in enumerate(before["cells"]) if cell != after["cells"][number]]
    assert changed == ([3, 6] if case == "notebook" else [1])
    for number in changed:
        before["cells"][number]["source"] = after["cells"][number]["source"]
    assert before == after


@pytest.mark.usefixtures("with_torch")
def test_every_loss_of_a_patched_script_ignores_labels_of_minus_one() -> None:
    def criteria(names: Names) -> list[Any]:
        named = [names[name] for name in ("criterion", "smooth", "spaced", "positional", "summed", "rare", "hanging")]
        return [*named, *names["losses"], names["Model"].criterion, names["Model"]().criterion]

    before, after = example("cross-entropy-ignore-index", "script")
    for criterion in criteria(execute(before)):
        with pytest.raises(IndexError, match="Target -1"):
            criterion(SCORES, LABELS)
    labelled, good = execute(before), LABELS >= 0
    for original, patched in zip(criteria(labelled), criteria(execute(after)), strict=True):
        assert np.array_equal(patched(SCORES, LABELS), original(SCORES[good], LABELS[good]))
    assert np.isfinite(execute(after)["loss_of"](SCORES, LABELS))


# ultralytics-sync-bn

TRAINERS = ["trainer", "trainer_with_freeze_check"]


class RepConv(Module):
    """A block that may have a BatchNorm layer of its own, which its fusion reads."""


class Training:
    """A trainer on two GPUs, and what it logs."""

    def __init__(
        self,
        source: bytes,
        monkeypatch: pytest.MonkeyPatch,
        model: Module,
        *,
        device: str = "cuda",
        **options: bool,
    ) -> None:
        self.log: list[str] = []
        logger = SimpleNamespace(warning=self.log.append, info=lambda text: None)
        utils = module("package.utils", LOGGER=logger, RANK=0)
        install(monkeypatch, *torch(), module("package"), utils)
        names = execute(source)
        self.trainer = names["Trainer"]()
        vars(self.trainer).update(
            model=model,
            device=SimpleNamespace(type=device),
            args=SimpleNamespace(**{"compile": False, **options}),
            seed=0,
            frozen=["first"],
            compiled=compiled,
        )

    def setup(self, processes: int = 2) -> Module:
        """The model when it is ready."""
        self.trainer.world_size = processes
        takes_argument = self.trainer._setup.__code__.co_argcount == 2
        self.trainer._setup(*([processes] if takes_argument else []))
        return self.trainer.model


Start = Callable[..., Training]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Start:
    return lambda source, model, **options: Training(source, monkeypatch, model, **options)


def compiled(model: Module) -> Module:
    return Module(_orig_mod=model)


def model() -> Module:
    return Module(first=BatchNorm2d(), block=Module(norm=BatchNorm2d()), plain=RepConv(bn=None))


def norms(whole: Module) -> list[type]:
    return [type(each) for each in whole.modules() if isinstance(each, (BatchNorm2d, SyncBatchNorm))]


@pytest.mark.parametrize("case", TRAINERS)
def test_sync_bn_converts_on_cuda_before_the_model_is_wrapped_and_the_original_does_not(
    case: str, start: Start
) -> None:
    before, after = example("ultralytics-sync-bn", case)
    assert norms(start(before, model(), sync_bn=True).setup()) == [BatchNorm2d, BatchNorm2d]
    training = start(after, model(), sync_bn=True)
    ready = training.setup()
    assert isinstance(ready, DistributedDataParallel)
    assert norms(ready) == [SyncBatchNorm, SyncBatchNorm]
    assert not training.log


@pytest.mark.parametrize("case", TRAINERS)
@pytest.mark.parametrize("options", [{}, {"sync_bn": False}])
def test_without_the_key_or_with_false_nothing_is_converted(case: str, options: dict[str, bool], start: Start) -> None:
    training = start(example("ultralytics-sync-bn", case)[1], model(), **options)
    ready = training.setup()
    assert isinstance(ready, DistributedDataParallel)
    assert norms(ready) == [BatchNorm2d, BatchNorm2d]
    assert not training.log


@pytest.mark.parametrize("case", TRAINERS)
def test_one_process_converts_nothing(case: str, start: Start) -> None:
    ready = start(example("ultralytics-sync-bn", case)[1], model(), sync_bn=True).setup(1)
    assert not isinstance(ready, DistributedDataParallel)
    assert norms(ready) == [BatchNorm2d, BatchNorm2d]


@pytest.mark.parametrize("case", TRAINERS)
def test_another_device_than_cuda_is_warned_of_and_converts_nothing(case: str, start: Start) -> None:
    training = start(example("ultralytics-sync-bn", case)[1], model(), device="npu", sync_bn=True)
    assert norms(training.setup()) == [BatchNorm2d, BatchNorm2d]
    assert [("CUDA" in line, "npu" in line) for line in training.log] == [(True, True)]


@pytest.mark.parametrize("case", TRAINERS)
def test_a_compiled_model_is_refused(case: str, start: Start) -> None:
    if case == "trainer":
        training = start(example("ultralytics-sync-bn", case)[1], compiled(model()), sync_bn=True)
    else:
        training = start(example("ultralytics-sync-bn", case)[1], model(), sync_bn=True, compile=True)
    with pytest.raises(ValueError, match="compiled model, set 'compile=False'"):
        training.setup()


@pytest.mark.parametrize("case", TRAINERS)
def test_a_repconv_with_a_batch_norm_is_refused(case: str, start: Start) -> None:
    unfusable = Module(block=Module(conv=RepConv(bn=BatchNorm2d())))
    training = start(example("ultralytics-sync-bn", case)[1], unfusable, sync_bn=True)
    with pytest.raises(ValueError, match=r"RepConv\(bn=True\)"):
        training.setup()


def test_the_freeze_check_keeps_a_converted_layer_frozen_and_the_original_trains_it(start: Start) -> None:
    def trained(source: bytes) -> dict[str, bool]:
        training = start(source, SyncBatchNorm.convert_sync_batchnorm(model()))
        training.trainer._train_mode()
        return {name: each.training for name, each in training.trainer.model.named_modules()}

    before, after = example("ultralytics-sync-bn", "trainer_with_freeze_check")
    assert trained(before)["first"]
    patched = trained(after)
    assert not patched.pop("first")
    assert all(patched.values())


def test_the_freeze_check_keeps_an_unconverted_layer_frozen_as_before(start: Start) -> None:
    for source in example("ultralytics-sync-bn", "trainer_with_freeze_check"):
        training = start(source, model())
        training.trainer._train_mode()
        assert [name for name, each in training.trainer.model.named_modules() if not each.training] == ["first"]


@pytest.mark.parametrize("case", ["keys_set", "keys_tuple", "keys_frozenset"])
def test_a_string_for_sync_bn_passes_the_original_check_and_is_refused_by_the_patched_one(case: str) -> None:
    before, after = map(execute, example("ultralytics-sync-bn", case))
    assert before["checked"]({"sync_bn": "yes"})
    checked = after["checked"]
    with pytest.raises(TypeError, match="'sync_bn=yes' must be True or False"):
        checked({"sync_bn": "yes"})
    assert checked({"sync_bn": True, "epochs": 3})
    old, new = before["CFG_BOOL_KEYS"], after["CFG_BOOL_KEYS"]
    assert type(new) is type(old)
    assert set(new) == {*old, "sync_bn"}


@pytest.mark.parametrize("case", ["defaults_plain", "defaults_with_kinds"])
def test_sync_bn_is_an_unknown_key_of_the_original_defaults_and_false_in_the_patched_ones(case: str) -> None:
    before, after = map(yaml.safe_load, example("ultralytics-sync-bn", case, ".yaml"))
    assert "sync_bn" not in before
    assert after == {**before, "sync_bn": False}
