"""Proof of effect: which file and which bytecode the target's Python would really load."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from patchkit.patching import probe
from patchkit.patching.interpreter import Interpreter


@dataclass(frozen=True)
class Elsewhere:
    """Another file than the patched one would be loaded."""

    message: str
    hint: str


def module_name(path: str) -> str:
    """The dotted name under which a file, relative to its root, is imported."""
    parts = path.removesuffix(".py").split("/")
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def resolve(
    interpreter: Interpreter,
    root: Path,
    paths: list[str],
    *,
    on_path: bool = True,
    bytecode: bool = True,
    in_tree: bool = False,
) -> dict[str, dict[str, Any]]:
    """What a clean process of the interpreter would load for each `.py` file: origin, missing, bytecode.

    The root of a source tree may lie above the folder that is on the import path (`src/`), so there each shorter name
    is tried too; the one that leads to the file counts, else the full one.
    """
    names = {path: _names(module_name(path), shorter=in_tree) for path in paths if path.endswith(".py")}
    answer = interpreter.ask(
        "resolve",
        modules=sorted({name for group in names.values() for name in group}),
        first=[] if on_path else [str(root)],
        bytecode=bytecode,
    )
    found = {item["module"]: item for item in answer["modules"]}
    return {
        path: next((found[name] for name in group if _is_origin(found[name], root / path)), found[group[0]])
        for path, group in names.items()
    }


def _names(name: str, *, shorter: bool) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[start:]) for start in range(len(parts) if shorter else 1)]


def _is_origin(found: dict[str, Any], file: Path) -> bool:
    return found["origin"] is not None and Path(found["origin"]).resolve() == file.resolve()


def loaded_elsewhere(interpreter: Interpreter, root: Path, paths: list[str]) -> dict[str, Elsewhere]:
    """The files that the interpreter, started in this folder, would not load, with the reason."""
    if interpreter.executable == sys.executable:
        # What a new process of our own Python would find can be seen from here, in a tenth of the time.
        names = {path: module_name(path) for path in paths if path.endswith(".py")}
        answer = probe.resolve({"modules": list(names.values()), "first": _start_folder(), "bytecode": False})
        resolved = dict(zip(names, answer["modules"], strict=True))
    else:
        resolved = resolve(interpreter, root, paths, bytecode=False)
    return {
        path: reason
        for path, found in resolved.items()
        if (reason := elsewhere(interpreter, root / path, found)) is not None
    }


def _start_folder() -> list[str]:
    """What `python -c` or `python -m` puts before everything else: the working directory."""
    return [] if os.environ.get("PYTHONSAFEPATH") else [str(Path.cwd())]


def elsewhere(interpreter: Interpreter, file: Path, found: dict[str, Any]) -> Elsewhere | None:
    """None if the file itself would be loaded, else why not."""
    origin = found["origin"]
    if _is_origin(found, file):
        return None
    started = f"{interpreter.executable}, started in {Path.cwd()},"
    archive = next((place for place in Path(origin).parents if place.is_file()), None) if origin else None
    if archive is not None:
        return Elsewhere(
            f"{started} loads the package from inside the zip archive {archive} instead of {file}",
            f"a zip archive cannot be patched: take {archive} off the path",
        )
    if origin is None:
        return Elsewhere(
            f"{started} cannot import {found['missing']}: another package of that name comes first on its path, "
            f"or {file} is not on it",
            "run from another folder, or clear PYTHONPATH",
        )
    packages = next((place for place in Path(origin).parents if any(place.glob("*.dist-info"))), None)
    option = f"--site-packages {packages}" if packages else f"--path {origin}"
    return Elsewhere(
        f"{started} loads {origin} instead of {file}",
        f"patch the copy that runs with {option}, or run from another folder and clear PYTHONPATH",
    )
