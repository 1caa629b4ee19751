"""Original against patched losses of PaddleDetection: the selection of positive samples, and the guard of the DFL."""

from __future__ import annotations

import inspect
import logging
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Callable, Iterator, Mapping, Sequence

from patchkit.numerics.broken import replaced, while_broken
from patchkit.numerics.cases import ByDesign, Equal, NotComparable, Observed, Tensors, Tolerance, Version, outcome

from .inputs import ANGLE_BINS, BINS, drawn, rotated, upright

if TYPE_CHECKING:
    import numpy as np

    from patchkit.numerics.functions import PatchedFile

    Arrays = dict[str, Any]
    Shape = Mapping[str, int]
    Draw = Callable[[np.random.Generator, Shape], Arrays]
    Call = Callable[[Version, Tensors], Any]

SMALL_OBJECTS = (-2, 17)  # `reg_range` of PP-YOLOE-SOD, whose targets may be negative
# Batch, anchors, and in the whole batch no, one, some and all positive samples. Masks are of side * side cells.
SHAPES = tuple({"b": 2, "a": 21, "positives": count, "classes": 3, "side": 8} for count in (0, 1, 7, 42))
TIMED = {"b": 8, "a": 8400, "positives": 1600, "classes": 80}
TIMED_SCORES = {"b": 2, "a": 8400, "positives": 400, "classes": 20}  # of losses that take most time for the classes
TIMED_MASKS = {"b": 2, "a": 2100, "positives": 100, "classes": 20, "side": 40}  # one mask for each anchor
CONSTANTS = ("points", "strides", "boxes", "scores", "masks", "target")
AMOUNTS = "no, one, some and all positive"

# Relative to the greatest value or gradient. Both forms copy the same numbers: CPUs give the same bits, and GPUs may
# sum in another order. Errors may be greater: terms cancel in the sums, most of all in the distillation.
ORDER, ERRORS = {"float64": 1e-14, "float32": 1e-6}, 1000

CHANNELS = (32, 32, 32)  # few: the layers of a head have no part in its loss
HEADS: Mapping[str, Mapping[str, Any]] = {
    "PPYOLOEHead": {"in_channels": CHANNELS},
    "PPYOLOEInsHead": {"in_channels": CHANNELS, "num_protos": 32},
    "PPYOLOERHead": {"in_channels": CHANNELS},
    "TOODHead": {"feat_channels": 32, "stacked_convs": 1},
    "FCOSRHead": {"in_channels": CHANNELS, "feat_channels": 32, "stacked_convs": 3},
    "YOLOXHead": {"in_channels": CHANNELS, "feat_channels": 32},
    "DistillPPYOLOELoss": {"logits_ld_distill": True, "feat_distill": False},
}
TARGETS = {"gt_class": None, "gt_bbox": None, "gt_rbox": None, "pad_gt_mask": None, "epoch_id": 0}


def comparisons(files: Sequence[PatchedFile]) -> Iterator[Equal | ByDesign]:
    """Every function on good data, and each DFL on bad targets too.

    Raises   NotComparable, after all that can be compared, with the reason for each of the others.
    """
    failures = []
    for file in files:
        for symbol in file.symbols:
            try:
                yield from _cases(file, symbol)
            except NotComparable as failure:
                failures.append(str(failure))
    if failures:
        raise NotComparable("; ".join(dict.fromkeys(failures)))


def _cases(file: PatchedFile, symbol: str) -> Iterator[Equal | ByDesign]:
    owner, _, name = symbol.rpartition(".")
    if symbol not in LOSSES and not (name == "_df_loss" and owner in HEADS):
        raise NotComparable(f"{file.site(symbol)} is not one of the functions that this comparison knows how to call")
    original, patched = file.versions(symbol)
    try:
        _head(patched)
    except Exception as error:
        raise NotComparable(f"{owner} of {file.path} cannot be made: {type(error).__name__}: {error}") from error
    if symbol in LOSSES:
        boxes, names, *how = LOSSES[symbol]
        case = _equal((file.site(symbol), original, patched), partial(drawn, boxes, names), *how)
        yield case
        observe = partial(while_broken, case, SHAPES[2], _foreign_values)
        yield ByDesign(case.site, "paddle", "masked_select returns foreign values", observe)
        return
    dfls = [Dfl(0, ANGLE_BINS, sides=()) if owner == "PPYOLOERHead" else Dfl(0, BINS, sides=(4,))]
    if "lower_bound" in inspect.signature(patched.function).parameters:
        dfls.append(Dfl(*SMALL_OBJECTS, sides=(4,), bounds=SMALL_OBJECTS[:1]))
    for dfl in dfls:
        yield from dfl.cases(file.site(symbol), original, patched)


def _equal(
    versions: Any, draw: Draw, call: Call, greatest: float, timed: Shape, shapes: Any = SHAPES, told: str = AMOUNTS
) -> Equal:
    """A comparison of values and gradients up to `greatest`."""
    site, original, patched = versions
    units = {dtype: greatest * unit for dtype, unit in ORDER.items()}
    tolerances = {dtype: Tolerance(unit, unit, ERRORS * unit) for dtype, unit in units.items()}
    return Equal(site, "paddle", original, patched, shapes, timed, draw, call, tolerances, CONSTANTS, told)


