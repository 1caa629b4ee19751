"""Losses and gradients of the heads of the PaddleDetection that comes first on the import path.

usage: paddle_losses.py OUT.npz

OUT gets the arrays, "SECTION|CASE|NAME". The last line printed is a JSON object:
  right, foreign   for each case, how often it called `paddle.masked_select`, and what it raised; under "foreign",
                   that operator returns values of nowhere, as it does on the GPU with some builds of paddle
  dfl              for each loss and each kind of bad target, what it raised, and what it counted
  nan box          the same of a PP-YOLOE head with a box that is NaN in its assignment
"""

import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import paddle
from paddle_heads import CLASSES, OBJECTS, POSITIVES, SITES, TRAININGS, Dfl, Loss, dfls

SEED = 0
COUNTERS = ("bad_dfl_targets", "bad_dfl_steps")  # of a head's class, once it had a bad target
SAMPLES = 6  # of a distribution focal loss
select = paddle.masked_select  # the operator as it is


class Selecting:
    """Stands in for `paddle.masked_select`: counts its calls, and returns foreign values if told so."""

    def __init__(self, foreign: bool) -> None:
        self.calls = 0
        self._rng = np.random.default_rng(SEED) if foreign else None

    def __call__(self, x: Any, mask: Any, name: str | None = None) -> Any:
        self.calls += 1
        selected = select(x, mask)
        if self._rng is None:
            return selected
        foreign = self._rng.integers(-500, 500, selected.shape).astype(x.numpy().dtype)
        return selected * 0 + paddle.to_tensor(foreign)  # still connected to the graph, as the operator's output is


def cases() -> Iterator[tuple[str, Callable[[], Loss]]]:
    """Every patched function and every head, with few and many positive samples."""
    for name, site in SITES.items():
        for amount, positives in POSITIVES.items():
            rng = np.random.default_rng(SEED)
            yield f"{name}: {amount} positive", partial(site.loss, site.inputs(rng, positives))
    for name, training in TRAININGS.items():
        for amount, objects in OBJECTS.items():
            yield f"training {name}: {amount}", partial(training, np.random.default_rng(SEED), objects)


def measured(loss: Loss) -> dict[str, np.ndarray]:
    """The parts of a loss, and the gradient of the whole in each leaf that has a share in it."""
    parts = loss.parts()
    whole = parts["loss"].sum()
    if not whole.stop_gradient:
        whole.backward()
    gradients = {f"gradient of {name}": leaf.grad for name, leaf in loss.leaves.items() if leaf.grad is not None}
    return {name: tensor.numpy() for name, tensor in {**parts, **gradients}.items()}


def attempt(call: Callable[[], dict[str, np.ndarray]]) -> tuple[str | None, dict[str, np.ndarray]]:
    """What a call raises, and what it returns."""
    try:
        return None, call()
    except Exception as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}", {}


def selections(section: str, arrays: dict[str, np.ndarray]) -> dict[str, dict[str, Any]]:
    """The losses of every case, with the operator as it is or with foreign values."""
    answers = {}
    for case, build in cases():
        loss = build()
        paddle.masked_select = selecting = Selecting(section == "foreign")
        raised, found = attempt(partial(measured, loss))
        paddle.masked_select = select
        answers[case] = {"calls": selecting.calls, "raised": raised}
        arrays.update({f"{section}|{case}|{name}": array for name, array in found.items()})
    return answers


def bad_values(dfl: Dfl) -> dict[str, float]:
    """Targets that have not a bin on either side."""
    return {
        "below": dfl.first - 1,
        "just below": dfl.first - 0.5,
        "last bin": dfl.first + dfl.bins - 1,
        "1e9": 1e9,
        "-1e9": -1e9,
        "nan": float("nan"),
        "inf": float("inf"),
        "-inf": float("-inf"),
    }


