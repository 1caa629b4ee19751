"""A process waited for the others until NCCL timed out.

What         `Watchdog caught collective operation timeout`, the same of Gloo, or no process group or no communicator
             within the time.
Why          A rank did not come to the same operation: it stopped with an error of its own, hangs in its data, or has
             no gradient for a parameter. The timeout tells only who waited. The first error of any rank is the cause.
Example      [Rank 1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=808, OpType=ALLREDUCE, ...)
Fix safety   no fix of the log. Look at the logs of all ranks: `patchkit diagnose` takes several.
References   pytorch/pytorch#118369; ultralytics/ultralytics#15683.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule, Sign
from patchkit.subjects.train_log.cures import again
from patchkit.subjects.train_log.evidence import evidence
from patchkit.subjects.train_log.log import TRAIN_LOG, Line, Raised, TrainLog

SIGNS = (
    Sign("Watchdog caught", r"Watchdog caught collective operation timeout"),
    Sign("Timed out initializing", r"Timed out initializing process group"),
    Sign(
        "setting up NCCL", r"setting up NCCL communicator and retr(?:ie|ei)ving ncclUniqueId .{0,200}[Tt]imed? ?[Oo]ut"
    ),
    Sign("Timed out waiting", r"Timed out waiting \d{1,12}ms for (?:recv|send) operation"),
)
SCAN = Sign("Scanning ", r"(?:train|val|test): .{0,20}Scanning ")
START = Sign("Starting training for", r"Starting training for \d")


def check(log: TrainLog, _: object) -> Iterator[Finding]:
    for line in log.with_sign(*SIGNS)[:1]:
        if scan_before(log, line) is None:
            yield Finding(
                "a process waited for the others until NCCL timed out: another rank failed or hangs",
                log.span(line),
                evidence(line),
                commands=(again(log, "TORCH_DISTRIBUTED_DEBUG=DETAIL NCCL_DEBUG=INFO"),),
            )


def scan_before(log: TrainLog, line: Line) -> Line | Raised | None:
    """The scan that went on at a line, or the call that waited for it; None if the training had begun."""
    waiting = next((one for one in log.raised if one.traceback.holds("torch_distributed_zero_first")), None)
    if waiting is not None:
        return waiting
    scans = [scan for scan in log.with_sign(SCAN) if scan.place < line.place]
    starts = [start for start in log.with_sign(START) if start.place < line.place]
    return scans[-1] if scans and (not starts or starts[-1].place < scans[0].place) else None


RULE = Rule(
    __name__,
    Severity.ERROR,
    (TRAIN_LOG,),
    check,
    (
        Example(
            "[E ProcessGroupNCCL.cpp:607] [Rank 0] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=8)\n",
            "NCCL version 2.20.5+cuda12.4\n",
        ),
    ),
    signs=(*SIGNS, SCAN, START),
    may_follow=True,
)
