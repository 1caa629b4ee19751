"""Work in forked children. They inherit what is loaded and what is to be looked at, and send back results by pipes."""

import contextlib
import os
import pickle
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar

from patchkit.errors import PatchkitError, TargetRefused

A = TypeVar("A")
B = TypeVar("B")
FAILED, INTERRUPTED = 1, 130
OUT_OF_MEMORY = "see if memory has run out; --jobs 1 takes the least"


@dataclass
class _Child:
    results: BinaryIO
    pid: int = 0  # 0: it could not be started, and its parts are looked at here


@dataclass(frozen=True)
class _Failure:
    """What a child sends in place of a result."""

    kind: type[PatchkitError]
    message: str
    hint: str


def forked(work: Callable[[A], B], parts: Sequence[A], jobs: int) -> Iterator[B]:
    """The results in the order of the parts, of which each child takes every `jobs`-th.

    Raises   what of PatchkitError a child raises; TargetRefused if one is killed, RuntimeError if one fails otherwise.
    """
    pipes = _pipes(jobs)
    jobs = len(pipes)
    if jobs < 2:
        for ends in pipes:
            _close(*ends)
        yield from map(work, parts)
        return
    children = [_Child(open(reading, "rb")) for reading, _ in pipes]  # noqa: SIM115 - closed below
    try:
        for number, (child, (_, writing)) in enumerate(zip(children, pipes, strict=True)):
            # The ends for children that come later are open too: a child that kept them would hide how these end.
            others = [end for _, end in pipes[number + 1 :]]
            child.pid = _start(work, parts[number::jobs], writing, children, others)
        for index, part in enumerate(parts):
            child = children[index % jobs]
            yield _next_result(child) if child.pid else work(part)
    finally:
        for child in children:
            child.results.close()
            if child.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGKILL)
        for child in children:
            if child.pid:
                _exit_code(child)


def _pipes(count: int) -> list[tuple[int, int]]:
    """As many as the limit of open files allows, with some left for what is read."""
    pipes = []
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 8
    for _ in range(min(count, most)):
        try:
            pipes.append(os.pipe())
        except OSError:
            break
    return pipes


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _start(
    work: Callable[[A], B], parts: Sequence[A], writing: int, children: Sequence[_Child], others: Sequence[int]
) -> int:
    """The id of a new child; 0 if the system gives none."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # ^C must not unwind this stack in the child
    try:
        pid = os.fork()
    except OSError:
        pid = -1
    if pid == 0:
        code = FAILED
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            for child in children:
                child.results.close()
            _close(*others)
            code = _work_through(work, parts, writing)
        except KeyboardInterrupt:
            code = INTERRUPTED
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)  # nothing that the parent has begun is ended by its child
    os.close(writing)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return max(pid, 0)


def _work_through(work: Callable[[A], B], parts: Sequence[A], writing: int) -> int:
    with open(writing, "wb") as pipe:
        for part in parts:
            try:
                result: Any = work(part)
            except PatchkitError as error:
                result = _Failure(type(error), error.message, error.hint)
            except MemoryError:
                result = _Failure(TargetRefused, "a process of the check has no memory left", OUT_OF_MEMORY)
            try:
                pickle.dump(result, pipe, pickle.HIGHEST_PROTOCOL)
                pipe.flush()
            except BrokenPipeError:  # nobody waits for it any more
                return INTERRUPTED
    return 0


def _next_result(child: _Child) -> Any:
    try:
        result = pickle.load(child.results)
    except (EOFError, pickle.UnpicklingError) as error:
        child.results.close()
        code = _exit_code(child)
        if code == INTERRUPTED:
            raise KeyboardInterrupt from error
        if code >= 0:
            raise RuntimeError(f"a process of the check ended with {code}") from error
        fact = "a process of the check was killed, so the data set was not looked at to its end"
        raise TargetRefused(fact, OUT_OF_MEMORY) from error
    if isinstance(result, _Failure):
        raise result.kind(result.message, result.hint)
    return result


def _exit_code(child: _Child) -> int:
    """How a child ended; a signal below 0, as for one of which nobody knows it any more."""
    pid, child.pid = child.pid, 0
    try:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except ChildProcessError:  # the parent was told to forget its children
        return -1
