"""Proof of effect: which file and which bytecode the target's Python would really load."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    interpreter: Interpreter, root: Path, paths: list[str], *, on_path: bool = True, bytecode: bool = True
) -> dict[str, dict[str, Any]]:
    """What a clean process of the interpreter would load for each file: origin, missing, bytecode."""
    modules = {module_name(path): path for path in paths if path.endswith(".py")}
    answer = interpreter.ask("resolve", modules=list(modules), first=[] if on_path else [str(root)], bytecode=bytecode)
    return {modules[found["module"]]: found for found in answer["modules"]}


def loaded_elsewhere(interpreter: Interpreter, root: Path, paths: list[str]) -> dict[str, Elsewhere]:
    """The files that the interpreter, started in this folder, would not load, with the reason."""
    return {
        path: reason
        for path, found in resolve(interpreter, root, paths, bytecode=False).items()
        if (reason := explain(interpreter, root / path, found)) is not None
    }


def explain(interpreter: Interpreter, file: Path, found: dict[str, Any]) -> Elsewhere | None:
    """None if the file itself would be loaded, else why not."""
    origin = found["origin"]
    if origin is not None and Path(origin).resolve() == file.resolve():
        return None
    started = f"{interpreter.executable}, started in {Path.cwd()},"
    if origin is None:
        return Elsewhere(
            f"{started} cannot import {found['missing']}: another package of that name comes first on its path, "
            f"or {file} is not on it",
            "run from another folder, clear PYTHONPATH, or accept this with --allow-shadowed",
        )
    return Elsewhere(
        f"{started} loads {origin} instead of {file}",
        f"patch the copy that runs with --path {origin}, or run from another folder and clear PYTHONPATH, "
        "or accept this with --allow-shadowed",
    )