@dataclass(frozen=True)
class Dfl:
    """A distribution focal loss, for `first` <= target < `end` - 1."""

    first: int
    end: int
    sides: tuple[int, ...]  # shape of the targets of one sample
    bounds: tuple[int, ...] = ()  # what the function is given beyond logits and targets

    def draw(self, rng: np.random.Generator, shape: Shape) -> Arrays:
        """Logits (n, 4, bins) or (n, bins), and targets, the least valid one among them."""
        size = (shape["samples"], *self.sides)
        target = rng.uniform(self.first, self.end - 1.01, size)
        target.flat[1 % target.size] = self.first
        return {"logits": rng.normal(0, 2, (*size, self.end - self.first)), "target": target}

    def call(self, version: Version, tensors: Tensors) -> Any:
        return _head(version)._df_loss(tensors["logits"], tensors["target"], *self.bounds)

    def cases(self, site: str, original: Version, patched: Version) -> Iterator[Equal | ByDesign]:
        """Good targets, then such that have not a bin on either side."""
        bins = f"bins {self.first} to {self.end - 1}"
        shapes, told = ({"samples": 1}, {"samples": 168}), f"good targets, {bins}"
        yield _equal((site, original, patched), self.draw, self.call, 20, {"samples": 1600}, shapes, told)
        for value in ("nan", "inf", self.first - 1, self.end - 1, "1e9"):
            some = partial(_with_bad_targets, self, original, patched, float(value), [0, 2, -1])
            yield ByDesign(site, "paddle", f"three targets {value}, {bins}", some)
        every = partial(_with_bad_targets, self, original, patched, float("nan"), slice(None))
        yield ByDesign(site, "paddle", f"all targets nan, {bins}", every)


def _head(version: Version, **options: Any) -> Any:
    import paddle

    options = {**HEADS[version.owner.__name__], **options}
    return _made(version.owner, paddle.get_device(), paddle.get_default_dtype(), **options)


@lru_cache(maxsize=None)
def _made(owner: Any, device: str, dtype: str, **options: Any) -> Any:
    """What the constructor makes, once for each device and default dtype."""
    return owner(**options)


@contextmanager
def _head_for(version: Version, tensors: Tensors) -> Iterator[Any]:
    """A head for so many classes. The zeros that its loss makes have the dtype of the scores, as it adds in place."""
    import paddle

    before = paddle.get_default_dtype()
    paddle.set_default_dtype(str(tensors["scores"].dtype).split(".")[-1])
    try:
        yield _head(version, num_classes=tensors["scores"].shape[-1])
    finally:
        paddle.set_default_dtype(before)


def _bbox_loss(logits: str, more: Sequence[str], version: Version, tensors: Tensors) -> Any:
    given = [tensors[name] for name in (logits, "pred_bboxes", "points", "labels", "boxes", "scores")]
    with _head_for(version, tensors) as head:
        return head._bbox_loss(*given, tensors["scores"].sum().clip(min=1), *[tensors[name] for name in more])


def _instance_loss(version: Version, tensors: Tensors) -> Any:
    import paddle

    names = ("pred_scores", "logits", "pred_bboxes", "points", "labels", "boxes", "scores")
    given = [tensors[name] for name in (*names, "masks", "coefficients", "prototypes", "strides")]
    with _head_for(version, tensors) as head:
        return list(head.get_loss_from_assign(*given, paddle.to_tensor([640, 640])).values())


def _tood_loss(version: Version, tensors: Tensors) -> Any:
    outputs = [tensors["pred_scores"], tensors["pred_bboxes"], None, None, tensors["strides"]]

    def loss(*more: Any) -> Any:
        pixels = tensors["boxes"] * tensors["strides"]  # anew: the loss divides them in place
        head.static_assigner = lambda *args, **options: (tensors["labels"], pixels, tensors["scores"], *more)
        return list(head.get_loss(outputs, TARGETS).values())

    with _head_for(version, tensors) as head:
        try:
            return loss()
        except ValueError as error:  # the assigners of 2.6.0 return a fourth value
            if "to unpack" not in str(error):
                raise
            return loss(None)


def _fcosr_loss(version: Version, tensors: Tensors) -> Any:
    outputs = [tensors[name] for name in ("pred_scores", "pred_bboxes", "points", "strides")]
    with _head_for(version, tensors) as head:
        head.assigner = lambda *args: (tensors["labels"], tensors["boxes"], tensors["scores"])
        return list(head.get_loss([*outputs, None], TARGETS).values())


def _yolox_loss(version: Version, tensors: Tensors) -> Any:
    outputs = [tensors[name] for name in ("pred_scores", "pred_bboxes", "objects", "points", "strides")]
    images = list(zip(tensors["labels"].numpy(), (tensors["boxes"] * tensors["strides"]).numpy()))
    with _head_for(version, tensors) as head:
        answers = iter([(int((labels != head.num_classes).sum()), labels, None, boxes) for labels, boxes in images])
        head.assigner = lambda *args: next(answers)
        targets = {"gt_class": images, "gt_bbox": images, "epoch_id": head.l1_epoch}
        return list(head.get_loss([*outputs, None], targets).values())


