"""Original against patched cross entropy: the calls are taken from the file, which is not run."""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Iterator, Mapping, Sequence

from patchkit.numerics.cases import ByDesign, Equal, NotComparable, Observed, Tensors, Tolerance, Version, outcome

if TYPE_CHECKING:
    import numpy as np

    from patchkit.numerics.functions import PatchedFile

SHAPES = ({"n": 1, "classes": 2}, {"n": 64, "classes": 11})
TIMED = {"n": 4096, "classes": 1000}
# Both forms run the same operations; the errors are those of a logarithm of about 7.
ERRORS = {"float64": 1e-12, "float32": 1e-4, "float16": 5e-2, "bfloat16": 5e-1}
TOLERANCES = {dtype: Tolerance(forward=0.0, gradient=0.0, error=error) for dtype, error in ERRORS.items()}


POSITIONS = ("weight", "size_average")  # what may be given by position before `ignore_index`


@dataclass(frozen=True)
class Changed:
    """A call that the patch has changed."""

    place: str  # line 7, or cells[3], line 2
    before: ast.Call
    after: ast.Call


def comparisons(files: Sequence[PatchedFile]) -> Iterator[Equal | ByDesign]:
    """Every call that the patch has changed, with those of its arguments that are literals.

    Raises   NotComparable, after all that can be compared, with the reason for each of the others.
    """
    failures = []
    for file in files:
        changed = list(_changed(file))
        if not changed:
            failures.append(f"{file.path} holds no call that differs from the original")
        for number, call in enumerate(changed, 1):
            site = file.site(f"call {number}, {call.place}" if len(changed) > 1 else file.symbols[0])
            try:
                yield from _cases(site, call)
            except NotComparable as failure:
                failures.append(f"{file.path}, {call.place}: {failure}")
    if failures:
        raise NotComparable("; ".join(failures))


def _cases(site: str, call: Changed) -> Iterator[Equal | ByDesign]:
    given, options = _arguments(call.before), _literals(call.before)
    try:
        original, patched = (Version(None, _loss(_literals(form))) for form in (call.before, call.after))
    except (TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        raise NotComparable(f"CrossEntropyLoss cannot be made with these arguments: {reason}") from error
    left_out = sorted(set(given) - set(options))
    inputs_are = "good labels" + (f", without {', '.join(left_out)}" if left_out else "")
    yield Equal(site, "torch", original, patched, SHAPES, TIMED, _inputs, _called, TOLERANCES, inputs_are=inputs_are)
    yield ByDesign(site, "torch", "labels of -1 among others", partial(_some_unlabelled, original, patched, options))
    yield ByDesign(site, "torch", "no label but -1", partial(_all_unlabelled, original, patched))
    yield ByDesign(site, "torch", "label -100", partial(_default_ignored, original, patched))


def _changed(file: PatchedFile) -> Iterator[Changed]:
    """The calls of a script, or of the code cells of a notebook, in order."""
    texts = (
        [("", file.original, file.patched)]
        if not file.cells
        else [(f"cells[{number}], ", original, patched) for number, original, patched in file.cells]
    )
    for cell, original, patched in texts:
        for before, after in zip(_calls(original), _calls(patched)):
            if len(before.keywords) != len(after.keywords):
                yield Changed(f"{cell}line {after.lineno}", before, after)


def _calls(text: bytes | str) -> list[ast.Call]:
    try:
        return [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    except (SyntaxError, ValueError):  # a cell that is no Python, or that of another release
        return []


def _arguments(call: ast.Call) -> dict[str, ast.expr]:
    """What is given, by its name."""
    return {**dict(zip(POSITIONS, call.args)), **{keyword.arg or "**": keyword.value for keyword in call.keywords}}


def _literals(call: ast.Call) -> dict[str, Any]:
    options = {}
    for name, value in _arguments(call).items():
        try:
            options[name] = ast.literal_eval(value)
        except (ValueError, TypeError):
            continue
    return options


def _loss(options: Mapping[str, Any]) -> Any:
    import torch

    return torch.nn.CrossEntropyLoss(**options)


def _inputs(rng: np.random.Generator, shape: Mapping[str, int]) -> dict[str, Any]:
    """Logits (n, classes), labels (n,) that are classes."""
    n, classes = shape["n"], shape["classes"]
    return {"logits": rng.normal(0, 2, (n, classes)), "labels": rng.integers(0, classes, n)}


def _called(version: Version, tensors: Tensors) -> Any:
    return version.function(tensors["logits"], tensors["labels"])


def _batch(*labels: int) -> dict[str, Any]:
    import numpy as np
    import torch

    logits = torch.from_numpy(np.random.default_rng(0).normal(0, 2, (len(labels), 11))).requires_grad_()
    return {"logits": logits, "labels": torch.tensor(labels)}


def _told(loss: Any) -> str:
    return f"loss {float(loss.detach().sum()):.6f}"


def _some_unlabelled(original: Version, patched: Version, options: Mapping[str, Any]) -> Observed:
    import torch

    batch = _batch(3, -1, 0, -1)
    loss = _called(patched, batch)
    labelled = {key: tensor[[0, 2]] for key, tensor in batch.items()}
    expected = _called(original, labelled)
    (gradient,) = torch.autograd.grad(loss.sum(), batch["logits"])
    is_same = torch.allclose(loss.sum(), expected.sum(), rtol=1e-12, atol=0)
    is_as_designed = is_same and not gradient[[1, 3]].any() and bool(gradient[[0, 2]].any())
    seen = f"{_told(loss)}; the labelled samples alone {_told(expected)}"
    return Observed(outcome(partial(_called, original, batch), _told), seen, is_as_designed)


def _all_unlabelled(original: Version, patched: Version) -> Observed:
    """A mean over no sample is not a number; a sum is zero."""
    batch = _batch(-1, -1)
    total = float(_called(patched, batch).detach().sum())
    is_mean = getattr(patched.function, "reduction") == "mean"  # noqa: B009 - of the loss, not of a function
    seen = outcome(partial(_called, original, batch), _told)
    return Observed(seen, f"loss {total}", math.isnan(total) if is_mean else total == 0)


def _default_ignored(original: Version, patched: Version) -> Observed:
    batch = _batch(3, -100)
    seen = outcome(partial(_called, patched, batch), _told)
    return Observed(outcome(partial(_called, original, batch), _told), seen, "out of bounds" in seen)
