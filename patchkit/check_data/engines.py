"""Where the parts of a data set are looked at: in this process and its children, or by Dask or Ray.

Every engine is a function `(work, parts, jobs) -> results in the order of the parts`: what is looked at and what is
counted can be pickled and merged, so that nothing else is needed.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from patchkit.errors import TargetRefused

A = TypeVar("A")
B = TypeVar("B")
Engine = Callable[[Callable[[Any], Any], Sequence[Any], int], Iterator[Any]]
IN_FLIGHT = 4  # parts for each worker that are on their way


def local(work: Callable[[A], B], parts: Sequence[A], jobs: int) -> Iterator[B]:
    """In this process; in children of it for several jobs, which inherit what is loaded."""
    jobs = min(jobs, len(parts))
    if jobs < 2 or not hasattr(os, "fork"):
        return map(work, parts)
    from patchkit.check_data.forks import forked

    return forked(work, parts, jobs)


def dask(work: Callable[[A], B], parts: Sequence[A], jobs: int) -> Iterator[B]:
    """On the cluster that DASK_SCHEDULER_ADDRESS names, else on workers of this machine."""
    try:
        from distributed import Client
    except ImportError as error:
        raise _missing("dask") from error
    place = os.environ.get("DASK_SCHEDULER_ADDRESS")
    settings: dict[str, Any] = (
        {"address": place} if place else {"n_workers": jobs, "threads_per_worker": 1, "dashboard_address": None}
    )
    try:
        client = Client(**settings, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise _not_started("dask", error) from error
    with client:
        yield from _windowed(lambda part: client.submit(work, part, pure=False), parts, jobs, lambda one: one.result())


def ray(work: Callable[[A], B], parts: Sequence[A], jobs: int) -> Iterator[B]:
    """On the cluster that RAY_ADDRESS names, else on workers of this machine."""
    try:
        import ray as runtime
    except ImportError as error:
        raise _missing("ray") from error
    settings = {} if os.environ.get("RAY_ADDRESS") else {"num_cpus": jobs}
    try:
        runtime.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR", **settings)
    except Exception as error:  # Ray raises this very class when a process of its own does not answer
        raise _not_started("ray", error) from error
    try:
        remote = runtime.remote(work)
        yield from _windowed(remote.remote, parts, jobs, runtime.get)
    finally:
        runtime.shutdown()


def _windowed(send: Callable[[A], Any], parts: Iterable[A], jobs: int, fetch: Callable[[Any], B]) -> Iterator[B]:
    """Results in order, with no more parts on their way than the workers need."""
    waiting: list[Any] = []
    for part in parts:
        waiting.append(send(part))
        if len(waiting) >= jobs * IN_FLIGHT:
            yield fetch(waiting.pop(0))
    for one in waiting:
        yield fetch(one)


def _missing(engine: str) -> TargetRefused:
    return TargetRefused(f"--engine {engine}: {engine} is not installed", f"pip install 'patchkit-cv[{engine}]'")


def _not_started(engine: str, error: Exception) -> TargetRefused:
    return TargetRefused(f"--engine {engine}: {engine} has not started: {error}", "see to it, or leave --engine out")


ENGINES: dict[str, Engine] = {"local": local, "dask": dask, "ray": ray}


def cpus() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
