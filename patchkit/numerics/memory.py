"""Peak memory of this process on Linux: the kernel's high-water mark, set back before each measurement."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import re
from pathlib import Path
from typing import Any, Callable, Iterator

_M_MMAP_THRESHOLD = -3
_SMALL, _USUAL = 64 * 1024, 32 * 1024 * 1024  # bytes; the second is where glibc ends up with large arrays


def peak_of(call: Callable[[], Any]) -> int | None:
    """Bytes that a call needs at most beyond what is resident before it; None where the kernel does not tell."""
    gc.collect()
    with _blocks_given_back():
        try:
            Path("/proc/self/clear_refs").write_bytes(b"5")
            before = _status("VmRSS")
        except OSError:
            return None
        call()
        return max(0, _status("VmHWM") - before)


@contextlib.contextmanager
def _blocks_given_back() -> Iterator[None]:
    """Make malloc of glibc give what is freed back to the kernel, so that the high-water mark sees what is in use."""
    libc = ctypes.CDLL(None)
    tuned = hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim")
    if tuned:
        libc.mallopt(_M_MMAP_THRESHOLD, _SMALL)
        libc.malloc_trim(0)
    try:
        yield
    finally:
        if tuned:
            libc.mallopt(_M_MMAP_THRESHOLD, _USUAL)


def _status(key: str) -> int:
    found = re.search(rf"^{key}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found.group(1)) * 1024 if found else 0
