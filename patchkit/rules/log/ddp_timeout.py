"""A process waited for the others until NCCL timed out.

What         `Watchdog caught collective operation timeout`, the same of Gloo, or no process group or no communicator
             within the time.
Why          A rank did not come to the same operation: it stopped with an error of its own, hangs in its data, or has
             no gradient for a parameter. The timeout tells only who waited. The first error of any rank is the cause.
Example      [Rank 1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=808, OpType=ALLREDUCE, ...)
Fix safety   no fix of the log. Look at the logs of all ranks: `patchkit diagnose` takes several.
References   pytorch/pytorch#118369; ultralytics/ultralytics#15683.
"""

import re
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
    Sign("DistStoreError: ", r"DistStoreError: (?:Socket Timeout|Timed out)"),
    Sign("Timed out after ", r"Timed out after \d{1,9} seconds waiting for clients"),
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
    scans = [scan for scan in log.with_sign(SCAN) if scan.place < line.place]
    starts = [start for start in log.with_sign(START) if start.place < line.place]
    begun = starts[-1].number if starts else 0
    for one in log.raised:
        if one.run == line.run and one.number > begun and one.traceback.holds("torch_distributed_zero_first"):
            return one
    if not scans or (starts and starts[-1].place > scans[0].place):
        return None
    return None if "100%" in _last_scan(scans[-1], line) else scans[-1]


def _last_scan(kept: Line, line: Line) -> str:
    """What the bar of the scan showed last; of its many states only the first are kept."""
    _, found, last = line.before.rpartition("Scanning ")
    return re.split(r"[\r\n]", last)[0] if found else kept.text


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
