"""Reading many small files: one by one while the system has them in memory, many at once when a disk must be asked."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor

BATCH = 256  # files
LIMIT = 8 << 20  # bytes; what is larger is read piece by piece
FIRST = 1 << 16
SLOW = 100e-6  # seconds for a file: a disk was asked
IN_FLIGHT = 32  # reads at once


def read_batches(paths: Sequence[str]) -> Iterator[tuple[int, list[bytes | OSError | None]]]:
    """The bytes of files, batch by batch, with the index of the first. None: the file is larger than LIMIT.

    The time that a batch takes decides how the next one is read.
    """
    pool: Executor | None = None
    is_slow = False
    try:
        for first in range(0, len(paths), BATCH):
            batch = paths[first : first + BATCH]
            begin = time.perf_counter()
            if is_slow:
                pool = pool or _pool()
                read = list(pool.map(read_file, batch, chunksize=1))
            else:
                read = _timed(batch)
                is_slow = time.perf_counter() - begin > SLOW * len(batch)
            yield first, read
    finally:
        if pool is not None:
            pool.shutdown()


def _timed(batch: Sequence[str]) -> list[bytes | OSError | None]:
    """The first files of a cold disk are enough to know it."""
    read: list[bytes | OSError | None] = []
    begin = time.perf_counter()
    for index, path in enumerate(batch):
        read.append(read_file(path))
        if index == 7 and time.perf_counter() - begin > SLOW * 8 * 3:
            with _pool() as pool:
                read += pool.map(read_file, batch[8:])
            break
    return read


def _pool() -> Executor:
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(IN_FLIGHT)


def read_file(path: str) -> bytes | OSError | None:
    """The bytes of a file, why it cannot be read, or None for a large one. A pipe is read as an empty file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        return error if isinstance(error, OSError) else OSError(22, str(error))
    try:
        data = os.read(descriptor, FIRST)
        if len(data) < FIRST:
            return data
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
