"""The log of a training, as rules see it: the lines that they asked for, the tracebacks, the runs."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from time import process_time
from typing import BinaryIO

from patchkit.findings import Span
from patchkit.rule import Sign
from patchkit.subjects.train_log.anchors import PLENTY, SCARCE, Anchors
from patchkit.subjects.train_log.blocks import blocks
from patchkit.subjects.train_log.command import command_in
from patchkit.subjects.train_log.lines import BEFORE, line_at, split_rank, text_of
from patchkit.subjects.train_log.no_text import MUCH, SAMPLE, is_binary, no_text, refuse_compressed
from patchkit.subjects.train_log.traceback import HEAD, LONGEST, ROWS, Traceback, traceback_at
from patchkit.subjects.train_log.ultralytics_run import Run, run_of

TRAIN_LOG = "train-log"
KEPT = 20  # lines of a sign; the first tell what happened
TRACEBACKS = 40
CONTEXT = 2000  # bytes before a line
SEEN = 2000  # letters of a line that patterns look at
SHAPE = (64, 96)  # bytes of a line around an anchor that tell its kind
WORN = 40  # lines of a kind that are looked at; more than are kept
SHAPES = 4096  # kinds that are counted
PATIENCE = 2.0  # seconds of the processor that one pattern may take in a whole log: a busy machine takes none away
# Work is counted in looks at a line that is like many before. There is a stock of it, and each byte of the log adds.
STOCK, BYTES = 80_000, 512
LOW = 60_000  # of the stock: less of what is everywhere is looked for from there on
LINE, LETTERS = 5, 100  # what a line costs, and how many letters that a pattern looks at cost one more
TRACEBACK = 20  # what a traceback costs, and one more for each line
_HEAD, _OPTIONS = HEAD.encode(), b"mode=train"


@dataclass(frozen=True)
class Line:
    """A line that a sign was found in."""

    number: int  # 1-based
    text: str  # without colours and what the launcher put before it
    rank: str
    before: str  # the last lines that were printed before it
    run: Run
    place: int  # bytes of the log before it
    at: int  # where in the text the sign is


@dataclass(frozen=True)
class Raised:
    """A traceback with its place."""

    traceback: Traceback
    number: int  # line of its head
    last: int  # line of its exception
    stop: int  # last line of the message
    run: Run

    @property
    def is_of_cuda(self) -> bool:
        return "CUDA error" in self.traceback.error or "device-side assert" in self.traceback.error


@dataclass(frozen=True)
class TrainLog:
    """What is known of a log. What it keeps is bounded, whatever the size of the log."""

    path: str
    kind: str
    size: int  # bytes
    length: int  # lines
    lines: Mapping[Sign, tuple[Line, ...]]
    raised: tuple[Raised, ...]  # the first TRACEBACKS and the last, those of CUDA before others
    runs: tuple[Run, ...]  # the first and the last of those that print options
    command: str | None
    slow: tuple[Sign, ...] = ()  # those that took too long, and were given up

    def with_sign(self, *signs: Sign) -> list[Line]:
        """The lines with any of the signs, in order; each once."""
        found = {line.place: line for sign in signs for line in self.lines.get(sign, ())}
        return [found[place] for place in sorted(found)]

    def raised_at(self, number: int) -> Raised | None:
        """The traceback that a line is part of."""
        return next((one for one in self.raised if one.number <= number <= one.stop), None)

    def raised_after(self, line: Line) -> Raised | None:
        """The traceback that a line is part of, else the first after it of the same run, else the last before it.

        After an assertion on the GPU it is the first that tells of CUDA, where there is one.
        """
        within = [one for one in self.raised if one.run == line.run]
        later = [one for one in within if one.stop >= line.number]
        if "Assertion " in line.text:
            later = [one for one in later if one.is_of_cuda] or later
        return (self.raised_at(line.number) or next(iter(later), None)) or next(reversed(within), None)

    def span(self, line: Line | Raised) -> Span:
        return Span(self.path, line.number)

    @property
    def run(self) -> Run:
        """The last run."""
        return self.runs[-1] if self.runs else Run()


@dataclass
class _Reading:
    """What is gathered while a log is read."""

    signs: dict[bytes, list[tuple[Sign, "re.Pattern[str]"]]]
    lines: dict[Sign, list[Line]] = field(default_factory=dict)
    raised: list[Raised] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    shapes: dict[bytes, int] = field(default_factory=dict)
    seconds: dict[Sign, float] = field(default_factory=dict)
    work: float = STOCK  # what is left of it
    slow: list[Sign] = field(default_factory=list)

    @property
    def anchors(self) -> Anchors:
        return Anchors([*self.signs, _HEAD, _OPTIONS])


def read_train_log(stream: BinaryIO, path: str, signs: Iterable[Sign]) -> TrainLog:
    """Read a log to its end, and keep what the signs ask for.

    Raises   OSError; SourceUnreadable for what is no text.
    """
    reading = _Reading(_by_anchor(signs))
    anchors = reading.anchors
    size = lines = 0
    binary = 0  # blocks without text, as long as there was none with it
    command = None
    for data, start, end in blocks(stream):
        if not size:
            command = command_in(data)
            refuse_compressed(bytes(data[start : min(start + SAMPLE, end)]), path)
        found = anchors.found(data, start, end, PLENTY if reading.work > LOW else SCARCE)
        if found and _look(reading, data, found, start, (size, lines)):
            anchors = reading.anchors
        size += end - start
        lines += data.count(b"\n", start, end)
        if binary >= 0:
            binary = binary + 1 if is_binary(data, start, end) else -1
            if binary == MUCH and not (reading.raised or any(reading.lines.values())):
                raise no_text(path)
    if binary > 0 and not (reading.raised or any(reading.lines.values())):
        raise no_text(path)
    kept = {sign: tuple(found) for sign, found in reading.lines.items()}
    return TrainLog(
        path, TRAIN_LOG, size, lines, kept, tuple(reading.raised), tuple(reading.runs), command, tuple(reading.slow)
    )


def _by_anchor(signs: Iterable[Sign]) -> dict[bytes, list[tuple[Sign, "re.Pattern[str]"]]]:
    by_anchor: dict[bytes, list[tuple[Sign, re.Pattern[str]]]] = {}
    for sign in dict.fromkeys(signs):
        by_anchor.setdefault(sign.anchor.encode(), []).append((sign, re.compile(sign.pattern)))
    return by_anchor


def _look(
    reading: _Reading, data: bytes | bytearray, found: list[tuple[int, bytes]], start: int, before: tuple[int, int]
) -> bool:
    """Look at the lines of a block that hold anchors; True if an anchor need not be looked for any more."""
    size, number = before
    counted = earned = start
    seen: dict[bytes, int] = {}  # by anchor, up to where the line of the last one was looked at
    is_full = False
    lasts = {anchor: place for place, anchor in found}
    for place, anchor in found:
        if place < seen.get(anchor, start):
            continue
        reading.work = min(reading.work + (place - earned) / BYTES, STOCK)
        earned = place
        if reading.work <= 0 and place != lasts[anchor]:
            continue  # of what is everywhere some lines are enough, and the last of a block
        number += data.count(b"\n", counted, place)
        counted = place
        if anchor == _HEAD:
            seen[anchor] = _keep_traceback(reading, data, place, number + 1)
            reading.work -= TRACEBACK + min(data.count(b"\n", place, place + LONGEST), ROWS)
        elif anchor == _OPTIONS:
            low, seen[anchor] = line_at(data, place)
            reading.work -= LINE + (seen[anchor] - low) / LETTERS
            _keep_run(reading, run_of(text_of(data[low : seen[anchor]]), number + 1))
        elif _is_worn(reading, data, place):
            high = data.find(b"\n", place, place + SHAPE[1] // 2)
            seen[anchor] = place + SHAPE[1] // 2 if high < 0 else high  # the rest of what is worn
            reading.work -= 1
        elif anchor in reading.signs:
            low, high = line_at(data, place)
            patterns = len(reading.signs[anchor])
            is_full |= _keep_line(reading, data, (low, high), anchor, number + 1, size - start)
            seen[anchor] = min(high, max(low + BEFORE, place + SEEN - BEFORE - len(anchor)))
            reading.work -= LINE + (high - low) * patterns / LETTERS
    return is_full


def _is_worn(reading: _Reading, data: bytes | bytearray, place: int) -> bool:
    """True where the same text but for its digits was looked at many times, and nothing was kept for long."""
    shape = bytes(data[place - SHAPE[0] if place > SHAPE[0] else 0 : place + SHAPE[1]].translate(None, b"0123456789"))
    seen = reading.shapes.get(shape, 0)
    if seen < WORN and len(reading.shapes) < SHAPES:
        reading.shapes[shape] = seen + 1
    return seen >= WORN


def _keep_traceback(reading: _Reading, data: bytes | bytearray, place: int, number: int) -> int:
    """Keep the traceback whose head is at a place; where another one may begin."""
    traceback = traceback_at(data, place)
    end = data.find(b"\n", place, place + LONGEST)
    end = place + LONGEST if end < 0 else end
    if traceback is None:
        return end
    if len(reading.raised) > TRACEBACKS:
        others = (index for index in range(TRACEBACKS, 0, -1) if not reading.raised[index].is_of_cuda)
        reading.raised.pop(next(others, TRACEBACKS))
    last, stop = (number + data.count(b"\n", place, end) for end in (traceback.end, traceback.stop))
    reading.raised.append(Raised(traceback, number, last, stop, _run(reading)))
    return end


def _keep_run(reading: _Reading, run: Run) -> None:
    if not run.options:
        return
    if len(reading.runs) > TRACEBACKS:
        reading.runs.pop()
    reading.runs.append(run)


def _run(reading: _Reading) -> Run:
    return reading.runs[-1] if reading.runs else Run()


def _keep_line(
    reading: _Reading, data: bytes | bytearray, ends: tuple[int, int], anchor: bytes, number: int, passed: int
) -> bool:
    """Keep a line for the signs that it has; True if the anchor need not be looked for any more.

    `number` is that of the line, `passed` how many bytes of the log come before the data.
    """
    low, high = ends
    place = passed + low
    rank, text = split_rank(text_of(data[low:high]))
    is_full = False
    for sign, pattern in list(reading.signs[anchor]):
        kept = reading.lines.setdefault(sign, [])
        if kept and kept[-1].place == place:
            continue
        started = process_time()
        match = pattern.search(text[:SEEN])
        if match is not None and sign.unless and re.search(sign.unless, text[:SEEN]):
            match = None
        reading.seconds[sign] = reading.seconds.get(sign, 0.0) + process_time() - started
        if match is not None:
            line = Line(number, text, rank, _context(data, low), _run(reading), place, match.start())
            kept.append(line)
        is_slow = reading.seconds[sign] > PATIENCE
        if is_slow:
            reading.slow.append(sign)
        if is_slow or len(kept) == KEPT:
            reading.signs[anchor].remove((sign, pattern))
            if not reading.signs[anchor]:
                del reading.signs[anchor]
                is_full = True
    return is_full


def _context(data: bytes | bytearray, low: int) -> str:
    return text_of(data[max(low - CONTEXT, 0) : low])
