"""Both forms while something is broken that only the original needs: what a patch is for."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Callable, ContextManager, Iterator, Mapping

from .cases import Equal, Observed, Version, outcome
from .differences import greatest
from .frameworks import FRAMEWORKS
from .setting import Setting

TOLD = "values and gradients at most {:.1e} off the original as it should be"


def while_broken(
    case: Equal, shape: Mapping[str, int], broken: Callable[[], ContextManager[None]], dtype: str = "float32"
) -> Observed:
    """On the CPU, against the original where nothing is broken: it raises or is wrong, the patched form is right."""
    setting = Setting(case, FRAMEWORKS[case.framework](), "cpu", dtype)
    arrays, tolerance = setting.rounded(shape, 0), case.tolerances[dtype]
    expected = setting.run(case.original, arrays, 0)

    def is_right(values: float, gradients: float) -> bool:
        return values <= tolerance.forward and gradients <= tolerance.gradient

    def off(version: Version) -> tuple[float, float]:
        with broken():
            found = setting.run(version, arrays, 0)
        return greatest(found.values, expected.values), greatest(found.gradients, expected.gradients)

    def told(differences: tuple[float, float]) -> str:
        return ("" if is_right(*differences) else "wrong: ") + TOLD.format(max(differences))

    now = off(case.patched)
    was = outcome(lambda: off(case.original), told)
    return Observed(was, told(now), is_right(*now) and was.startswith(("raises", "wrong")))


@contextmanager
def replaced(value: Any, *places: tuple[Any, str]) -> Iterator[None]:
    """Sets attributes of modules and classes, those that there are: (holder, name)."""
    there = [(holder, name) for holder, name in places if hasattr(holder, name)]
    own = [(holder, name, vars(holder)[name]) for holder, name in there if name in vars(holder)]
    for holder, name in there:
        setattr(holder, name, value)
    try:
        yield
    finally:
        for holder, name in there:
            delattr(holder, name)
        for holder, name, before in own:
            setattr(holder, name, before)
