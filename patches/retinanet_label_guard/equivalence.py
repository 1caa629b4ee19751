"""Original against patched classification loss of RetinaNet."""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING, Any, Iterator, Mapping, Sequence

from patchkit.numerics.cases import ByDesign, Equal, Observed, Tensors, Tolerance, Version, outcome

if TYPE_CHECKING:
    import numpy as np

    from patchkit.numerics.functions import PatchedFile

SHAPES = (
    {"images": 1, "anchors": 9, "classes": 1, "objects": 1},
    {"images": 3, "anchors": 200, "classes": 91, "objects": 7},
)
TIMED = {"images": 2, "anchors": 20000, "classes": 91, "objects": 20}
# On good labels both forms run the same operations. The errors are those of a sum over 3.6 million logits.
ERRORS = {"float64": 1e-12, "float32": 1e-5, "float16": 5e-2, "bfloat16": 2e-1}
TOLERANCES = {dtype: Tolerance(forward=0.0, gradient=0.0, error=error) for dtype, error in ERRORS.items()}
CLASSES = 5


def comparisons(files: Sequence[PatchedFile]) -> Iterator[Equal | ByDesign]:
    """Good labels, then every kind of label that the patch is for."""
    for file in files:
        for symbol in file.symbols:
            original, patched = file.versions(symbol)
            site = file.site(symbol)
            constants = ("matched", "labels")
            yield Equal(
                site, "torch", original, patched, SHAPES, TIMED, _inputs, _loss, TOLERANCES, constants, "good labels"
            )
            for inputs_are, labels in (("label -1", -1), ("label num_classes", CLASSES), ("label 100", 100)):
                yield ByDesign(site, "torch", inputs_are, partial(_one_bad_image, original, patched, labels))
            unmatched = partial(_one_bad_image, original, patched, -1, is_matched=False)
            yield ByDesign(site, "torch", "label -1 whose box matched no anchor", unmatched)
            yield ByDesign(site, "torch", "bad labels in every image", partial(_no_good_image, original, patched))


def _inputs(rng: np.random.Generator, shape: Mapping[str, int]) -> dict[str, Any]:
    """Logits (images, anchors, classes), matched objects (images, anchors) or -1, -2, labels (images, objects)."""
    images, anchors, objects = shape["images"], shape["anchors"], shape["objects"]
    return {
        "logits": rng.normal(-2, 1, (images, anchors, shape["classes"])),
        "matched": rng.integers(-2, objects, (images, anchors)),
        "labels": rng.integers(0, shape["classes"], (images, objects)),
    }


def _loss(version: Version, tensors: Tensors) -> Any:
    return _of_images(_head(version), tensors)


def _head(version: Version) -> Any:
    """A head that knows no more than its loss needs."""
    import torch

    head = version.owner.__new__(version.owner)
    torch.nn.Module.__init__(head)
    head.BETWEEN_THRESHOLDS = -2
    return head


def _of_images(head: Any, tensors: Tensors) -> Any:
    targets = [{"labels": labels, "image_id": number} for number, labels in enumerate(tensors["labels"])]
    return head.compute_loss(targets, {"cls_logits": tensors["logits"]}, list(tensors["matched"]))


def _bad_batch() -> dict[str, Any]:
    """Two images with two objects each, of float64 logits."""
    import numpy as np
    import torch

    arrays = _inputs(np.random.default_rng(0), {"images": 2, "anchors": 60, "classes": CLASSES, "objects": 2})
    tensors = {key: torch.from_numpy(array) for key, array in arrays.items()}
    tensors["logits"].requires_grad_()
    return tensors


def _one_bad_image(original: Version, patched: Version, label: int, is_matched: bool = True) -> Observed:
    """The first image has the label; the second is good."""
    import torch

    def batch() -> dict[str, Any]:
        tensors = _bad_batch()
        tensors["labels"][0, 0] = label
        if not is_matched:
            tensors["matched"][0][tensors["matched"][0] == 0] = -1
        return tensors

    def said(loss: Any) -> str:
        last = batch()
        last["labels"][0, 0] = CLASSES - 1
        is_last = label < 0 and is_matched and torch.equal(loss, _loss(original, last))
        return "trains the last class" if is_last else f"loss {float(loss):.6f}"

    good = {key: tensor[1:] for key, tensor in batch().items()}
    expected = _loss(original, good)
    head, tensors = _head(patched), batch()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        loss = _of_images(head, tensors)
    (gradient,) = torch.autograd.grad(loss, tensors["logits"])
    is_as_designed = (
        torch.equal(loss, expected)
        and head.skipped_images == 1
        and not gradient[0].any()
        and bool(gradient[1].any())
        and any("image_id 0" in str(warning.message) for warning in told)
    )
    seen = f"skips {head.skipped_images} image, loss {float(loss):.6f}; the other image alone {float(expected):.6f}"
    return Observed(outcome(partial(_loss, original, batch()), said), seen, is_as_designed)


def _no_good_image(original: Version, patched: Version) -> Observed:
    import torch

    tensors = _bad_batch()
    tensors["labels"][:, 0] = CLASSES
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        head = _head(patched)
        loss = _of_images(head, tensors)
    (gradient,) = torch.autograd.grad(loss, tensors["logits"])
    is_zero = float(loss) == 0 and not gradient.any()
    seen = f"skips {head.skipped_images} images, loss {float(loss)}, greatest gradient {float(gradient.abs().max())}"
    return Observed(outcome(partial(_loss, original, tensors)), seen, is_zero and head.skipped_images == 2)
