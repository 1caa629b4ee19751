"""One finding for a failure, at the first line that tells of it: what follows tells of the same."""

from collections.abc import Callable, Iterator

from patchkit.findings import Finding
from patchkit.rule import Sign
from patchkit.subjects.train_log.cures import blocking, check_data, trainer_at
from patchkit.subjects.train_log.evidence import evidence
from patchkit.subjects.train_log.log import Line, TrainLog
from patchkit.subjects.train_log.traceback import Traceback


def at_first_line(log: TrainLog, signs: tuple[Sign, ...], message: str, *commands: str) -> Iterator[Finding]:
    """The finding at the first line with one of the signs, if there is one."""
    for line in log.with_sign(*signs)[:1]:
        yield Finding(message, log.span(line), evidence(line, log.raised_after(line)), commands=commands)


def at_first_bad_index(
    log: TrainLog, on_gpu: Sign, on_cpu: Sign, is_in_loss: Callable[[Traceback], bool], message: str, trainer: str
) -> Iterator[Finding]:
    """The finding at the first index out of bounds: of any kernel on the GPU, of a loss on the CPU.

    trainer   who trains if the log does not tell
    """
    on_cpu_in_loss = [line for line in log.with_sign(on_cpu) if _is_raised(log, line, is_in_loss)]
    for line in sorted([*log.with_sign(on_gpu), *on_cpu_in_loss], key=lambda line: line.place)[:1]:
        raised = log.raised_after(line)
        seen = evidence(line, raised)
        if raised is not None and raised.traceback.is_at_own_index and not is_in_loss(raised.traceback):
            what = f"{message}; the traceback stops at an index of your own code, if its frames are right"
            commands = (blocking(log),)
        else:
            what = f"{message}; in a loss the index is a label that is no class"
            commands = (check_data(log, line.run, trainer_at(log, line, trainer)),)
        yield Finding(what, log.span(line), seen, commands=commands)


def _is_raised(log: TrainLog, line: Line, is_in_loss: Callable[[Traceback], bool]) -> bool:
    """An index out of bounds says nothing about labels where no loss is computed."""
    raised = log.raised_at(line.number)
    return raised is not None and is_in_loss(raised.traceback)
