"""The lock of a root: one writing command at a time."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from patchkit.errors import WriteFailed

TIMEOUT_S = 30.0
LONGEST_S = 24 * 60 * 60


@contextlib.contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold the lock of a root. It is a lock on the folder itself, so it leaves no file behind.

    Units    PATCHKIT_LOCK_TIMEOUT in seconds (30).
    Raises   WriteFailed if another process keeps it.
    """
    try:
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise WriteFailed(f"{root} cannot be opened: {error.strerror}", "run as a user who may read it") from error
    try:
        _acquire(descriptor, root)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, root: Path) -> None:
    timeout = _timeout()
    deadline = time.monotonic() + timeout
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise WriteFailed(
                    f"{root} is locked by another patchkit process; waited {timeout:g} s",
                    "wait for it to end, or set PATCHKIT_LOCK_TIMEOUT to more seconds",
                ) from error
            time.sleep(0.05)
        except OSError as error:
            raise WriteFailed(
                f"{root} cannot be locked: {error.strerror}", "see to the file system it is on"
            ) from error


def _timeout() -> float:
    text = os.environ.get("PATCHKIT_LOCK_TIMEOUT", "")
    try:
        seconds = float(text) if text else TIMEOUT_S
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= LONGEST_S:
        raise WriteFailed(f"PATCHKIT_LOCK_TIMEOUT={text!r} is not a number of seconds up to a day", "set or unset it")
    return seconds
