"""What a room's `equivalence.py` yields: `comparisons(files) -> Iterator[Equal | ByDesign]`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Mapping, Sequence

if TYPE_CHECKING:
    import numpy as np

Shape = Mapping[str, int]
Arrays = Mapping[str, "np.ndarray[Any, Any]"]
Tensors = Mapping[str, Any]


class NotComparable(Exception):
    """A site cannot be compared; the text says why."""


@dataclass(frozen=True)
class Version:
    """The original or the patched form of one site."""

    owner: Any  # the class that has the function, with all of its other sites in the same form; a module otherwise
    function: Callable[..., Any]


@dataclass(frozen=True)
class Tolerance:
    """The greatest absolute differences that are allowed."""

    forward: float  # between original and patched
    gradient: float
    error: float  # of values and gradients, against float64


@dataclass(frozen=True)
class Equal:
    """Inputs on which both forms must give the same values and gradients.

    `inputs(rng, shape)` draws numpy arrays: those of floats are differentiated, and cast to each dtype; `constants`
    among them are cast only. `call(version, tensors)` returns a tensor, or a sequence of tensors.
    """

    site: str  # file::symbol
    framework: str  # torch, paddle or numpy
    original: Version
    patched: Version
    shapes: Sequence[Shape]
    timed: Shape  # a realistic one: compared once, and time and memory are measured on it
    inputs: Callable[[np.random.Generator, Shape], Arrays]
    call: Callable[[Version, Tensors], Any]
    tolerances: Mapping[str, Tolerance]  # by dtype: float64, float32, float16, bfloat16
    constants: Sequence[str] = ()
    inputs_are: str = "random"  # in words, if the inputs are of a kind: "no positive sample"
    devices: Sequence[str] = ("cpu", "cuda", "gpu")  # those of them that there are


@dataclass(frozen=True)
class Observed:
    """What both forms did on inputs for which they differ by design."""

    original: str
    patched: str
    is_as_designed: bool


@dataclass(frozen=True)
class ByDesign:
    """A difference that the patch makes on purpose: the original's behaviour is told, the patched one's is checked."""

    site: str
    framework: str
    inputs_are: str  # in words: "label -1"
    observe: Callable[[], Observed]
    device: str = "cpu"  # on a GPU, an index out of bounds ends the process


def outcome(call: Callable[[], Any], told: Callable[[Any], str] = str) -> str:
    """What a call returns, in the words of `told`, or the first line of what it raises."""
    try:
        return told(call())
    except Exception as error:
        return f"raises {first_line(error)}"


def first_line(error: BaseException) -> str:
    """An exception in one line: its type, and the first line that says something."""
    lines = [line.strip() for line in str(error).splitlines()]
    said = next((line for line in lines if line.strip("-= ")), "")
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
