"""Reading many small files: one by one while the system has them in memory, many at once when a disk must be asked."""

import contextlib
import errno
import os
import resource
import stat
import time
from collections.abc import Callable, Iterator, Sequence

BATCH = 256  # files
LIMIT = 8 << 20  # bytes; what is larger is read piece by piece
FIRST = 1 << 16
PROBE = 32  # files
FAR_S = 5e-4  # a file that takes longer comes over a network or from a turning disk: opening it waits too
THREADS = 16
IN_FLIGHT = 128  # files that are open at once, where the system allows four times as many
NO_MORE = (errno.EMFILE, errno.ENFILE)  # files can be open
OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
Read = bytes | OSError | None


def read_batches(paths: Sequence[str]) -> Iterator[tuple[int, list[Read]]]:
    """The bytes of files, batch by batch, with the index of the first. None: the file is larger than LIMIT.

    A process gives its CPU away when it waits for a disk or a network, and not otherwise. Where it does so for every
    second of the first files of a batch, the rest of them, and all batches after it, are asked for before they are
    read: the disk has a batch in flight.
    """
    threads = 0
    for first in range(0, len(paths), BATCH):
        batch = paths[first : first + BATCH]
        if threads:
            yield first, read_together(batch, threads)
            continue
        waits, started = _waits(), time.perf_counter()
        read = list(map(read_file, batch[:PROBE]))
        if _waits() - waits > len(read) // 2:
            threads = THREADS if time.perf_counter() - started > FAR_S * len(read) else 1
        rest = batch[PROBE:]
        yield first, read + (read_together(rest, threads) if threads else list(map(read_file, rest)))


def _waits() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw


def read_together(paths: Sequence[str], threads: int) -> list[Read]:
    """The same files, of which the system is told before any is waited for."""
    at_once = min(IN_FLIGHT, max(resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4, 1))
    size = max(at_once // threads, 1)
    shares = [paths[first : first + size] for first in range(0, len(paths), size)]
    if threads == 1:
        return [data for share in shares for data in _share(share)]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        return [data for share in pool.map(_share, shares) for data in share]


def _share(paths: Sequence[str]) -> list[Read]:
    read: list[Read] = []
    while len(read) < len(paths):
        opened: list[int | OSError] = []
        for path in paths[len(read) :]:
            file = _open(path)
            if isinstance(file, OSError) and file.errno in NO_MORE and any(type(one) is int for one in opened):
                break  # those that are open are read first
            opened.append(file)
        for file in opened:
            if isinstance(file, int) and hasattr(os, "posix_fadvise"):
                with contextlib.suppress(OSError):  # a pipe has nothing to be asked for
                    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_WILLNEED)
        read += [_read(file) if isinstance(file, int) else file for file in opened]
    return read


def read_file(path: str) -> Read:
    """The bytes of a file, why it cannot be read, or None for a large one."""
    file = _open(path)
    return _read(file) if isinstance(file, int) else file


def _open(path: str) -> int | OSError:
    try:
        return os.open(path, OPEN)
    except OSError as error:
        return error
    except ValueError as error:
        return OSError(22, str(error))


def _read(descriptor: int) -> Read:
    try:
        data = os.read(descriptor, FIRST)
        if data and len(data) < FIRST:
            return data
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):  # a pipe without a writer, or a device without an end
            return OSError(22, "it is no regular file")
        pieces, size = [data], len(data)
        while piece := os.read(descriptor, 1 << 20):
            pieces.append(piece)
            size += len(piece)
            if size > LIMIT:
                return None
        return b"".join(pieces)
    except OSError as error:
        return error
    finally:
        os.close(descriptor)


def read_pieces(path: str, report: Callable[[int, int], None], size: int = 4 << 20) -> Iterator[tuple[int, int, bytes]]:
    """A large file as (first line, offset, whole lines). A line longer than a piece is told by its line and offset.

    Raises   OSError.
    """
    line, offset, rest = 1, 0, b""
    with open(path, "rb") as file:
        while data := file.read(size):
            data = rest + data
            end = data.rfind(b"\n") + 1
            if not end and len(data) >= size:
                report(line, offset)
                length = _to_line_end(file)
                line, offset, rest = line + 1, offset + len(data) + length, b""
                continue
            if end:
                yield line, offset, data[:end]
                line, offset = line + data.count(b"\n", 0, end), offset + end
            rest = data[end:]
    if rest:
        yield line, offset, rest


def _to_line_end(file: object) -> int:
    """Read up to the end of a line without keeping it. Bytes that were passed over, the line end among them."""
    passed = 0
    while data := file.readline(1 << 20):  # type: ignore[attr-defined]
        passed += len(data)
        if data.endswith(b"\n"):
            break
    return passed