def _distillation_loss(version: Version, tensors: Tensors) -> Any:
    student, classes = tensors["student"], tensors["student"].shape[-1]
    return _head(version).main_kd(tensors["labels"] != classes, student, tensors["teacher"], classes)


INSTANCES = ("logits", "pred_scores", "coefficients", "prototypes", "masks")
LOSSES: Mapping[str, Any] = {  # boxes, predictions, call, greatest value or gradient, timed shape
    "PPYOLOEHead._bbox_loss": (upright, ["logits"], partial(_bbox_loss, "logits", []), 10, TIMED),
    "PPYOLOERHead._bbox_loss": (rotated, ["angles"], partial(_bbox_loss, "angles", ["strides"]), 10, TIMED),
    "PPYOLOEInsHead.get_loss_from_assign": (upright, INSTANCES, _instance_loss, 600, TIMED_MASKS),
    "TOODHead.get_loss": (upright, ["pred_scores"], _tood_loss, 600, TIMED_SCORES),
    "FCOSRHead.get_loss": (rotated, ["pred_scores"], _fcosr_loss, 400, TIMED_SCORES),
    "YOLOXHead.get_loss": (upright, ["pred_scores", "objects"], _yolox_loss, 90, TIMED_SCORES),
    "DistillPPYOLOELoss.main_kd": (upright, ["student", "teacher"], _distillation_loss, 300, TIMED_SCORES),
}


@contextmanager
def _foreign_values() -> Iterator[None]:
    """Values of nowhere, connected to the graph, as on the GPU with some builds."""
    import numpy as np
    import paddle

    select, rng = paddle.masked_select, np.random.default_rng(0)

    def foreign(x: Any, mask: Any, name: str | None = None) -> Any:
        selected = select(x, mask)
        return selected * 0 + paddle.to_tensor(rng.integers(-500, 500, selected.shape)).astype(selected.dtype)

    with replaced(foreign, (paddle, "masked_select"), (paddle.Tensor, "masked_select")):
        yield


@contextmanager
def _warnings(owner: Any) -> Iterator[list[str]]:
    """What the module of a head warns of, from the first computation with bad targets on."""
    told: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    logger, before = logging.getLogger(owner.__module__), getattr(owner, "bad_dfl_steps", 0)
    owner.bad_dfl_steps = 0
    logger.addHandler(handler)
    try:
        yield told
    finally:
        logger.removeHandler(handler)
        owner.bad_dfl_steps += before


def _with_bad_targets(dfl: Dfl, original: Version, patched: Version, value: float, bad: Any) -> Observed:
    """Bad targets are counted and weigh nothing; the others keep values and gradients, and the mean is over all."""
    import numpy as np
    import paddle

    paddle.set_device("cpu")
    drawn = dfl.draw(np.random.default_rng(0), {"samples": 6})
    is_bad = np.zeros(drawn["target"].shape, "bool")
    is_bad.flat[bad] = True
    target = paddle.to_tensor(np.where(is_bad, value, drawn["target"]), "float32")

    def without(logits: Any) -> Any:
        """Every good target alone, the bad ones times zero."""
        good = paddle.to_tensor(drawn["target"].reshape(-1, 1), "float32")
        losses = dfl.call(original, {"logits": logits.reshape([-1, 1, logits.shape[-1]]), "target": good})
        return (losses.reshape(is_bad.shape) * paddle.to_tensor(~is_bad).astype("float32")).mean(-1, keepdim=True)

    def on_bad(version: Version, logits: Any) -> Any:
        return dfl.call(version, {"logits": logits, "target": target})

    def measured(loss: Callable[[Any], Any]) -> list[Any]:  # values and gradients
        logits = paddle.to_tensor(drawn["logits"], "float32", stop_gradient=False)
        losses = loss(logits)
        return [losses.numpy(), paddle.grad(losses.sum(), logits)[0].numpy()]

    def counted() -> Any:
        return np.asarray([getattr(patched.owner, name, 0) for name in ("bad_dfl_targets", "bad_dfl_steps")])

    expected = measured(without)
    with _warnings(patched.owner) as told:
        before = counted()
        found = measured(partial(on_bad, patched))
        targets, steps = counted() - before
        first = list(told)
        measured(partial(on_bad, patched))
    off = max(float(np.abs(part - other).max()) for part, other in zip(found, expected))
    is_told = len(first) == 1 and told == first and first[0].startswith(f"{before[0] + targets} DFL targets in 1 ")
    warned = "the first step warns" if is_told else f"{len(first)} and {len(told) - len(first)} warnings of two steps"
    seen = f"{targets} count as bad, {warned}; loss and gradients are {off:.1e} off those without them"
    is_counted = targets == is_bad.sum() and steps == 1 and is_told
    is_as_designed = is_counted and off < ORDER["float32"] and not found[1][is_bad].any()
    was = outcome(lambda: f"loss {measured(partial(on_bad, original))[0].sum():.3g}")
    return Observed(was, seen, bool(is_as_designed))
