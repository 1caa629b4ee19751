"""Whether what is given as a log is one: compressed files, checkpoints and devices are not."""

import shlex

from patchkit.errors import SourceUnreadable

SAMPLE = 1 << 12  # bytes
MUCH = 64  # blocks without any text: a device may never end
_CONTROL = bytes({*range(8), *range(14, 27), *range(28, 32)})  # not the backspaces of progress bars, nor colours
_SHARE = 0.05  # of control characters: logs that were cut hold a few, random bytes a tenth
_COMPRESSED = (
    (b"\x1f\x8b", "gzip", "zcat"),
    (b"BZh", "bzip2", "bzcat"),
    (b"\xfd7zXZ\x00", "xz", "xzcat"),
    (b"\x28\xb5\x2f\xfd", "zstd", "zstdcat"),
    (b"PK\x03\x04", "zip, as checkpoints of torch are", "unzip -p"),
)


def refuse_compressed(head: bytes, path: str) -> None:
    """Raises   SourceUnreadable for a file that starts as a compressed one does."""
    for mark, name, command in _COMPRESSED:
        if head.startswith(mark) and is_binary(head, 0, len(head)):
            name_of_it = "LOG" if path.startswith("<") else shlex.quote(path)
            raise SourceUnreadable(
                f"{path}: it is compressed ({name})", f"if it is a log: {command} {name_of_it} | patchkit diagnose -"
            )


def is_binary(data: bytes | bytearray, start: int, end: int) -> bool:
    """True where neither the start, the middle nor the end of a block is text."""
    middle = max((start + end - SAMPLE) // 2, start)
    for place in (start, middle, max(end - SAMPLE, start)):
        sample = bytes(data[place : min(place + SAMPLE, end)])
        if len(sample) - len(sample.translate(None, _CONTROL)) <= _SHARE * len(sample):
            return False
    return True


def no_text(path: str) -> SourceUnreadable:
    return SourceUnreadable(f"{path}: it is no text", "name the log that the training printed, or - for stdin")
