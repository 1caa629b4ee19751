"""A model before and after the conversion that the patched trainer makes; the settings are no mathematics."""

from __future__ import annotations

import ast
import warnings
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Callable, Iterator, Mapping, Sequence

from patchkit.numerics.cases import ByDesign, Equal, NotComparable, Observed, Tensors, Tolerance, Version, outcome

if TYPE_CHECKING:
    import numpy as np

    from patchkit.numerics.functions import PatchedFile

SHAPES = ({"b": 1, "channels": 1, "side": 1}, {"b": 3, "channels": 5, "side": 7})
TIMED = {"b": 4, "channels": 32, "side": 40}
# In eval mode both layers apply the same running statistics. The errors are those of a convolution over 288 values.
ERRORS = {"float64": 1e-11, "float32": 1e-3, "bfloat16": 4.0}
TOLERANCES = {dtype: Tolerance(forward=0.0, gradient=0.0, error=error) for dtype, error in ERRORS.items()}


def comparisons(files: Sequence[PatchedFile]) -> Iterator[Equal | ByDesign]:
    """The branch of `_setup_train` that converts, and the freeze check that must know the converted layers."""
    for file in files:
        for symbol in file.symbols if file.path.endswith("engine/trainer.py") else ():
            if symbol.endswith("_setup_train"):
                yield from _conversion(file, file.site(symbol))
            else:
                yield from _freeze_check(file, symbol)


def _conversion(file: PatchedFile, site: str) -> Iterator[Equal | ByDesign]:
    original, patched = Version(None, _nothing), Version(None, _converting(file))
    constants, inputs_are = ("weight", "mean", "variance"), "sync_bn on, eval mode"
    refused = outcome(lambda: _evaluated(patched, _sample()), lambda _: "")
    yield Equal(
        *(site, "torch", original, patched, SHAPES, TIMED, _inputs, _evaluated, TOLERANCES, constants, inputs_are),
        devices=("cuda",) if refused else ("cpu", "cuda"),
    )
    if refused:  # torch before 2.0 refuses CPU tensors in eval mode too
        observed = Observed("gives values", refused, "to be on GPU" in refused)
        yield ByDesign(site, "torch", f"{inputs_are}, on a CPU", lambda: observed)
    yield ByDesign(site, "torch", "sync_bn on, CUDA, more than one process", partial(_converted, patched.function))
    for inputs_are, sync_bn, device in (
        ("sync_bn off", False, "cuda"),
        ("no sync_bn among the arguments", None, "cuda"),  # of a checkpoint from before the patch
        ("sync_bn on, CPU", True, "cpu"),
    ):
        yield ByDesign(site, "torch", inputs_are, partial(_left_alone, patched.function, sync_bn, device))


def _converting(file: PatchedFile) -> Callable[[Any], None]:
    """The patch's own statement, taken out of the installed trainer as a function of its `self`."""
    tests = [node for node in ast.walk(ast.parse(file.patched)) if isinstance(node, ast.If)]
    found = [node for node in tests if isinstance(node.test, ast.Call) and b"sync_bn" in ast.dump(node.test).encode()]
    if len(found) != 1:
        raise NotComparable(f"{file.path} holds {len(found)} statements that convert")
    function = ast.parse("def convert(self): pass")
    function.body[0].body = [found[0]]  # type: ignore[attr-defined]
    names = dict(vars(file.module()))
    exec(compile(function, f"{file.path} (its conversion)", "exec", dont_inherit=True), names)
    convert: Callable[[Any], None] = names["convert"]
    return convert


def _nothing(trainer: Any) -> None:
    """The original does not know the option."""


def _inputs(rng: np.random.Generator, shape: Mapping[str, int]) -> dict[str, Any]:
    """Images (b, c, side, side), the weights (c, c, 3, 3) of a convolution, running mean and variance (c,)."""
    channels, side = shape["channels"], shape["side"]
    return {
        "images": rng.normal(size=(shape["b"], channels, side, side)),
        "weight": rng.normal(size=(channels, channels, 3, 3)),
        "mean": rng.normal(size=channels),
        "variance": rng.uniform(0.5, 2, channels),
    }


def _trainer(tensors: Tensors, *, sync_bn: bool | None = True, device: str = "cuda") -> Any:
    """What the statement reads of a trainer: nothing is moved to the device that it names."""
    import torch

    weight = tensors["weight"]
    conv = torch.nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1, bias=False)
    norm = torch.nn.BatchNorm2d(weight.shape[0], eps=1e-3, momentum=0.03)
    model = torch.nn.Sequential(conv, norm).to(weight)
    conv.weight.data = weight
    norm.running_mean, norm.running_var = tensors["mean"], tensors["variance"]
    return SimpleNamespace(
        model=model,
        args=SimpleNamespace() if sync_bn is None else SimpleNamespace(sync_bn=sync_bn),
        device=SimpleNamespace(type=device),
        freeze_layer_names=["1"],
    )


def _evaluated(version: Version, tensors: Tensors) -> Any:
    trainer = _trainer(tensors)
    version.function(trainer)
    return trainer.model.eval()(tensors["images"])


def _sample() -> dict[str, Any]:
    import numpy as np
    import torch

    return {key: torch.from_numpy(array) for key, array in _inputs(np.random.default_rng(0), SHAPES[1]).items()}


def _converted(convert: Callable[[Any], None]) -> Observed:
    import torch

    trainer = _trainer(_sample())
    before = {key: value.clone() for key, value in trainer.model.state_dict().items()}
    convert(trainer)
    after = trainer.model.state_dict()
    is_same = list(before) == list(after) and all(torch.equal(before[key], after[key]) for key in before)
    layer, is_training = type(trainer.model[1]).__name__, trainer.model.training
    seen = f"{layer}, the state dict {'is the same' if is_same else 'differs'}; statistics are those of all processes"
    seen += f"; in {'train' if is_training else 'eval'} mode up to the first epoch"
    is_as_designed = is_same and layer == "SyncBatchNorm" and not is_training
    return Observed("BatchNorm2d, statistics of one process", seen, is_as_designed)


def _left_alone(convert: Callable[[Any], None], sync_bn: bool | None, device: str) -> Observed:
    trainer = _trainer(_sample(), sync_bn=sync_bn, device=device)
    model = trainer.model
    convert(trainer)
    layer = type(trainer.model[1]).__name__
    return Observed("BatchNorm2d", layer, trainer.model is model and layer == "BatchNorm2d")


def _freeze_check(file: PatchedFile, symbol: str) -> Iterator[ByDesign]:
    """Layers of frozen parts are kept in eval mode, converted or not."""
    original, patched = file.versions(symbol)
    name = symbol.rpartition(".")[2]
    for layer in ("BatchNorm2d", "SyncBatchNorm"):
        yield ByDesign(
            file.site(symbol), "torch", f"a frozen {layer}", partial(_frozen, name, original, patched, layer)
        )


def _frozen(name: str, original: Version, patched: Version, layer: str) -> Observed:
    import torch

    def mode(version: Version) -> str:
        trainer = version.owner.__new__(version.owner)
        vars(trainer).update(vars(_trainer(_sample())))
        if layer == "SyncBatchNorm":
            trainer.model = torch.nn.SyncBatchNorm.convert_sync_batchnorm(trainer.model)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            getattr(trainer, name)()
        return "train mode" if trainer.model[1].training else "eval mode"

    seen = mode(patched)
    return Observed(outcome(partial(mode, original)), seen, seen == "eval mode")
