"""An interpreter that belongs to a target: patchkit's own, or another one, asked through `probe` in a subprocess."""

import importlib.util
import marshal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from patchkit.errors import TargetRefused
from patchkit.patching import probe
from patchkit.patching.executable import find_executable

TIMEOUT_S = 60
SAID = 200  # characters of its last words that are shown
PYTHON_HINT = "name a Python interpreter with --python"


@dataclass(frozen=True)
class Interpreter:
    """A Python that runs, and what it says of itself."""

    executable: str
    version: tuple[int, int, int]
    cache_tag: str  # as in loss.cpython-311.pyc
    magic: bytes  # first four bytes of its bytecode files
    path: tuple[Path, ...]  # import path at start-up, without the standard library

    @property
    def is_own(self) -> bool:
        """True if its bytecode is that of the interpreter patchkit runs in."""
        return self.cache_tag == sys.implementation.cache_tag and self.magic == importlib.util.MAGIC_NUMBER

    def ask(self, action: str, **payload: Any) -> dict[str, Any]:
        """The answer of `probe.ACTIONS[action]`, run in this interpreter in a process of its own."""
        return _ask(self.executable, action, payload)

    def compile_bytecode(self, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Bytecode for each job of `probe.compile_bytecode`; in this process if the bytecode is the same."""
        if not jobs:
            return []
        answer = probe.compile_bytecode({"jobs": jobs}) if self.is_own else self.ask("compile_bytecode", jobs=jobs)
        results: list[dict[str, Any]] = answer["results"]
        return results


def own_interpreter() -> Interpreter:
    return _interpreter(probe.describe({}))


def find_interpreter(text: str) -> Interpreter:
    """The interpreter named by a path, a command on PATH, or the folder of a virtual environment.

    Raises   TargetRefused if there is none, or it does not answer.
    """
    return _interpreter(_ask(str(find_executable(text)), "describe", {}))


def interpreter_of(site_packages: Path) -> Interpreter | None:
    """The interpreter whose PREFIX/lib/pythonX.Y/site-packages this is, if it is there and answers."""
    own = own_interpreter()
    if site_packages in {entry.resolve() for entry in own.path}:
        return own
    lib = site_packages.parent
    if not lib.name.startswith("python") or lib.parent.name not in ("lib", "lib64"):
        return None
    executable = next(
        (p for n in (lib.name, "python3", "python") if (p := lib.parent.parent / "bin" / n).exists()), None
    )
    if executable is None:
        return None
    try:
        found = find_interpreter(str(executable))
    except TargetRefused:
        return None
    return found if site_packages.resolve() in {entry.resolve() for entry in found.path} else None


def _interpreter(answer: dict[str, Any]) -> Interpreter:
    major, minor, micro = answer["version"]
    path = tuple(Path(entry).absolute() for entry in answer["path"])
    return Interpreter(answer["executable"], (major, minor, micro), answer["cache_tag"], answer["magic"], path)


def _ask(executable: str, action: str, payload: dict[str, Any]) -> dict[str, Any]:
    import subprocess

    source = Path(probe.__file__).read_text(encoding="utf-8")
    try:
        done = subprocess.run(
            [executable, "-c", source],
            input=marshal.dumps({"action": action, **payload}, probe.TRANSPORT),
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TargetRefused(f"{executable} cannot be run: {error}", PYTHON_HINT) from error
    _, mark, answer = done.stdout.rpartition(probe.MARK)
    if done.returncode != 0 or not mark:
        said = _last_line(done.stderr.strip() or done.stdout.strip() or b"no output", source)
        raise TargetRefused(f"{executable} is not a Python 3.6 or newer that answers: {said}", PYTHON_HINT)
    loaded: dict[str, Any] = marshal.loads(answer)
    return loaded


def _last_line(said: bytes, source: str) -> str:
    """What a program said in the end. One that is no Python may take the source, which is long, for a file."""
    text = said.decode("utf-8", errors="replace")
    line = text.splitlines()[-1]
    is_of_source = source.splitlines()[0] in text or len(line) > SAID
    return "it takes Python code for something else" if is_of_source else line
