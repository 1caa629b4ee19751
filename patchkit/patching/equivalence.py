"""Original against patched functions: a room's `equivalence.py`, run in the interpreter of a target."""

import marshal
import os
import site
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import patchkit
from patchkit.numerics.rows import Row, row_of
from patchkit.patching.effect import module_name
from patchkit.patching.interpreter import Interpreter
from patchkit.patching.ledger import read_blob
from patchkit.patching.probe import TRANSPORT
from patchkit.patching.state import APPLIED, PatchState

EQUIVALENCE = "equivalence.py"
MARK = b"patchkit-numerics:"
TIMEOUT_S = 1800
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
    in_tree = state.receipt.kind != "distribution"
    files = [
        {
            "root": str(state.root),
            "path": stacked.file.path,
            "original": read_blob(state.root, stacked.file.before_sha256),
            "symbols": list(dict.fromkeys(site.symbol for site in stacked.file.sites)),
            "modules": _modules(state.root, stacked.file.path, in_tree=in_tree),
        }
        for stacked in state.files
        if stacked.state == APPLIED
    ]
    first = [] if on_path or in_tree else [str(state.root)]
    return _run(interpreter, {"room": str(equivalence), "first": first, "files": files})


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
        except (OSError, subprocess.TimeoutExpired) as error:
            return Comparison((), "", f"{interpreter.executable} cannot be run: {error}")
    _, mark, answer = done.stdout.rpartition(MARK)
    if not mark:
        return Comparison((), "", _how_it_ended(done))
    import json

    found = json.loads(answer)
    rows = tuple(row_of(item) for item in found["rows"])
    return Comparison(rows, found["versions"], found["error"], _hint(interpreter, request, found))


def _hint(interpreter: Interpreter, request: dict[str, Any], found: dict[str, Any]) -> str:
    if found["is_fault_of_room"]:
        return f"what is compared is written in {request['room']}"
    return f"it ran in {interpreter.executable}; --python names another Python" if found["error"] else ""


def _how_it_ended(done: "subprocess.CompletedProcess[bytes]") -> str:
    said = (done.stderr.strip() or b"no output").decode("utf-8", errors="replace").splitlines()[-1]
    if done.returncode < 0:
        return f"the process was killed by signal {-done.returncode}: {said}"
    return f"the process ended with exit code {done.returncode}: {said}"


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
