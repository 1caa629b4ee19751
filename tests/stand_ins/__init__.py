"""Stand-ins for torch and paddle on numpy: the few functions that the examples of the rooms call."""

import sys
from types import ModuleType
from typing import Any

import pytest


def module(name: str, **members: object) -> ModuleType:
    """A module with these members."""
    made = ModuleType(name)
    vars(made).update(members)
    return made


def install(monkeypatch: pytest.MonkeyPatch, *modules: ModuleType) -> None:
    """Make modules importable by their names, and the members of the packages that they stand in."""
    for each in modules:
        package, _, name = each.__name__.rpartition(".")
        monkeypatch.setitem(sys.modules, each.__name__, each)
        if package:
            setattr(sys.modules[package], name, each)


def execute(source: bytes, **names: object) -> dict[str, Any]:
    """What a file defines; `names` are those that it leaves to others."""
    namespace: dict[str, Any] = {"__name__": "example", **names}
    exec(compile(source, "example.py", "exec"), namespace)
    return namespace
