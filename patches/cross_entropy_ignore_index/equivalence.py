"""Original against patched cross entropy: the calls are taken from the file, which is not run."""

from __future__ import annotations

import ast
import json
import math
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


def comparisons(files: Sequence[PatchedFile]) -> Iterator[Equal | ByDesign]:
    """Every call that the patch has changed, with those of its arguments that are literals."""
    for file in files:
        calls = list(zip(_calls(file.original, file.path), _calls(file.patched, file.path)))
        changed = [(before, after) for before, after in calls if len(before.keywords) != len(after.keywords)]
        if not changed:
            raise NotComparable(f"{file.path} holds no call that differs from the original")
        for number, (before, after) in enumerate(changed, 1):
            site = file.site(f"call {number}, line {after.lineno}" if len(changed) > 1 else file.symbols[0])
            options = _literals(before)
            original, patched = (Version(None, _loss(_literals(call))) for call in (before, after))
            left_out = sorted({keyword.arg or "**" for keyword in before.keywords} - set(options))
            inputs_are = "good labels" + (f", without {', '.join(left_out)}" if left_out else "")
            yield Equal(
                site, "torch", original, patched, SHAPES, TIMED, _inputs, _called, TOLERANCES, inputs_are=inputs_are
            )
            observed = partial(_some_unlabelled, original, patched, options)
            yield ByDesign(site, "torch", "labels of -1 among others", observed)
            yield ByDesign(site, "torch", "no label but -1", partial(_all_unlabelled, original, patched))
            yield ByDesign(site, "torch", "label -100", partial(_default_ignored, original, patched))


def _calls(source: bytes, path: str) -> list[ast.Call]:
    """Every call of a script, or of the code cells of a notebook, in order."""
    return [node for text in _code(source, path) for node in ast.walk(_tree(text)) if isinstance(node, ast.Call)]


def _code(source: bytes, path: str) -> list[bytes]:
    if not path.endswith(".ipynb"):
        return [source]
    cells = [cell for cell in json.loads(source)["cells"] if cell["cell_type"] == "code"]
    return ["".join(cell["source"]).encode("utf-8") for cell in cells]


def _tree(text: bytes) -> ast.AST:
    """The syntax tree of a cell, without the lines of IPython; empty if it is in another language."""
    try:
        return ast.parse(text)
    except SyntaxError:
        lines = [b"" if line.lstrip().startswith((b"%", b"!", b"?")) else line for line in text.split(b"\n")]
    try:
        return ast.parse(b"\n".join(lines))
    except SyntaxError:
        return ast.parse(b"")


def _literals(call: ast.Call) -> dict[str, Any]:
    options = {}
    for keyword in call.keywords:
        try:
            options[keyword.arg or ""] = ast.literal_eval(keyword.value)
        except ValueError:
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
