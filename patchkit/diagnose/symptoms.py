"""The symptoms in the manifests of patch rooms: what leads from a log to a patch.

A symptom is looked for in every line, and in every traceback as a whole: the assertions of the GPU in the same run,
the frames, the exception with its message. So `index out of bounds[\\s\\S]*in compute_loss` is an assertion in one
function.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import process_time

from patchkit.diagnose.patterns import fault_of, literal_of
from patchkit.findings import Skipped
from patchkit.patching.manifest import SiteRef
from patchkit.patching.packs import Room
from patchkit.rule import Sign
from patchkit.rules.log.device_assert import ASSERTION
from patchkit.subjects.train_log.log import PATIENCE, Line, Raised, TrainLog
from patchkit.subjects.train_log.traceback import Frame, Traceback

ANY = "device-side assert triggered"  # what a symptom holds that does not say which assertion failed
LONGEST = 8000  # letters of a traceback, from its end


@dataclass(frozen=True)
class Symptom:
    """One symptom of a room."""

    room: Room
    sign: Sign


@dataclass(frozen=True)
class Match:
    """A room whose symptom a log shows."""

    room: Room
    seen: Line | Raised
    raised: Raised | None  # the traceback that it belongs to
    is_sure: bool  # the frames lead to the patch, or the symptom spans a traceback


def symptoms_of(rooms: Sequence[Room]) -> tuple[list[Symptom], list[Skipped]]:
    """The symptoms that a log can be searched for, and why others cannot."""
    symptoms, skipped = [], []
    for room in rooms:
        for pattern in room.manifest.symptoms:
            fault, literal = fault_of(pattern), literal_of(pattern)
            if fault is None and literal is None:
                fault = "no text of four letters stands in every match"
            if fault is not None or literal is None:
                skipped.append(Skipped(f"the symptom {pattern!r} is not looked for: {fault}", room.id))
            else:
                symptoms.append(Symptom(room, Sign(literal, pattern)))
    return symptoms, skipped


def matches_in(log: TrainLog, symptoms: Sequence[Symptom]) -> Iterator[Match | Skipped]:
    """The rooms that a log leads to, each once: where it is sure, else in a line, else first."""
    found: dict[str, Match] = {}
    for symptom in symptoms:
        room = symptom.room
        if symptom.sign in log.slow:
            yield _too_slow(symptom)
            continue
        matches = [*_in_lines(log, symptom)]
        in_tracebacks = _in_tracebacks(log, symptom)
        if isinstance(in_tracebacks, Skipped):
            yield in_tracebacks
        else:
            matches += in_tracebacks
        for match in matches:
            if _is_denied(log, match, symptom, symptoms):
                continue
            if room.id not in found or _order(match) < _order(found[room.id]):
                found[room.id] = match
    yield from found.values()


def _is_denied(log: TrainLog, match: Match, symptom: Symptom, symptoms: Sequence[Symptom]) -> bool:
    """True where the error alone led to a room, and the log holds an assertion that the room does not know."""
    if ANY not in symptom.sign.pattern:
        return False
    lines = [line for line in log.with_sign(ASSERTION) if line.run == match.seen.run]
    known = [one.sign for one in symptoms if one.room == symptom.room and ANY not in one.sign.pattern]
    return not {line.place for line in lines} <= {line.place for line in log.with_sign(*known)}


def _order(match: Match) -> tuple[bool, bool, int]:
    return not match.is_sure, isinstance(match.seen, Raised), match.seen.number


def _too_slow(symptom: Symptom) -> Skipped:
    return Skipped(f"the symptom {symptom.sign.pattern!r} was given up: it takes too long", symptom.room.id)


def _in_lines(log: TrainLog, symptom: Symptom) -> Iterator[Match]:
    for line in log.with_sign(symptom.sign):
        raised = log.raised_at(line.number)
        if raised is None and "Assertion " in line.text:
            raised = log.raised_after(line)
        agrees = bearing(raised.traceback, symptom.room) if raised is not None else None
        if agrees is not False:
            yield Match(symptom.room, line, raised, is_sure=agrees is True)


def _in_tracebacks(log: TrainLog, symptom: Symptom) -> list[Match] | Skipped:
    pattern = re.compile(symptom.sign.pattern)
    in_line = bool(log.with_sign(symptom.sign))
    started, matches = process_time(), []
    for raised in log.raised:
        if pattern.search(_told(log, raised)):
            agrees = bearing(raised.traceback, symptom.room)
            if agrees is not False:
                matches.append(Match(symptom.room, raised, raised, is_sure=agrees is True or not in_line))
        if process_time() - started > PATIENCE:
            return _too_slow(symptom)
    return matches


def _told(log: TrainLog, raised: Raised) -> str:
    """A traceback with the assertions of its run, each kind once."""
    lines = [line for line in log.with_sign(ASSERTION) if line.run == raised.run]
    assertions = dict.fromkeys("Assertion " + line.text.partition("Assertion ")[2] for line in lines)
    return "\n".join([*assertions, raised.traceback.text[-LONGEST:]])


def bearing(traceback: Traceback, room: Room) -> bool | None:
    """Whether the frames lead to what a patch changes: True, False if they lead elsewhere, None if they do not tell.

    Frames of an asynchronous error may be wrong, but not as to whose loop it is. A patch for no package is one for the
    user's own code: the call that led into torch must be there.
    """
    callers = [frame for frame in traceback.frames if not frame.is_in_torch]
    if not callers:
        return False if room.manifest.distributions and not traceback.is_asynchronous else None
    if not room.manifest.distributions:
        return False if callers[-1].is_library else None
    sites = [site for target in room.manifest.targets for site in target.sites]
    if any(_is_at(frame, sites) for frame in callers):
        return True
    is_open = traceback.is_asynchronous and not callers[-1].is_library and not traceback.is_at_own_index
    return None if is_open else False


def _is_at(frame: Frame, sites: Sequence[SiteRef]) -> bool:
    """True for a call of a function of the sites, or in a file of that name."""
    function = re.split(r"[(\s]", frame.function, maxsplit=1)[0].rpartition(".")[2]
    name = frame.file.replace("\\", "/").rpartition("/")[2]
    return any(function == site.symbol.rpartition(".")[2] or name == site.file.rpartition("/")[2] for site in sites)
