"""The diagnosis of logs from end to end."""

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import BinaryIO

from patchkit.diagnose.patch_command import apply_command
from patchkit.diagnose.rank import Diagnosis, ranked
from patchkit.diagnose.symptoms import Match, Symptom, matches_in, symptoms_of
from patchkit.errors import SourceUnreadable, UnknownRule
from patchkit.findings import Finding, Report, Severity, Skipped
from patchkit.patching.packs import Room, all_rooms
from patchkit.rule import Rule, Sign, load_rules, run
from patchkit.rules.log.device_assert import ASSERTION
from patchkit.subjects.train_log.cures import blocking
from patchkit.subjects.train_log.evidence import evidence, numbers_in
from patchkit.subjects.train_log.log import Raised, TrainLog, read_train_log

PACKAGE = "patchkit.rules.log"
STDIN = "-"


@dataclass(frozen=True)
class Diagnosed:
    """Logs with what was recognised in them, the root causes first."""

    logs: tuple[TrainLog, ...]
    diagnoses: tuple[Diagnosis, ...]
    skipped: tuple[Skipped, ...]
    rules: tuple[Rule, ...]

    @property
    def report(self) -> Report:
        return Report(tuple(diagnosis.finding for diagnosis in self.diagnoses), self.skipped)

    @property
    def last_raised(self) -> tuple[TrainLog, Raised] | None:
        """The last traceback of the last log that has one."""
        return next(((log, log.raised[-1]) for log in reversed(self.logs) if log.raised), None)


def diagnose(
    paths: Sequence[str], stdin: BinaryIO | None, select: Sequence[str] = (), ignore: Sequence[str] = ()
) -> Diagnosed:
    """Read logs, and say what they show.

    Raises   SourceUnreadable; UnknownRule; BrokenPack.
    """
    rules, rooms = _chosen(load_rules(PACKAGE), all_rooms(), select, ignore)
    symptoms, skipped = symptoms_of(rooms)
    signs = [ASSERTION, *(sign for rule in rules for sign in rule.signs), *(one.sign for one in symptoms)]
    logs = []
    diagnoses: list[Diagnosis] = []
    for path in dict.fromkeys(paths):
        log = _read(path, stdin, signs)
        logs.append(log)
        found, left = _diagnosed(log, rules, symptoms)
        diagnoses += found
        skipped += left
    order = {log.path: index for index, log in enumerate(logs)}
    may_follow = {rule.id for rule in rules if rule.may_follow}
    return Diagnosed(tuple(logs), ranked(diagnoses, order, may_follow), tuple(dict.fromkeys(skipped)), tuple(rules))


def _chosen(
    rules: Sequence[Rule], rooms: Sequence[Room], select: Sequence[str], ignore: Sequence[str]
) -> tuple[list[Rule], list[Room]]:
    """What is selected, all by default. The id of a patch stands for its symptoms.

    Raises   UnknownRule.
    """
    ids = {*(rule.id for rule in rules), *(room.id for room in rooms)}
    for id in (*select, *ignore):
        if id not in ids:
            near = get_close_matches(id, ids, n=1, cutoff=0.5)
            hint = f"did you mean '{near[0]}'?" if near else f"rules: {', '.join(sorted(ids))}"
            raise UnknownRule(f"no rule is called '{id}'", hint)
    wanted = (set(select) or ids) - set(ignore)
    return [rule for rule in rules if rule.id in wanted], [room for room in rooms if room.id in wanted]


def _read(path: str, stdin: BinaryIO | None, signs: list[Sign]) -> TrainLog:
    name = "<stdin>" if path == STDIN else path
    try:
        with _opened(path, stdin) as stream:
            return read_train_log(stream, name, signs)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SourceUnreadable(f"{name}: {reason}", "name a log that can be read, or - for stdin") from error


