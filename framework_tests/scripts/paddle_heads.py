"""Losses of PaddleDetection on seeded numbers, from heads that are built by their constructors.

`SITES` holds the functions that ppyoloe-masked-select changes, on random predictions and an assignment with a chosen
number of positive samples. `TRAININGS` holds the forward pass of whole heads in training, features in and losses out,
with the assigners of PaddleDetection. `dfls()` gives the distribution focal losses alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import paddle
from ppdet.modeling.assigners import ATSSAssigner, FCOSRAssigner, SimOTAAssigner, TaskAlignedAssigner
from ppdet.modeling.heads import FCOSRHead, PPYOLOEHead, PPYOLOERHead, TOODHead, YOLOXHead
from ppdet.slim.distill_loss import DistillPPYOLOELoss

Arrays = Mapping[str, np.ndarray]
Tensors = Mapping[str, Any]

CLASSES, BATCH = 3, 2
STRIDES = (32, 16, 8)  # large cells first, as PP-YOLOE has them
IMAGE = 64  # pixels, where the assignment is given
TRAINING_IMAGE = 128  # every level has at least the nine cells that ATSS looks at
CHANNELS = 16
POSITIVES = {"none": 0, "one": 1, "some": 7, "all": BATCH * sum((IMAGE // stride) ** 2 for stride in STRIDES)}
OBJECTS = {"none": (0, 0), "one": (1, 0), "some": (3, 2)}  # in each image
RANGES = [[48, 10000], [24, 48], [-1, 24]]  # of the objects, in pixels, that FCOSR looks for in each level
STATIC, DYNAMIC = 0, 1000  # epochs: before and after `static_assigner_epoch`, and `l1_epoch` of YOLOX


@dataclass(frozen=True)
class Loss:
    """One computation: `parts()` gives the losses by their names, the whole under "loss"."""

    leaves: Tensors  # what the whole is differentiated by
    parts: Callable[[], Tensors]


@dataclass(frozen=True)
class Site:
    """One patched function: `inputs(rng, positives)` draws its arrays, `parts(tensors)` calls it."""

    predictions: tuple[str, ...]  # the inputs that it is differentiated by
    inputs: Callable[[np.random.Generator, int], Arrays]
    parts: Callable[[Tensors], Tensors]

    def loss(self, arrays: Arrays) -> Loss:
        tensors = {
            name: paddle.to_tensor(array, stop_gradient=name not in self.predictions) for name, array in arrays.items()
        }
        return Loss({name: tensors[name] for name in self.predictions}, lambda: self.parts(tensors))


@dataclass(frozen=True)
class Dfl:
    """A distribution focal loss: `loss(logits, targets)`, with valid targets from `first` to below first + bins - 1."""

    owner: type  # the class that counts bad targets
    first: int
    bins: int
    loss: "FocalLayer"
    sides: tuple[int, ...]  # shape of the targets of one sample


class Given:
    """An assigner whose answer is given, in place of one that looks at predictions and objects."""

    def __init__(self, *answers: Any) -> None:
        self._answers = iter(answers)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return next(self._answers)


# The sites


def _cells() -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Centres (A, 2) in pixels, strides (A, 1), and the number of cells in each level."""
    points, strides, counts = [], [], []
    for stride in STRIDES:
        side = (np.arange(IMAGE // stride) + 0.5) * stride
        y, x = np.meshgrid(side, side, indexing="ij")
        points.append(np.stack([x, y], -1).reshape(-1, 2))
        strides.append(np.full((x.size, 1), stride))
        counts.append(x.size)
    return np.concatenate(points).astype("float32"), np.concatenate(strides).astype("float32"), counts


def _assignment(rng: np.random.Generator, positives: int) -> dict[str, np.ndarray]:
    """Labels (B, A), where CLASSES means none, and scores (B, A, classes) of as many positive samples."""
    cells = POSITIVES["all"]
    labels = np.full(cells, CLASSES)
    labels[rng.permutation(cells)[:positives]] = rng.integers(0, CLASSES, positives)
    scores = np.eye(CLASSES + 1)[labels][:, :CLASSES] * rng.uniform(0.1, 1, (cells, 1))
    return {
        "labels": labels.reshape(BATCH, -1).astype("int64"),
        "scores": scores.reshape(BATCH, -1, CLASSES).astype("float32"),
    }


def _boxes(rng: np.random.Generator, centres: np.ndarray, least: float, most: float) -> np.ndarray:
    """Boxes (B, A, 4) around their cells, with sides of their own; lengths in the units of the centres."""
    sides = rng.uniform(least, most, (BATCH, len(centres), 4))
    return np.concatenate([centres - sides[..., :2], centres + sides[..., 2:]], -1).astype("float32")


def _rotated(rng: np.random.Generator, centres: np.ndarray) -> np.ndarray:
    """Boxes (B, A, 5): centre, width and height in pixels, angle in radians below a quarter turn."""
    shape = (BATCH, len(centres))
    xy = centres + rng.uniform(-4, 4, (*shape, 2))
    return np.concatenate([xy, rng.uniform(8, 48, (*shape, 2)), rng.uniform(0, np.pi / 2, (*shape, 1))], -1).astype(
        "float32"
    )


def _scores(rng: np.random.Generator, classes: int = CLASSES) -> np.ndarray:
    return rng.uniform(0.02, 0.98, (BATCH, POSITIVES["all"] // BATCH, classes)).astype("float32")


def _logits(rng: np.random.Generator, size: int) -> np.ndarray:
    return rng.normal(0, 2, (BATCH, POSITIVES["all"] // BATCH, size)).astype("float32")


def ppyoloe_head(**options: Any) -> PPYOLOEHead:
    """A PP-YOLOE head; options override those of its constructor."""
    assigners = {"static_assigner": ATSSAssigner(num_classes=CLASSES), "assigner": TaskAlignedAssigner()}
    sizes = {"in_channels": [CHANNELS] * len(STRIDES), "num_classes": CLASSES, "fpn_strides": STRIDES}
    return PPYOLOEHead(**{**sizes, **assigners, "nms": None, **options})


def _ppyoloe_inputs(bins: int, rng: np.random.Generator, positives: int) -> Arrays:
    points, strides, _ = _cells()
    cells = points / strides
    return {
        "pred_dist": _logits(rng, 4 * bins),
        "pred_bboxes": _boxes(rng, cells, 0.5, 12),
        "points": cells,
        "boxes": _boxes(rng, cells, 0.1, 20),  # some are clipped to the range of the bins
        **_assignment(rng, positives),
    }


def _ppyoloe_parts(options: Mapping[str, Any], tensors: Tensors) -> Tensors:
    head = ppyoloe_head(**options)
    scores_sum = tensors["scores"].sum().clip(min=1)
    assigned = (tensors["labels"], tensors["boxes"], tensors["scores"], scores_sum)
    l1, iou, dfl = head._bbox_loss(tensors["pred_dist"], tensors["pred_bboxes"], tensors["points"], *assigned)
    return {"loss": l1 + 2.5 * iou + 0.5 * dfl, "loss_l1": l1, "loss_iou": iou, "loss_dfl": dfl}


def _rotated_assigner() -> FCOSRAssigner:
    """An assigner with Gaussian scores: overlaps of rotated boxes need operators that are not in the wheel."""
    return FCOSRAssigner(num_classes=CLASSES, boundary=RANGES, score_type="gaussian")


def ppyoloe_r_head(**options: Any) -> PPYOLOERHead:
    """A PP-YOLOE head for rotated boxes."""
    sizes = {"in_channels": [CHANNELS] * len(STRIDES), "num_classes": CLASSES, "fpn_strides": STRIDES}
    assigner = _rotated_assigner()
    return PPYOLOERHead(**{**sizes, "static_assigner": assigner, "assigner": None, "nms": None, **options})


def _ppyoloe_r_inputs(rng: np.random.Generator, positives: int) -> Arrays:
    points, strides, _ = _cells()
    return {
        "pred_angle": _logits(rng, 91),
        "pred_bboxes": _rotated(rng, points),
        "points": points[None],
        "strides": strides[None],
        "boxes": _rotated(rng, points),
        **_assignment(rng, positives),
    }


def _ppyoloe_r_parts(tensors: Tensors) -> Tensors:
    scores_sum = tensors["scores"].sum().clip(min=1)
    assigned = (tensors["labels"], tensors["boxes"], tensors["scores"], scores_sum, tensors["strides"])
    iou, dfl = ppyoloe_r_head()._bbox_loss(tensors["pred_angle"], tensors["pred_bboxes"], tensors["points"], *assigned)
    return {"loss": 2.5 * iou + 0.05 * dfl, "loss_iou": iou, "loss_dfl": dfl}


def tood_head(**options: Any) -> TOODHead:
    """A TOOD head without its alignment: the sampling grid of this PaddleDetection is refused by paddle 3."""
    sizes = {"num_classes": CLASSES, "feat_channels": CHANNELS, "stacked_convs": 2, "norm_groups": 4}
    assigners = {"static_assigner": ATSSAssigner(num_classes=CLASSES), "assigner": TaskAlignedAssigner()}
    return TOODHead(**{**sizes, **assigners, "fpn_strides": STRIDES, "use_align_head": False, "nms": None, **options})


def _tood_inputs(rng: np.random.Generator, positives: int) -> Arrays:
    points, strides, _ = _cells()
    return {
        "pred_scores": _scores(rng),
        "pred_bboxes": _boxes(rng, points / strides, 0.5, 12),
        "strides": strides,
        "boxes": _boxes(rng, points / strides, 0.5, 12) * strides,
        **_assignment(rng, positives),
    }


def _tood_parts(tensors: Tensors) -> Tensors:
    assigned = (tensors["labels"], tensors["boxes"], tensors["scores"], None)
    head = tood_head(static_assigner=Given(assigned))
    targets = {"gt_class": None, "gt_bbox": None, "pad_gt_mask": None, "epoch_id": STATIC}
    return dict(
        head.get_loss([tensors["pred_scores"], tensors["pred_bboxes"], None, None, tensors["strides"]], targets)
    )


def fcosr_head(**options: Any) -> FCOSRHead:
    """A FCOSR head."""
    sizes = {"num_classes": CLASSES, "in_channels": [CHANNELS] * 2, "feat_channels": CHANNELS, "stacked_convs": 2}
    assigner = _rotated_assigner()
    norm = {"name": "gn", "num_groups": 4}
    return FCOSRHead(
        **{**sizes, "fpn_strides": STRIDES, "norm_cfg": norm, "assigner": assigner, "nms": None, **options}
    )


def _fcosr_inputs(rng: np.random.Generator, positives: int) -> Arrays:
    points, strides, _ = _cells()
    return {
        "pred_scores": _scores(rng),
        "pred_rboxes": _rotated(rng, np.zeros_like(points)),  # centres are told from the cell
        "points": points[None],
        "strides": strides[None],
        "boxes": _rotated(rng, points),
        **_assignment(rng, positives),
    }


def _fcosr_parts(tensors: Tensors) -> Tensors:
    head = fcosr_head(assigner=Given((tensors["labels"], tensors["boxes"], tensors["scores"])))
    targets = {"gt_class": None, "gt_bbox": None, "gt_rbox": None, "pad_gt_mask": None}
    outputs = [tensors["pred_scores"], tensors["pred_rboxes"], tensors["points"], tensors["strides"], _cells()[2]]
    return dict(head.get_loss(outputs, targets))


def yolox_head(**options: Any) -> YOLOXHead:
    """A YOLOX head."""
    sizes = {"num_classes": CLASSES, "in_channels": [CHANNELS] * len(STRIDES), "feat_channels": CHANNELS}
    assigner = SimOTAAssigner(num_classes=CLASSES, use_vfl=False)
    return YOLOXHead(**{**sizes, "fpn_strides": STRIDES, "assigner": assigner, "nms": None, **options})


def _yolox_inputs(rng: np.random.Generator, positives: int) -> Arrays:
    points, strides, _ = _cells()
    return {
        "pred_cls": _scores(rng),
        "pred_obj": _scores(rng, 1),
        "pred_bboxes": _boxes(rng, points / strides, 0.5, 12),
        "points": points,
        "strides": strides,
        "boxes": _boxes(rng, points / strides, 0.5, 12) * strides,
        **_assignment(rng, positives),
    }


def _yolox_parts(tensors: Tensors) -> Tensors:
    labels, boxes = tensors["labels"].numpy(), tensors["boxes"].numpy()
    images = [(int((label != CLASSES).sum()), label, None, box) for label, box in zip(labels, boxes, strict=True)]
    head = yolox_head(assigner=Given(*images))
    outputs = [tensors[name] for name in ("pred_cls", "pred_bboxes", "pred_obj", "points", "strides")]
    targets = {"gt_class": [None] * BATCH, "gt_bbox": [None] * BATCH, "epoch_id": DYNAMIC}
    return dict(head.get_loss([*outputs, None], targets))


def distillation() -> DistillPPYOLOELoss:
    """The distillation of PP-YOLOE, without that of features, which need a backbone."""
    return DistillPPYOLOELoss(logits_ld_distill=True, feat_distill=False)


def _distill_inputs(rng: np.random.Generator, positives: int) -> Arrays:
    return {"pred_scores": _scores(rng), "soft_scores": _scores(rng), **_assignment(rng, positives)}


def _distill_parts(tensors: Tensors) -> Tensors:
    mask = tensors["labels"] != CLASSES
    return {"loss": distillation().main_kd(mask, tensors["pred_scores"], tensors["soft_scores"], CLASSES)}


def _ppyoloe_site(**options: Any) -> Site:
    first, end = options.get("reg_range", (0, 17))
    inputs, parts = partial(_ppyoloe_inputs, end - first), partial(_ppyoloe_parts, options)
    return Site(("pred_dist", "pred_bboxes"), inputs, parts)


SITES = {
    "PPYOLOEHead": _ppyoloe_site(),
    "PPYOLOEHead for small objects": _ppyoloe_site(reg_range=(-2, 17)),
    "PPYOLOERHead": Site(("pred_angle", "pred_bboxes"), _ppyoloe_r_inputs, _ppyoloe_r_parts),
    "TOODHead": Site(("pred_scores", "pred_bboxes"), _tood_inputs, _tood_parts),
    "FCOSRHead": Site(("pred_scores", "pred_rboxes"), _fcosr_inputs, _fcosr_parts),
    "YOLOXHead": Site(("pred_cls", "pred_obj", "pred_bboxes"), _yolox_inputs, _yolox_parts),
    "DistillPPYOLOELoss": Site(("pred_scores",), _distill_inputs, _distill_parts),
}


# Whole heads in training


def _scene(rng: np.random.Generator, objects: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Objects of a batch as the readers give them: images with fewer are filled up, and the mask tells."""
    most = max(1, *objects)
    centres = rng.uniform(40, TRAINING_IMAGE - 40, (BATCH, most, 2))
    sizes = rng.uniform(24, 64, (BATCH, most, 2))
    angles = rng.uniform(0.1, np.pi / 2 - 0.1, (BATCH, most, 1))
    cos, sin = np.cos(angles), np.sin(angles)
    width, height = sizes[..., :1] / 2, sizes[..., 1:] / 2
    around = np.concatenate([width * cos + height * sin, width * sin + height * cos], -1)
    mask = (np.arange(most) < np.array(objects)[:, None])[..., None].astype("float32")
    boxes = np.concatenate([centres - sizes / 2, centres + sizes / 2], -1)
    return {
        "gt_class": rng.integers(0, CLASSES, (BATCH, most, 1)) * mask.astype("int64"),
        "gt_bbox": (boxes * mask).astype("float32"),
        "gt_rbox": (np.concatenate([centres, sizes, angles], -1) * mask).astype("float32"),
        "around": (np.concatenate([centres - around, centres + around], -1) * mask).astype("float32"),
        "pad_gt_mask": mask,
    }


def _features(rng: np.random.Generator) -> list[Any]:
    shapes = [(BATCH, CHANNELS, TRAINING_IMAGE // stride, TRAINING_IMAGE // stride) for stride in STRIDES]
    return [paddle.to_tensor(rng.normal(0, 1, shape).astype("float32"), stop_gradient=False) for shape in shapes]


def _seeded(head: Any, rng: np.random.Generator) -> dict[str, Any]:
    """Sets every trainable parameter to numbers of numpy, which are the same in every process, and returns them."""
    head.train()
    parameters = {name: value for name, value in head.named_parameters() if not value.stop_gradient}
    for value in parameters.values():
        value.set_value(rng.normal(0, 0.1, value.shape).astype("float32"))
    return parameters


def _trained(head: Any, rng: np.random.Generator, call: Callable[[list[Any]], Tensors]) -> Loss:
    parameters, features = _seeded(head, rng), _features(rng)
    leaves = {**parameters, **{f"features {level}": feature for level, feature in enumerate(features)}}
    return Loss(leaves, lambda: call(features))


def _padded(rng: np.random.Generator, objects: tuple[int, ...], epoch: int) -> dict[str, Any]:
    scene = {name: paddle.to_tensor(array) for name, array in _scene(rng, objects).items()}
    return {**scene, "epoch_id": epoch}


def _ppyoloe_training(epoch: int, rng: np.random.Generator, objects: tuple[int, ...]) -> Loss:
    head, targets = ppyoloe_head(), _padded(rng, objects, epoch)
    return _trained(head, rng, lambda features: head(features, targets))


def _ppyoloe_r_training(rng: np.random.Generator, objects: tuple[int, ...]) -> Loss:
    head, targets = ppyoloe_r_head(), _padded(rng, objects, STATIC)
    targets["gt_bbox"] = targets["around"]
    return _trained(head, rng, lambda features: head(features, targets))


def _fcosr_training(rng: np.random.Generator, objects: tuple[int, ...]) -> Loss:
    head, targets = fcosr_head(), _padded(rng, objects, STATIC)
    targets["gt_bbox"] = targets["around"]
    return _trained(head, rng, lambda features: head(features, targets))


def _tood_training(epoch: int, rng: np.random.Generator, objects: tuple[int, ...]) -> Loss:
    head, targets = tood_head(), _padded(rng, objects, epoch)
    return _trained(head, rng, lambda features: head.get_loss(head(features), targets))


def _yolox_training(rng: np.random.Generator, objects: tuple[int, ...]) -> Loss:
    """YOLOX takes the objects of each image without filling."""
    head, scene = yolox_head(), _scene(rng, objects)
    targets: dict[str, Any] = {"epoch_id": DYNAMIC}
    for name in ("gt_class", "gt_bbox"):
        targets[name] = [paddle.to_tensor(rows[:count]) for rows, count in zip(scene[name], objects, strict=True)]
    return _trained(head, rng, lambda features: head(features, targets))


def _distill_training(rng: np.random.Generator, objects: tuple[int, ...]) -> Loss:
    """A student and its teacher, and what the distillation adds to the student's loss."""
    teacher, student = ppyoloe_head(for_distill=True), ppyoloe_head(for_distill=True)
    targets = _padded(rng, objects, STATIC)
    _seeded(teacher, rng)

    def call(features: list[Any]) -> Tensors:
        with paddle.no_grad():
            teacher(features, targets)
        parts = student(features, targets)
        logits, _ = distillation()(SimpleNamespace(yolo_head=teacher), SimpleNamespace(yolo_head=student))
        return {**parts, "loss": parts["loss"] + logits, "loss_logits": logits}

    return _trained(student, rng, call)


TRAININGS: dict[str, Callable[[np.random.Generator, tuple[int, ...]], Loss]] = {
    "PPYOLOEHead, static assigner": partial(_ppyoloe_training, STATIC),
    "PPYOLOEHead, task-aligned assigner": partial(_ppyoloe_training, DYNAMIC),
    "PPYOLOERHead": _ppyoloe_r_training,
    "TOODHead, static assigner": partial(_tood_training, STATIC),
    "TOODHead, task-aligned assigner": partial(_tood_training, DYNAMIC),
    "FCOSRHead": _fcosr_training,
    "YOLOXHead": _yolox_training,
    "DistillPPYOLOELoss": _distill_training,
}


# The distribution focal losses


class FocalLayer(paddle.nn.Layer):
    """The loss of a head as a layer of its own, which can become a static graph."""

    def __init__(self, head: Any, *bounds: int) -> None:
        super().__init__()
        self.head = head
        self.bounds = bounds

    def forward(self, logits: Any, targets: Any) -> Any:
        return self.head._df_loss(logits, targets, *self.bounds)


def _ppyoloe_dfl(**options: Any) -> Dfl:
    head = ppyoloe_head(**options)
    first = head.reg_range[0]
    return Dfl(PPYOLOEHead, first, head.reg_channels, FocalLayer(head, first), (4,))


def dfls() -> dict[str, Dfl]:
    """The losses of both classes; PP-YOLOE for small objects has its first bin below zero."""
    head = ppyoloe_r_head()
    return {
        "PPYOLOEHead": _ppyoloe_dfl(),
        "PPYOLOEHead for small objects": _ppyoloe_dfl(reg_range=(-2, 17)),
        "PPYOLOERHead": Dfl(PPYOLOERHead, 0, head.angle_max + 1, FocalLayer(head), ()),
    }
