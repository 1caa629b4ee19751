"""Print the CPU time of selecting positive samples by `masked_select` and by row gather, as JSON. Runs with paddle.

Shapes   x (8, 8400, 68) float32, 200 positive samples in each of 8 images: a PP-YOLOE step with 640 pixels and 17 bins.
"""

import json
from collections.abc import Callable
from statistics import median
from time import process_time
from typing import Any

import numpy as np
import paddle

IMAGES, ANCHORS, CHANNELS, POSITIVES, ROUNDS = 8, 8400, 68, 200, 15


def by_mask(x: Any, positive: Any) -> Any:
    mask = positive.unsqueeze(-1).tile([1, 1, CHANNELS])
    return paddle.masked_select(x, mask).reshape([-1, CHANNELS])


def by_rows(x: Any, positive: Any) -> Any:
    return paddle.gather_nd(x, paddle.nonzero(positive)).reshape([-1, CHANNELS])


def measured(select: Callable[[Any, Any], Any], x: Any, positive: Any) -> tuple[float, float]:
    start = process_time()
    rows = select(x, positive)
    middle = process_time()
    paddle.grad(rows.sum(), x)
    return (middle - start) * 1000, (process_time() - middle) * 1000


def main() -> None:
    rng = np.random.default_rng(0)
    x = paddle.to_tensor(rng.normal(size=(IMAGES, ANCHORS, CHANNELS)).astype("float32"), stop_gradient=False)
    chosen = np.zeros((IMAGES, ANCHORS), bool)
    for image in chosen:
        image[rng.choice(ANCHORS, POSITIVES, replace=False)] = True
    positive = paddle.to_tensor(chosen)
    assert bool((by_mask(x, positive) == by_rows(x, positive)).all())
    turns = [[measured(select, x, positive) for select in (by_mask, by_rows)] for _ in range(ROUNDS + 1)][1:]
    forward, backward = ([median(turn[form][part] for turn in turns) for form in (0, 1)] for part in (0, 1))
    print(json.dumps({"forward_ms": forward, "backward_ms": backward}))


if __name__ == "__main__":
    main()
