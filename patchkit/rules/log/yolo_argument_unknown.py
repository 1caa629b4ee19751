"""ultralytics does not know an option of the command.

What         `'...' is not a valid YOLO argument`: the training ended before it began.
Why          Each release has its own options. One that came later, was removed, belongs to a fork or to a patch, or is
             misspelt is refused.
Example      SyntaxError: 'sync_bn' is not a valid YOLO argument.
Fix safety   no fix of the log: leave the option out, or use a release that has it.
References   ultralytics 8.4.190 cfg/__init__.py:683; `patchkit explain unknown-option`.
"""

import re
from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule, Sign
from patchkit.subjects.train_log.command import option_of
from patchkit.subjects.train_log.cures import audit
from patchkit.subjects.train_log.evidence import evidence
from patchkit.subjects.train_log.log import TRAIN_LOG, TrainLog

SIGN = Sign("is not a valid YOLO argument", r"'([^']{1,80})' is not a valid YOLO argument")


def check(log: TrainLog, _: object) -> Iterator[Finding]:
    seen: set[str] = set()
    for line in log.with_sign(SIGN):
        match = re.search(SIGN.pattern, line.text)
        if match is None or match[1] in seen:
            continue
        seen.add(match[1])
        config = option_of(log.command, "cfg")
        yield Finding(
            f"the release of ultralytics has no option {match[1]}",
            log.span(line),
            evidence(line),
            commands=(audit(log, line.run),) if config else ("pip install --upgrade ultralytics", audit(log, line.run)),
        )


RULE = Rule(
    __name__,
    Severity.ERROR,
    (TRAIN_LOG,),
    check,
    (
        Example(
            "SyntaxError: 'bacth' is not a valid YOLO argument. Similar arguments are i.e. ['batch=16'].\n",
            "SyntaxError: invalid syntax\n",
        ),
    ),
    signs=(SIGN,),
)