def _opened(path: str, stdin: BinaryIO | None) -> AbstractContextManager[BinaryIO]:
    """Raises   OSError; SourceUnreadable where stdin was closed before the command started."""
    if path != STDIN:
        return open(path, "rb", buffering=0)  # noqa: PTH123 - the path is shown as it was given
    if stdin is None:
        raise SourceUnreadable("<stdin>: it is closed", "name a log, or give one to stdin")
    return nullcontext(stdin)


def _diagnosed(
    log: TrainLog, rules: Sequence[Rule], symptoms: Sequence[Symptom]
) -> tuple[list[Diagnosis], list[Skipped]]:
    """What the rules find, and the patches that cure it; then the patches whose symptom no rule knows."""
    whys = {rule.id: _why(rule) for rule in rules}
    general = {rule.id for rule in rules if rule.is_general}
    report = run(rules, log, None)
    diagnoses = [Diagnosis(finding, whys[finding.rule]) for finding in report.findings]
    skipped = [*report.skipped, *_given_up(log, rules)]
    for match in matches_in(log, symptoms):
        if isinstance(match, Skipped):
            skipped.append(match)
            continue
        command = apply_command(match.room, match.raised)
        index = _about(diagnoses, match)
        if index is None:
            diagnoses.append(_of_room(log, match, command))
        else:
            finding = diagnoses[index].finding
            if not match.is_sure and match.seen.number != finding.location.line:
                continue  # the rule knows better: an assertion says more than the error that came of it
            is_first = match.is_sure or match.raised is None or finding.rule not in general
            commands = (command, *finding.commands) if is_first else (*finding.commands, command)
            cured = replace(finding, commands=commands)
            diagnoses[index] = replace(diagnoses[index], finding=cured)
    return [replace(one, finding=_with_rerun(log, one.finding)) for one in diagnoses], skipped


def _given_up(log: TrainLog, rules: Sequence[Rule]) -> list[Skipped]:
    """The rules that a log as large as this one left unanswered: they are not said to have found nothing."""
    return [
        Skipped(f"given up in {log.path}: it takes too long; diagnose a part of the log", rule.id)
        for rule in rules
        if any(sign in log.slow for sign in rule.signs)
    ]


def _why(rule: Rule) -> str:
    """The section of that name in the documentation of a rule."""
    section = re.search(r"^Why {2,}(.*?)^\w", rule.documentation, re.MULTILINE | re.DOTALL)
    return " ".join(section[1].split()) if section else ""


def _about(diagnoses: Sequence[Diagnosis], match: Match) -> int | None:
    """Which finding stands at what led to a room, else which has it in its evidence; None if there is none."""
    number = match.seen.last if isinstance(match.seen, Raised) else match.seen.number
    at = (index for index, one in enumerate(diagnoses) if one.finding.location.line == number)
    holding = (index for index, one in enumerate(diagnoses) if match.seen.number in numbers_in(one.finding.evidence))
    return next(at, next(holding, None))


def _of_room(log: TrainLog, match: Match, command: str) -> Diagnosis:
    """A finding for a symptom that no rule knows, from what the room says of it."""
    manifest = match.room.manifest
    finding = Finding(
        f"a symptom of what patch {manifest.id} mends: {manifest.title}",
        log.span(match.seen),
        evidence(match.seen, match.raised),
        severity=Severity(manifest.severity),
        rule=manifest.id,
        commands=(command,),
    )
    cause = match.room.readme.partition("## Cause")[2].strip().partition("\n\n")[0]
    return Diagnosis(finding, " ".join(cause.split()))


def _with_rerun(log: TrainLog, finding: Finding) -> Finding:
    """The second command is to run again, where the traceback of a finding may be wrong."""
    seen = numbers_in(finding.evidence)
    is_asynchronous = any(one.number in seen and one.traceback.is_asynchronous for one in log.raised)
    again = blocking(log)
    if not is_asynchronous or again in finding.commands:
        return finding
    return replace(finding, commands=(*finding.commands[:1], again, *finding.commands[1:]))
