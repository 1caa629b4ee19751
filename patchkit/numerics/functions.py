"""The original and the patched form of a function, both with the globals of the installed module."""

from __future__ import annotations

import ast
import importlib
import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Sequence

from .cases import NotComparable, Version

_NOT_IMPORTED: dict[str, str] = {}  # why, by the path of the file


@dataclass(frozen=True)
class PatchedFile:
    """One file of a patch, as it was and as it is."""

    root: str
    path: str  # relative to the root, with forward slashes
    original: bytes
    symbols: Sequence[str]  # Class.method, the sites
    modules: Sequence[tuple[str, str]]  # (folder that comes first on the import path, or "", dotted name), likely first
    cells: Sequence[tuple[int, str, str]] = ()  # of a notebook: number, original and patched code without magics

    @property
    def patched(self) -> bytes:
        return Path(self.root, self.path).read_bytes()

    def site(self, symbol: str) -> str:
        return f"{self.path}::{symbol}"

    def versions(self, symbol: str) -> tuple[Version, Version]:
        """Original and patched form of one site.

        Raises   NotComparable if the module cannot be imported, or does not hold the function under this name.
        """
        module = self.module()
        owner = _owner(module, symbol)
        patched = vars(owner).get(symbol.rpartition(".")[2])
        function = getattr(patched, "__func__", patched)  # of a class method or static method
        code = getattr(function, "__code__", None)
        if code is None or not _is_same_file(code.co_filename, module.__file__ or ""):
            raise NotComparable(f"{symbol} of {self.path} is not a function of that file when it runs")
        if not isinstance(owner, type):
            original = _compiled(self, symbol, module)
            return Version(owner, original), Version(owner, function)
        beside = [other for other in self.symbols if other.rpartition(".")[0] == symbol.rpartition(".")[0]]
        forms = {other.rpartition(".")[2]: _compiled(self, other, module) for other in beside}
        original_owner = type(owner)(owner.__name__, (owner,), forms)
        name = symbol.rpartition(".")[2]
        return Version(original_owner, getattr(original_owner, name)), Version(owner, getattr(owner, name))

    def module(self) -> types.ModuleType:
        """The installed module.

        Raises   NotComparable if it cannot be imported, or another file would be.
        """
        place = str(Path(self.root, self.path))
        if place in _NOT_IMPORTED:  # a second try may find what the first one left behind
            raise NotComparable(_NOT_IMPORTED[place])
        failures = []
        for first, name in self.modules:
            before = list(sys.path)
            sys.path[:0] = [first] if first else []
            try:
                module = importlib.import_module(name)
            except BaseException as error:  # whatever the code of the target raises, SystemExit included
                if isinstance(error, KeyboardInterrupt):
                    raise
                failures.append(f"{name} cannot be imported: {type(error).__name__}: {error}")
                sys.path[:] = before
                continue
            if _is_same_file(place, module.__file__ or ""):
                return module
            failures.append(f"the import of {name} gives {module.__file__}")
            sys.path[:] = before
        _NOT_IMPORTED[place] = failures[0] if failures else f"{self.path} is not a Python module"
        raise NotComparable(_NOT_IMPORTED[place])


def _is_same_file(one: str, other: str) -> bool:
    return Path(one).resolve() == Path(other).resolve()


def _owner(module: types.ModuleType, symbol: str) -> Any:
    owner: Any = module
    for name in symbol.split(".")[:-1]:
        owner = getattr(owner, name, None)
    if owner is None:
        raise NotComparable(f"{symbol} is not reachable in {module.__name__}: it is defined inside of a function")
    return owner


def _compiled(file: PatchedFile, symbol: str, module: types.ModuleType) -> Any:
    """The function as the original file defines it, in a class of that name so that private names are mangled."""
    tree = ast.parse(file.original)
    body: list[ast.stmt] = list(tree.body)
    *classes, name = symbol.split(".")
    for part in classes:
        body = next((node.body for node in reversed(body) if isinstance(node, ast.ClassDef) and node.name == part), [])
    found = [node for node in body if isinstance(node, ast.FunctionDef) and node.name == name]
    if not found:
        raise NotComparable(f"{symbol} is not in the original of {file.path}")
    lines: list[ast.stmt] = [
        node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"
    ]
    if classes:
        shell = ast.parse(f"class {classes[-1]}: pass").body[0]
        assert isinstance(shell, ast.ClassDef)
        shell.body = [found[-1]]
        lines.append(ast.copy_location(shell, found[-1]))
    else:
        lines.append(found[-1])
    tree.body = lines
    names = dict(vars(module))
    exec(compile(tree, f"{file.path} (original)", "exec", dont_inherit=True), names)
    if not classes:
        return names[name]
    form = vars(names[classes[-1]])[name]
    names.update({part: value for part, value in vars(module).items() if part == classes[-1]})
    for cell in getattr(getattr(form, "__func__", form), "__closure__", None) or ():
        cell.cell_contents = _owner(module, symbol)  # what `super()` looks at
    return form
