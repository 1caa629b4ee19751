"""Reading many small files: one by one while the system has them in memory, many at once when a disk must be asked."""

import os
import resource
import stat
from collections.abc import Callable, Iterator, Sequence

BATCH = 256  # files
LIMIT = 8 << 20  # bytes; what is larger is read piece by piece
FIRST = 1 << 16
PROBE = 32  # files
IN_FLIGHT = 32  # reads at once
Read = bytes | OSError | None


def read_batches(paths: Sequence[str]) -> Iterator[tuple[int, list[Read]]]:
    """The bytes of files, batch by batch, with the index of the first. None: the file is larger than LIMIT.

    A process gives its CPU away when it waits for a disk or a network, and not otherwise. Where it does so for every
    second of the first files of a batch, the rest of them, and of all batches after it, is read by many threads.
    """
    is_waiting = False
    for first in range(0, len(paths), BATCH):
        batch = paths[first : first + BATCH]
        if is_waiting:
            yield first, _together(batch)
            continue
        before = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
        read = list(map(read_file, batch[:PROBE]))
        is_waiting = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw - before > len(read) // 2
        rest = batch[PROBE:]
        yield first, read + (_together(rest) if is_waiting else list(map(read_file, rest)))


def _together(paths: Sequence[str]) -> list[Read]:
    """The same files, IN_FLIGHT at a time."""
    from concurrent.futures import ThreadPoolExecutor

    read: list[Read] = [None] * len(paths)

    def share(first: int) -> None:
        for index in range(first, len(paths), IN_FLIGHT):
            read[index] = read_file(paths[index])

    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        list(pool.map(share, range(min(IN_FLIGHT, len(paths)))))
    return read


def read_file(path: str) -> Read:
    """The bytes of a file, why it cannot be read, or None for a large one."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        return error if isinstance(error, OSError) else OSError(22, str(error))
    try:
        data = os.read(descriptor, FIRST)
        if not data and not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return OSError(22, "it is no regular file")
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
