"""The learning rate of the command is ignored.

What         ultralytics prints `'optimizer=auto' found, ignoring 'lr0=...'`.
Why          `optimizer` is `auto` unless it is given, and `auto` takes a learning rate and, in most releases, a
             momentum of its own. Whoever has set `lr0`, or tunes it, trains with another one. A note where lr0 has its
             default: then nothing that was wanted is lost.
Example      optimizer: 'optimizer=auto' found, ignoring 'lr0=0.001' and 'momentum=0.937' and determining best ...
Fix safety   no fix of the log: give `optimizer=SGD` beside lr0.
References   ultralytics 8.4.190 engine/trainer.py:1177-1186; `patchkit explain optimizer-auto`.
"""

import re
from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule, Sign
from patchkit.subjects.train_log.cures import audit
from patchkit.subjects.train_log.evidence import evidence
from patchkit.subjects.train_log.log import TRAIN_LOG, TrainLog

SIGN = Sign("ignoring 'lr0", r"ignoring 'lr0=([\w.+-]{1,30})'")
DEFAULT = 0.01  # of every release


def check(log: TrainLog, _: object) -> Iterator[Finding]:
    seen: set[str] = set()
    for line in log.with_sign(SIGN):
        match = re.search(SIGN.pattern, line.text)
        if match is None or match[1] in seen:
            continue
        seen.add(match[1])
        severity = Severity.NOTE if _number(match[1]) == DEFAULT else Severity.WARNING
        yield Finding(
            f"lr0 {match[1]} is not used: optimizer=auto takes a learning rate of its own",
            log.span(line),
            evidence(line),
            severity=severity,
            commands=(audit(log, line.run),),
        )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


RULE = Rule(
    __name__,
    Severity.WARNING,
    (TRAIN_LOG,),
    check,
    (
        Example(
            "optimizer: 'optimizer=auto' found, ignoring 'lr0=0.001' and 'momentum=0.937' and determining best 'lr0'\n",
            "optimizer: SGD(lr=0.001, momentum=0.937) with parameter groups 57 weight(decay=0.0)\n",
        ),
    ),
    signs=(SIGN,),
)
