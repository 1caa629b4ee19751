"""The other processes gave up while one scanned the labels.

What         NCCL timed out, and the last that was printed before is the scan of the labels.
Why          ultralytics scans the labels in one process while the others wait for it, at most as long as the timeout
             of the process group. Millions of labels, or a slow disk, take longer. Once labels.cache is written the
             scan is short.
Example      `Scanning labels/train... 0:00:00`, and hours later `Watchdog caught collective operation timeout`.
Fix safety   no fix of the log: scan once without DDP, then train.
References   ultralytics/ultralytics#16949: 2.27 million images took 1 h 28; 8.4.190 engine/trainer.py:296.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.rules.log.ddp_timeout import SCAN, SIGNS, START, scan_before
from patchkit.subjects.train_log.cures import check_data, scan_once, trainer_of
from patchkit.subjects.train_log.evidence import evidence
from patchkit.subjects.train_log.log import TRAIN_LOG, TrainLog


def check(log: TrainLog, _: object) -> Iterator[Finding]:
    for line in log.with_sign(*SIGNS)[:1]:
        scan = scan_before(log, line)
        if scan is not None:
            yield Finding(
                "the other processes waited for the scan of the labels until NCCL timed out",
                log.span(line),
                evidence(scan, line),
                commands=(
                    scan_once(line.run),
                    check_data(log, line.run, trainer_of(None, line.run, "ultralytics")),
                ),
            )


BAD = """\
train: Scanning /data/labels/train... 812345 images, 120 backgrounds, 0 corrupt:  36%
[rank1]:[E ProcessGroupNCCL.cpp:563] [Rank 1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=1, \
OpType=BROADCAST, NumelIn=1, NumelOut=1, Timeout(ms)=10800000) ran for 10800004 milliseconds before timing out.
"""

RULE = Rule(
    __name__,
    Severity.ERROR,
    (TRAIN_LOG,),
    check,
    (Example(BAD, BAD.partition("[rank1]")[0]),),
    signs=(*SIGNS, SCAN, START),
)
