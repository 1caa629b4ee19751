"""Original against patched functions: a room's `equivalence.py`, run in the interpreter of a target."""

import marshal
import os
import shlex
import site
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import patchkit
from patchkit.numerics.rows import MARK, Row, row_of
from patchkit.patching.cells import read_notebook
from patchkit.patching.effect import module_name
from patchkit.patching.interpreter import Interpreter
from patchkit.patching.ledger import FileReceipt, read_blob
from patchkit.patching.magics import masked
from patchkit.patching.notebook import SUFFIX as NOTEBOOK
from patchkit.patching.probe import TRANSPORT
from patchkit.patching.state import APPLIED, PatchState

EQUIVALENCE = "equivalence.py"
TIMEOUT_S = 1800
KILLED = 9  # the signal: Windows has no name for it
OLDEST = (3, 7)  # what patchkit.numerics and the rooms are written for
# The process gets `patchkit.numerics` and nothing else of patchkit, which may be installed for another Python.
LAUNCHER = """
import sys
sys.path[:] = [entry for entry in sys.path if entry]  # the working directory, which `-c` puts first
import importlib.util, types
sys.modules["patchkit"] = types.ModuleType("patchkit")
sys.modules["patchkit"].__path__ = []
spec = importlib.util.spec_from_file_location(
    "patchkit.numerics", sys.argv[1] + "/__init__.py", submodule_search_locations=[sys.argv[1]])
sys.modules["patchkit.numerics"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["patchkit.numerics"])
from patchkit.numerics.process import main
main()
"""


@dataclass(frozen=True)
class Comparison:
    """What the comparison of one patch gave."""

    rows: tuple[Row, ...]
    versions: str  # of Python and of the frameworks
    error: str  # why not everything was compared; empty if it was
    hint: str = ""


def compare(interpreter: Interpreter, state: PatchState, room: Path, *, on_path: bool) -> Comparison:
    """The patch of a receipt, compared in a process of the interpreter, which writes to a temporary folder alone."""
    equivalence = room / EQUIVALENCE
    if not equivalence.is_file():
        return Comparison((), "", f"the room of this patch has no {EQUIVALENCE}: there is nothing to compare with")
    if interpreter.version < OLDEST:
        needed, found = (".".join(map(str, version)) for version in (OLDEST, interpreter.version))
        reason = f"Python {found}: comparisons need Python {needed} or newer"
        return Comparison((), "", reason, f"it is {interpreter.executable}; --python names another Python")
    in_tree = state.receipt.kind != "distribution"
    files = [_described(state.root, it.file, in_tree=in_tree) for it in state.files if it.state == APPLIED]
    first = [] if on_path or in_tree else [str(state.root)]
    return _run(interpreter, {"room": str(equivalence), "first": first, "files": files})


def _described(root: Path, file: FileReceipt, *, in_tree: bool) -> dict[str, Any]:
    """The arguments of `patchkit.numerics.functions.PatchedFile`."""
    original = read_blob(root, file.before_sha256)
    return {
        "root": str(root),
        "path": file.path,
        "original": original,
        "symbols": list(dict.fromkeys(site.symbol for site in file.sites)),
        "modules": _modules(root, file.path, in_tree=in_tree),
        "cells": _code_cells(root, file.path, original) if file.path.endswith(NOTEBOOK) else [],
    }


def _code_cells(root: Path, path: str, original: bytes) -> list[tuple[int, str, str]]:
    """Number and code of each cell, as it was and as it is, with the masks under which it was patched."""
    forms = [read_notebook(source, path).cells for source in (original, (root / path).read_bytes())]
    found = []
    for before, after in zip(*forms, strict=True):
        was, now = masked(before.text), masked(after.text)
        if was is not None and now is not None:
            found.append((before.number, was.text, now.text))
    return found


def _modules(root: Path, path: str, *, in_tree: bool) -> list[tuple[str, str]]:
    """How a file may be imported: the folder that comes first on the import path, and the dotted name.

    In a tree nothing says which folder that is: the one that holds the outermost package, else each above it.
    """
    if not path.endswith(".py"):
        return []
    name = module_name(path)
    if not in_tree:
        return [("", name)]
    parts, names = path.split("/")[:-1], name.split(".")
    depths = range(len(parts), -1, -1)
    outside = next((depth for depth in depths if not (root.joinpath(*parts[:depth]) / "__init__.py").exists()), 0)
    return [(str(root.joinpath(*parts[:depth])), ".".join(names[depth:])) for depth in range(outside, -1, -1)]


def _run(interpreter: Interpreter, request: dict[str, Any]) -> Comparison:
    numerics = Path(patchkit.__file__).parent / "numerics"
    try:
        holder = tempfile.TemporaryDirectory(prefix="patchkit-")
    except OSError as error:
        reason = f"no folder for temporary files: {error.strerror or error}"
        return Comparison((), "", reason, "set TMPDIR to a folder that can be written")
    with holder as folder:
        try:
            done = subprocess.run(
                [interpreter.executable, "-B", "-c", LAUNCHER, str(numerics)],
                input=marshal.dumps(request, TRANSPORT),
                capture_output=True,
                timeout=TIMEOUT_S,
                check=False,
                cwd=folder,
                env=_surroundings(folder),
            )
        except subprocess.TimeoutExpired:
            reason = f"it took longer than {TIMEOUT_S} s"
            return Comparison((), "", reason, f"'ps' shows what else runs here; it ran in {interpreter.executable}")
        except OSError as error:
            reason = f"{interpreter.executable} cannot be run: {error.strerror or error}"
            return Comparison((), "", reason, "--python names another Python")
    _, mark, answer = done.stdout.rpartition(MARK)
    if not mark:
        return Comparison((), "", *_how_it_ended(interpreter, done))
    import json

    found = json.loads(answer)
    rows = tuple(row_of(item) for item in found["rows"])
    return Comparison(rows, found["versions"], found["error"], _hint(interpreter, request, found))


def _hint(interpreter: Interpreter, request: dict[str, Any], found: dict[str, Any]) -> str:
    if found["is_fault_of_room"]:
        return f"what is compared is written in {request['room']}"
    return f"it ran in {interpreter.executable}; --python names another Python" if found["error"] else ""


def _how_it_ended(interpreter: Interpreter, done: "subprocess.CompletedProcess[bytes]") -> tuple[str, str]:
    """What became of a process that gave no answer, and the next step."""
    said = (done.stderr.strip() or b"no output").decode("utf-8", errors="replace").splitlines()[-1]
    if done.returncode == -KILLED:
        hint = "the system ends a process so when memory runs out: free some, or name one patch at a time"
        return f"the process was killed by signal {KILLED}: {said}", hint
    ended = f"ended with exit code {done.returncode}"
    if done.returncode < 0:
        ended = f"was killed by signal {-done.returncode}"
    imports = f"{shlex.quote(interpreter.executable)} -c 'import torch'"
    return f"the process {ended}: {said}", f"see whether that Python imports the framework of the patch: {imports}"


def _surroundings(folder: str) -> dict[str, str]:
    """The environment of the process: what frameworks write when they are imported goes to a temporary folder."""
    return {
        **os.environ,
        "HOME": folder,
        "PYTHONUSERBASE": site.getuserbase(),  # packages that were installed with `pip install --user` are there
        "MPLCONFIGDIR": folder,
        "XDG_CACHE_HOME": folder,
        "XDG_CONFIG_HOME": folder,
        "YOLO_CONFIG_DIR": folder,
        "YOLO_OFFLINE": "true",
    }
