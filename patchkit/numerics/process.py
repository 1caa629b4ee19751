"""The process that `verify --numerics` starts in the interpreter of the target."""

from __future__ import annotations

import importlib.util
import json
import marshal
import os
import sys
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .cases import NotComparable, first_line
from .compare import rows
from .frameworks import FRAMEWORKS
from .functions import PatchedFile
from .rows import MARK


def main() -> None:
    """Read a request from standard input, and write the answer of `_answer` to standard output."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the code of the target prints is no answer
    request = marshal.loads(sys.stdin.buffer.read())
    answer = _answer(request)
    answers.write(MARK + json.dumps(answer).encode("ascii"))
    answers.flush()
    os._exit(0)  # without the threads that a framework may leave behind


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    done: list[dict[str, Any]] = []
    sys.path[:0] = request["first"]
    files = [PatchedFile(**item) for item in request["files"]]
    try:
        # As a package: it may import modules that lie beside it, `from .inputs import ...`.
        beside = [str(Path(request["room"]).parent)]
        spec = importlib.util.spec_from_file_location(
            "patchkit_equivalence", request["room"], submodule_search_locations=beside
        )
        assert spec is not None and spec.loader is not None
        room = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = room
        spec.loader.exec_module(room)
        for row in rows(room.comparisons(files)):
            done.append(asdict(row))
    except NotComparable as error:
        return _answered(done, str(error))
    except ImportError as error:
        return _answered(done, first_line(error))
    except (Exception, SystemExit) as error:
        return _answered(done, f"{_place(error, request['room'])} raises {first_line(error)}", is_fault_of_room=True)
    return _answered(done, "" if done else "the room compares nothing of these files", is_fault_of_room=not done)


def _answered(rows: list[dict[str, Any]], error: str, *, is_fault_of_room: bool = False) -> dict[str, Any]:
    return {"rows": rows, "error": error, "is_fault_of_room": is_fault_of_room, "versions": _versions()}


def _place(error: BaseException, room: str) -> str:
    """The line of the room in which something was raised; that of other code where the room did not call it."""
    frames = traceback.extract_tb(error.__traceback__)
    frame = next((frame for frame in reversed(frames) if frame.filename == room), frames[-1])
    return "{}:{} ({})".format(Path(frame.filename).name, frame.lineno, frame.name)


def _versions() -> str:
    """The frameworks that took part, in words."""
    python = "Python {}.{}.{}".format(*sys.version_info[:3])
    return ", ".join(
        [python, *(kind().label for name, kind in FRAMEWORKS.items() if name in sys.modules and name != "numpy")]
    )
