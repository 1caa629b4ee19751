"""Work in forked children. They inherit what is loaded and what is to be looked at, and send back results by pipes."""

import contextlib
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar

from patchkit.errors import TargetRefused

A = TypeVar("A")
B = TypeVar("B")
INTERRUPTED = 130


@dataclass(frozen=True)
class _Child:
    pid: int
    results: BinaryIO


def forked(work: Callable[[A], B], parts: Sequence[A], jobs: int) -> Iterator[B]:
    """The results in the order of the parts, of which each child takes every `jobs`-th.

    Raises   TargetRefused if a child is killed, RuntimeError if one fails.
    """
    children: list[_Child] = []
    try:
        for number in range(jobs):
            children.append(_start(work, parts[number::jobs], children))
        for index in range(len(parts)):
            yield _next_result(children[index % jobs])
    finally:
        for child in children:
            child.results.close()
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGKILL)
        for child in children:
            with contextlib.suppress(ChildProcessError):  # it was asked for already
                os.waitpid(child.pid, 0)


def _start(work: Callable[[A], B], parts: Sequence[A], others: Sequence[_Child]) -> _Child:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return _Child(pid, open(reading, "rb"))
    code = 1
    try:
        os.close(reading)
        for other in others:
            other.results.close()
        with open(writing, "wb") as pipe:
            for part in parts:
                pickle.dump(work(part), pipe, pickle.HIGHEST_PROTOCOL)
                pipe.flush()
        code = 0
    except (KeyboardInterrupt, BrokenPipeError):
        code = INTERRUPTED
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)  # nothing that the parent has begun is ended by its child


def _next_result(child: _Child) -> Any:
    try:
        return pickle.load(child.results)
    except (EOFError, pickle.UnpicklingError) as error:
        _, status = os.waitpid(child.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        if code == INTERRUPTED:
            raise KeyboardInterrupt from error
        if code >= 0:
            raise RuntimeError(f"a process of the check ended with {code}") from error
        raise TargetRefused(
            "a process of the check was killed, so the data set was not looked at to its end",
            "see if memory has run out; --jobs 1 takes the least",
        ) from error
