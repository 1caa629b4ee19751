"""A target of Paddle's cross entropy is outside of its classes.

What         `Target -1 is out of lower bound` or `Target 460 is out of upper bound`: the check of paddle before 2.5.
Why          In PP-YOLOE the classes are the bins of a distance. `masked_select` of some builds, 2.3.2 among them,
             returns foreign values on the GPU; NaN from a learning rate that was not scaled, or from amp with paddle
             2.3, ends the same way. Elsewhere it is a label that is no class.
Example      ValueError: Target -1 is out of lower bound.
Fix safety   no fix of the log. An upgrade of paddle mends masked_select; the learning rate must be looked at as well.
References   PaddleDetection#8963, #6723, #6380, #6093; Paddle#53603.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule, Sign
from patchkit.subjects.train_log.cures import audit, check_data, trainer_at
from patchkit.subjects.train_log.evidence import evidence
from patchkit.subjects.train_log.log import TRAIN_LOG, Raised, TrainLog

SIGNS = (
    Sign("ValueError: Target", r"ValueError: Target -?\d{1,20} is out of (?:lower|upper) bound"),
    Sign("ValueError: Target", r"ValueError: Target\(Tensor\(.{0,300}"),
    Sign("ValueError: label should", r"ValueError: label should not out of bound"),
)


def check(log: TrainLog, _: object) -> Iterator[Finding]:
    for line in log.with_sign(*SIGNS)[:1]:
        raised = log.raised_after(line)
        upgrade = "pip install --upgrade 'paddlepaddle-gpu>=2.6.1'"
        yield Finding(
            "a target is outside of what cross entropy was given classes for",
            log.span(line),
            evidence(line, raised),
            commands=(check_data(log, line.run, "crossentropy"), upgrade)
            if raised is not None and _is_of_other_code(raised)
            else (upgrade, audit(log, line.run), check_data(log, line.run, trainer_at(log, line, "paddledetection"))),
        )


def _is_of_other_code(raised: Raised) -> bool:
    """True where the loss was called by code that is none of PaddleDetection: there are no bins of distances."""
    frames = raised.traceback.frames
    is_own = any(not frame.is_library for frame in frames)
    return is_own and not any("ppdet" in frame.file for frame in frames)


RULE = Rule(
    __name__,
    Severity.ERROR,
    (TRAIN_LOG,),
    check,
    (
        Example("ValueError: Target -1 is out of lower bound.\n", "ValueError: Target size must be 4\n"),
        Example("ValueError: Target 460 is out of upper bound.\n", "ValueError: too many values to unpack\n"),
    ),
    signs=SIGNS,
)