class Focal:
    """A distribution focal loss on seeded logits and targets, weighed by sample."""

    def __init__(self, dfl: Dfl) -> None:
        rng = np.random.default_rng(SEED)
        shape = (SAMPLES, *dfl.sides)
        self.dfl = dfl
        self.logits = rng.normal(0, 2, (*shape, dfl.bins)).astype("float32")
        self.targets = rng.uniform(dfl.first, dfl.first + dfl.bins - 1.01, shape).astype("float32")
        self.targets.flat[0] = dfl.first  # the least that is valid
        self.bad = np.zeros(shape, bool)
        self.bad.flat[[2, -3, -1]] = True
        self.weights = rng.uniform(0.1, 1, (SAMPLES if dfl.sides else 1, 1)).astype("float32")

    def measured(self, targets: np.ndarray, loss: Callable[[Any, Any], Any] | None = None) -> dict[str, np.ndarray]:
        """The loss of each sample and the gradient, of the loss itself or of another form of it."""
        return self._weighed(lambda logits: (loss or self.dfl.loss)(logits, paddle.to_tensor(targets)))

    def without_bad(self, bad: np.ndarray) -> dict[str, np.ndarray]:
        """Each target alone and valid, the bad ones times zero, and the mean over all."""

        def loss(logits: Any) -> Any:
            singles = paddle.to_tensor(self.targets).reshape([-1, 1])
            each = self.dfl.loss(logits.reshape([-1, 1, self.dfl.bins]), singles).reshape(list(self.targets.shape))
            return (each * paddle.to_tensor((~bad).astype("float32"))).mean(-1, keepdim=True)

        return self._weighed(loss)

    def _weighed(self, loss: Callable[[Any], Any]) -> dict[str, np.ndarray]:
        logits = paddle.to_tensor(self.logits, stop_gradient=False)
        losses = loss(logits)
        (losses * paddle.to_tensor(self.weights)).sum().backward()
        return {"loss": losses.numpy(), "gradient": logits.grad.numpy()}


def focal_losses(arrays: dict[str, np.ndarray]) -> dict[str, dict[str, Any]]:
    """Every loss on good targets, and on each kind of bad ones among good ones and alone; and what is wanted."""
    answers = {}
    for name, dfl in dfls().items():
        focal = Focal(dfl)
        kinds = {"good": focal.targets}
        for kind, value in bad_values(dfl).items():
            kinds[f"some {kind}"] = np.where(focal.bad, np.float32(value), focal.targets)
            kinds[f"all {kind}"] = np.full_like(focal.targets, value)
        kinds["a mixture"] = focal.targets.copy()
        kinds["a mixture"][focal.bad] = [float("nan"), 1e9, dfl.first - 1]
        for kind, targets in kinds.items():
            answers[f"{name}: {kind}"], found = counted(dfl.owner, partial(focal.measured, targets))
            arrays.update({f"dfl|{name}: {kind}|{part}": array for part, array in found.items()})
        static = partial(focal.measured, kinds["a mixture"], paddle.jit.to_static(dfls()[name].loss, full_graph=True))
        answers[f"{name}: a mixture in a static graph"], found = counted(dfl.owner, static)
        arrays.update({f"dfl|{name}: a mixture in a static graph|{part}": array for part, array in found.items()})
        nothing, everything = np.zeros_like(focal.bad), np.ones_like(focal.bad)
        for amount, bad in {"good": nothing, "some": focal.bad, "all": everything}.items():
            wanted = focal.without_bad(bad)
            arrays.update({f"wanted|{name}: {amount}|{part}": array for part, array in wanted.items()})
            arrays[f"wanted|{name}: {amount}|bad"] = bad
    return answers


def report_again() -> None:
    """Computes each loss often enough for a second report of bad targets: every hundredth computation gives one."""
    for name in ("PPYOLOEHead", "PPYOLOERHead"):
        focal = Focal(dfls()[name])
        for _ in range(100):
            focal.measured(np.full_like(focal.targets, np.nan))


def counted(owner: type, call: Callable[[], dict[str, np.ndarray]]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What a call raises, by how much the counters of the class grow, and what the call returns."""
    before = [getattr(owner, name, None) for name in COUNTERS]
    raised, found = attempt(call)
    after = [getattr(owner, name, None) for name in COUNTERS]
    grown = [None if new is None else new - (old or 0) for old, new in zip(before, after, strict=True)]
    return {"raised": raised, "counts": grown}, found


def nan_box(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """One box of the assignment of a PP-YOLOE head is NaN."""
    site, owner = SITES["PPYOLOEHead"], dfls()["PPYOLOEHead"].owner
    inputs = dict(site.inputs(np.random.default_rng(SEED), POSITIVES["some"]))
    inputs["boxes"][tuple(np.argwhere(inputs["labels"] != CLASSES)[0])] = float("nan")
    answer, found = counted(owner, partial(measured, site.loss(inputs)))
    arrays.update({f"nan box||{name}": array for name, array in found.items()})
    return answer


def main() -> None:
    arrays: dict[str, np.ndarray] = {}
    answer = {section: selections(section, arrays) for section in ("right", "foreign")}
    answer["dfl"] = focal_losses(arrays)
    answer["nan box"] = nan_box(arrays)
    report_again()
    np.savez(sys.argv[1], **arrays)
    print()
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
