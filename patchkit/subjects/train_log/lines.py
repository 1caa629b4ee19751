"""Lines of a log as text."""

import re

BEFORE, AFTER = 1 << 10, 1 << 13  # bytes of a line on either side of what was looked for: lines can be very long
HANDLED = r"Warning: |Plan failed with|attempt to recover"  # torch tells so of what it goes on from by itself
_STYLE = re.compile(r"\x1b\[[0-?]{0,40}[ -/]{0,8}[@-~]")
# What launchers put before the lines of a process: torchrun, paddle, mpirun --tag-output, srun --label, docker compose.
_RANK = re.compile(
    r"(?:\[rank\d{1,5}\]: ?|\[rank:\d{1,5}\] |\[default\d{1,5}\]:|\[\d{1,5},\d{1,5}\]<std(?:out|err)>:"
    r"| {0,3}\d{1,5}: (?=\S)|[\w.-]{1,60}-\d{1,5} {1,20}\| )"
)


def line_at(data: bytes | bytearray, place: int) -> tuple[int, int]:
    """Start and end of the line around a place, or of the part of it that is kept."""
    low, high = max(place - BEFORE, 0), min(place + AFTER, len(data))
    start = max(data.rfind(b"\n", low, place), data.rfind(b"\r", low, place)) + 1 or low
    ends = [end for end in (data.find(b"\n", place, high), data.find(b"\r", place, high)) if end >= 0]
    return start, min(ends, default=high)


def text_of(line: bytes | bytearray) -> str:
    """The line without colours; bytes that are no UTF-8 as their escapes."""
    text = line.decode("utf-8", "backslashreplace")
    return _STYLE.sub("", text) if "\x1b" in text else text


def split_rank(text: str) -> tuple[str, str]:
    """What the launcher put before a line, and the line."""
    match = _RANK.match(text)
    return (match[0].rstrip(), text[match.end() :]) if match else ("", text)
