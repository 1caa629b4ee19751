"""The symptoms in the manifests of patch rooms: what leads from a log to a patch.

A symptom is looked for in every line, and in every traceback as a whole: the assertions of the GPU in the same run, the
frames, the exception with its message. So `index out of bounds[\\s\\S]*in compute_loss` is an assertion in one function.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter

from patchkit.diagnose.patterns import fault_of, literal_of
from patchkit.findings import Skipped
from patchkit.patching.packs import Room
from patchkit.rule import Sign
from patchkit.rules.log.device_assert import ASSERTION
from patchkit.subjects.train_log.log import PATIENCE, Line, Raised, TrainLog
from patchkit.subjects.train_log.traceback import Traceback

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
    """The rooms that a log leads to, each once, at the first place."""
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
            if room.id not in found or match.seen.number < found[room.id].seen.number:
                found[room.id] = match
    yield from found.values()


def _too_slow(symptom: Symptom) -> Skipped:
    return Skipped(f"the symptom {symptom.sign.pattern!r} was given up: it takes too long", symptom.room.id)


def _in_lines(log: TrainLog, symptom: Symptom) -> Iterator[Match]:
    for line in log.with_sign(symptom.sign):
        raised = log.raised_after(line)
        if raised is None or raised is not log.raised_at(line.number) or _agrees(raised.traceback, symptom.room):
            yield Match(symptom.room, line, raised)


def _in_tracebacks(log: TrainLog, symptom: Symptom) -> list[Match] | Skipped:
    pattern = re.compile(symptom.sign.pattern)
    started, matches = perf_counter(), []
    for raised in log.raised:
        if pattern.search(_told(log, raised)) and _agrees(raised.traceback, symptom.room):
            matches.append(Match(symptom.room, raised, raised))
        if perf_counter() - started > PATIENCE:
            return _too_slow(symptom)
    return matches


def _told(log: TrainLog, raised: Raised) -> str:
    """A traceback with the assertions of its run, each kind once."""
    lines = [line for line in log.with_sign(ASSERTION) if line.run == raised.run]
    assertions = dict.fromkeys("Assertion " + line.text.partition("Assertion ")[2] for line in lines)
    return "\n".join([*assertions, raised.traceback.text[-LONGEST:]])


def _agrees(traceback: Traceback, room: Room) -> bool:
    """False if the frames lead elsewhere than to what the patch changes. Frames that may be wrong say nothing."""
    sites = [site for target in room.manifest.targets for site in target.sites]
    if not sites or not traceback.frames or traceback.is_asynchronous:
        return True
    functions = {site.symbol.rpartition(".")[2] for site in sites}
    names = {site.file.rpartition("/")[2] for site in sites}
    for frame in traceback.frames:
        function = re.split(r"[(\s]", frame.function, maxsplit=1)[0].rpartition(".")[2]
        if function in functions or frame.file.replace("\\", "/").rpartition("/")[2] in names:
            return True
    return False
