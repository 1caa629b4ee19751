"""Tracebacks of Python and of IPython, as a log holds them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice

from patchkit.subjects.train_log.lines import split_rank, text_of

HEAD = "Traceback (most recent call last)"
LONGEST = 1 << 16  # bytes
ROWS = 1500  # lines
FRAMES = 200
WIDEST = 500  # letters of a line
MESSAGE = 8  # lines of the message of an exception after its first
_GOES_ON = re.compile(
    r"^(?: |\[Hint|Search for |CUDA kernel errors|For debugging consider|Compile with|Device-side assert)"
)
_TIME = re.compile(r"\d\d:\d\d:\d\d(?:[.,]\d{1,9})?")
NEAR = 12  # lines from the head on in which the first call is looked for
FOREIGN = 3  # lines of other writers between the frames and the exception

_FRAME = re.compile(r'^  File "([^"]{1,400})", line (\d{1,9})(?:, in (.{1,200}))?')
_ERROR = re.compile(r"^(?:[A-Za-z_]\w{0,80}\.){0,8}[A-Za-z_]\w{0,80}(?:: |:?\s*$)")
# IPython 7: `path in function(arguments)`; 8: `File path:line, in function(arguments)`, `Cell In[3], line 5`.
_CELL = re.compile(
    r"^(?:File )?((?:[~/.<]|[A-Za-z]:\\|Cell In|Input In)[^:]{0,400}?)(?::(\d{1,9}))?,?"
    r"(?: line (\d{1,9})| in (.{1,200}))"
)
_ARROW = re.compile(r"^-{1,8}> ?(\d{1,9})(.*)")
_RULE = re.compile(r"^(?:\w{0,80}(?:Error|Exception|Interrupt|Exit|Iteration)\b)")
_LOOKED_UP = re.compile(r"[\w\])]\[[\s:,.]{0,20}[A-Za-z_]")  # x[index], and neither x[0] nor x["name"]
_LIBRARY = ("site-packages", "dist-packages", "/lib/python", "<frozen ")


@dataclass(frozen=True)
class Frame:
    """One call; the last of a traceback is where the exception was raised."""

    file: str
    line: int  # 0 where it is not told
    function: str
    code: str

    @property
    def is_library(self) -> bool:
        """True for code that was installed, as far as the path tells."""
        return any(part in self.file.replace("\\", "/") for part in _LIBRARY)

    @property
    def is_in_torch(self) -> bool:
        return "-packages/torch/" in self.file.replace("\\", "/")


@dataclass(frozen=True)
class Traceback:
    """One traceback, without what the launcher put before its lines."""

    frames: tuple[Frame, ...]
    error: str  # RuntimeError: CUDA error: ...
    message: tuple[str, ...]  # the lines of the exception after the first
    end: int  # where the first line of the exception ends, in the data that it was read from
    stop: int  # where its last one does

    @property
    def text(self) -> str:
        """As Python prints it."""
        lines = [f"{HEAD}:"]
        for frame in self.frames:
            lines += [f'  File "{frame.file}", line {frame.line}, in {frame.function}', f"    {frame.code}"]
        return "\n".join([*lines, self.error, *self.message])

    @property
    def is_asynchronous(self) -> bool:
        """True if the exception says that it may have been raised elsewhere."""
        return any("asynchronously reported" in line for line in self.message)

    @property
    def is_at_own_index(self) -> bool:
        """True if the last call that is not torch's own is no library's, and looks up what a variable names."""
        callers = [frame for frame in self.frames if not frame.is_in_torch]
        return bool(callers and not callers[-1].is_library and _LOOKED_UP.search(callers[-1].code))

    def holds(self, *words: str) -> bool:
        return any(word in self.text for word in words)


def traceback_at(data: bytes | bytearray, place: int) -> Traceback | None:
    """The traceback whose head is at a place; None if it is one of C++."""
    lines = _lines(data, place)
    head, _ = next(lines, ("", 0))
    before = head.partition(HEAD)[0]
    if "C++" in before:
        return None
    return _notebook(lines, place) if _RULE.fullmatch(before.strip()) else _plain(lines, place)


def _lines(data: bytes | bytearray, place: int) -> Iterator[tuple[str, int]]:
    """The line of the head and those after it from the same process, each with its end."""
    first = max(data.rfind(b"\n", max(place - WIDEST, 0), place) + 1, place - WIDEST)
    first = max(first, data.rfind(b"\r", first, place) + 1)
    before = text_of(data[first:place])
    rows: Iterator[tuple[str, int]] = islice(_rows(data, first, min(place + LONGEST, len(data))), ROWS)
    if before:
        prefix = _prefix(before)
        head = [next(rows, ("", 0)) for _ in range(NEAR)]
        if any((match := prefix.match(text)) and _FRAME.match(text[match.end() :]) for text, _ in head[1:]):
            for text, end in chain(head, rows):
                if match := prefix.match(text):
                    yield text[match.end() :][:WIDEST], end
            return
        rows = chain((row for row in head if row[1]), rows)
    rank, _ = split_rank(before + HEAD)
    for line, end in rows:
        own, text = split_rank(line)
        if own == rank or (not rank and own.endswith(":") and not own.startswith("[")):
            yield (text if own == rank else f"{own} {text}")[:WIDEST], end


def _prefix(before: str) -> "re.Pattern[str]":
    """What stands before each line, as it does before the head, but for the time of day."""
    return re.compile(_TIME.pattern.join(re.escape(part) for part in _TIME.split(before)))


def _rows(data: bytes | bytearray, first: int, last: int) -> Iterator[tuple[str, int]]:
    """Each line as a terminal shows it, with its end."""
    while first < last:
        end = data.find(b"\n", first, last)
        end = last if end < 0 else end
        # What a progress bar wrote before it went back to the start of the line is gone.
        begin = data.rfind(b"\r", first, max(end - 1, first)) + 1 or first
        yield text_of(data[begin : min(end, begin + 4 * WIDEST)]).rstrip("\r"), end
        first = end + 1


def _plain(lines: Iterator[tuple[str, int]], place: int) -> Traceback | None:
    frames: list[Frame] = []
    foreign, end = 0, place
    for text, end in lines:
        if match := _FRAME.match(text):
            if len(frames) < FRAMES:
                frames.append(Frame(match[1], int(match[2]), (match[3] or "").strip(), ""))
        elif text.startswith("    ") and frames:
            if not frames[-1].code and text.strip(" ^~"):
                frames[-1] = Frame(frames[-1].file, frames[-1].line, frames[-1].function, text.strip())
        elif text.startswith("  ") or not text.strip():
            continue
        elif _ERROR.match(text):
            return _ended(frames, text, lines, end)
        else:
            foreign += 1
            if foreign > FOREIGN:
                break
    return Traceback(tuple(frames), "", (), end, end) if frames else None


def _notebook(lines: Iterator[tuple[str, int]], place: int) -> Traceback | None:
    frames: list[Frame] = []
    end = place
    for text, end in lines:
        if (match := _ARROW.match(text)) and frames:
            frames[-1] = Frame(frames[-1].file, int(match[1]), frames[-1].function, match[2].strip())
        elif match := _CELL.match(text):
            if len(frames) < FRAMES:
                line = int(match[2] or match[3] or 0)
                frames.append(Frame(match[1].strip(), line, (match[4] or "<module>").strip(), ""))
        elif _RULE.match(text):
            return _ended(frames, text, lines, end)
    return Traceback(tuple(frames), "", (), end, end) if frames else None


def _ended(frames: list[Frame], error: str, lines: Iterator[tuple[str, int]], end: int) -> Traceback | None:
    """A traceback with its exception. Without a frame it is none: a name can stand alone in a line."""
    message: list[str] = []
    stop = end
    for text, after in lines:
        if not _GOES_ON.match(text) or not text.strip() or len(message) == MESSAGE:
            break
        message.append(text)
        stop = after
    return Traceback(tuple(frames), error.strip(), tuple(message), end, stop) if frames else None
