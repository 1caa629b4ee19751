"""Random boxes, assignments and predictions for the losses of PaddleDetection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Mapping, Sequence

if TYPE_CHECKING:
    import numpy as np

    Arrays = dict[str, Any]
    Shape = Mapping[str, int]
    Draw = Callable[[np.random.Generator, Shape], Arrays]

BINS, ANGLE_BINS, MASK_PARTS = 17, 91, 32  # of heads as their constructors make them
NORMAL = ("logits", "angles", "coefficients", "prototypes")  # all other predictions are probabilities


def drawn(boxes: Draw, names: Sequence[str], rng: np.random.Generator, shape: Shape) -> Arrays:
    """Boxes, an assignment, and predictions (b, a, n).

    Labels (b, a) say the class, where the number of classes means none; only positive samples have scores.
    """
    import numpy as np

    size, classes, cells = (shape["b"], shape["a"]), shape["classes"], shape["b"] * shape["a"]
    labels, scores = np.full(cells, classes), np.zeros((cells, classes))
    chosen = rng.permutation(cells)[: shape["positives"]]
    labels[chosen] = rng.integers(0, classes, len(chosen))
    scores[chosen, labels[chosen]] = rng.uniform(0.1, 1, len(chosen))
    assigned = {"labels": labels.astype("int64").reshape(size), "scores": scores.reshape((*size, classes))}
    side = shape.get("side", 0)
    widths = {"logits": 4 * BINS, "angles": ANGLE_BINS, "coefficients": MASK_PARTS, "objects": 1, "masks": side**2}
    sizes = {"prototypes": (size[0], MASK_PARTS, side, side), **{name: (*size, wide) for name, wide in widths.items()}}
    arrays = {**boxes(rng, shape), **assigned}
    for name in names:
        wanted = sizes.get(name, (*size, classes))
        arrays[name] = rng.normal(0, 1, wanted) if name in NORMAL else rng.uniform(0.02, 0.98, wanted)
    return arrays


def upright(rng: np.random.Generator, shape: Shape) -> Arrays:
    """Points and boxes (b, a, 4) in cells; some of the assigned boxes reach beyond the bins."""
    import numpy as np

    def around(longest: float) -> Any:
        sides = rng.uniform(0.5, longest, (shape["b"], shape["a"], 4))
        return np.concatenate([points - sides[..., :2], points + sides[..., 2:]], -1)

    points, strides = rng.uniform(0, 80, (shape["a"], 2)), rng.choice([8.0, 16.0, 32.0], (shape["a"], 1))
    return {"points": points, "strides": strides, "pred_bboxes": around(12), "boxes": around(20)}


def rotated(rng: np.random.Generator, shape: Shape) -> Arrays:
    """Boxes (b, a, 5) in cells: centre seen from the point, sides, and an angle below a quarter turn."""
    import numpy as np

    low, high, size = [-2, -2, 1, 1, 0], [2, 2, 6, 6, np.pi / 2], (shape["b"], shape["a"], 5)
    boxes = {name: rng.uniform(low, high, size) for name in ("pred_bboxes", "boxes")}
    return {"points": np.zeros((1, shape["a"], 2)), "strides": np.ones((1, shape["a"], 1)), **boxes}
