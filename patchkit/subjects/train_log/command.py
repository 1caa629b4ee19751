"""How a training was started, where its log shows it."""

import re
import shlex

from patchkit.subjects.train_log.lines import split_rank, text_of

HEAD = 1 << 16  # bytes: the command comes before what it prints
_PROMPT = r"(?:[^$#>%]{0,120}[$#%>] {1,3}|\+ )"
_SETTING = r"(?:[A-Za-z_]\w{0,60}=\S{0,200} ){0,12}"
_START = r"(?:nohup |time |srun )?"
_PROGRAM = (
    r"(?:\S{0,200}/)?(?:python[\d.]{0,5} (?:-\w |-m \S{1,80} |--?\S{1,80} ){0,12}\S{1,300}\.py|torchrun \S|yolo \S)"
)
_PROMPTED = re.compile(rf"^{_PROMPT}({_SETTING}{_START}(?:{_PROGRAM}|\S{{0,200}}python[\d.]{{0,5}} -m \S).{{0,2000}})")
_BARE = re.compile(rf"^({_SETTING}{_START}{_PROGRAM}.{{0,2000}})")
_TRAINS = re.compile(r"train|torchrun|launch|distributed|fit")


def command_in(head: bytes | bytearray) -> str | None:
    """The first command that looks as if it started a training."""
    for line in head[:HEAD].splitlines()[:400]:
        text = split_rank(text_of(line[:4000]))[1]
        match = _PROMPTED.match(text) or _BARE.match(text)
        command = _alone(match[1]) if match else None
        if command and _TRAINS.search(command):
            return command
    return None


def _alone(line: str) -> str | None:
    """The first command of a line, without what its output goes to; None if the shell would run more within it.

    To run it again must not write over the log, and must not do what else stood in that line.
    """
    quote, end = "", len(line)
    letters = iter(enumerate(line))
    for place, letter in letters:
        if letter == "\\" and quote != "'":
            next(letters, None)
        elif quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "|&;<>":
            end = place
            break
    command = line[:end]
    if line[end : end + 1] in ("<", ">"):
        command = re.sub(r"\s\d$", "", command)  # which output it is
    return None if quote or "`" in command or "$(" in command else command.strip()


def option_of(command: str | None, *names: str) -> str | None:
    """The value of an option, as `-c FILE` or `--config=FILE`; None if it is not given."""
    try:
        words = shlex.split(command or "")
    except ValueError:  # a quote that is not closed
        return None
    for word, value in zip(words, [*words, ""][1:], strict=True):
        name, found, rest = word.partition("=")
        if name in names:
            return rest if found else value or None
    return None
