"""An index on the GPU is out of bounds.

What         `index out of bounds` failed in IndexKernel: a tensor was indexed with a number that it does not have.
Why          In the loss of a detector that number is a label. One that is not below the number of classes reads past
             the scores; RetinaNet sets its one-hot targets by label, YOLO picks scores by label. Every later call on
             this GPU fails too, so the frames of the traceback need not be those of the bad index.
Example      Assertion `index >= -sizes[i] && index < sizes[i] && "index out of bounds"` failed.
Fix safety   no fix of the log. The labels must be mended, or the number of classes.
References   pytorch/pytorch aten/src/ATen/native/cuda/IndexKernel.cu; mlcommons/training#785; ultralytics#4160,
             #13486.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule, Sign
from patchkit.subjects.train_log.cures import check_data, trainer_at
from patchkit.subjects.train_log.evidence import evidence
from patchkit.subjects.train_log.log import TRAIN_LOG, TrainLog

# The order of the two comparisons changed in torch 2.2.
SIGN = Sign(
    "Assertion",
    r'Assertion [`\'"]?(?:index >= -sizes\[i\]|-sizes\[i\] <= index) && index < sizes\[i\] && "index out of bounds"',
)


def check(log: TrainLog, _: object) -> Iterator[Finding]:
    for line in log.with_sign(SIGN)[:1]:
        yield Finding(
            "a tensor was indexed out of its bounds on the GPU; in a loss the index is a label that is no class",
            log.span(line),
            evidence(line, log.raised_after(line)),
            commands=(check_data(log, line.run, trainer_at(log, line, "torchvision")),),
        )


BAD = """\
../aten/src/ATen/native/cuda/IndexKernel.cu:92: operator(): block: [496,0,0], thread: [64,0,0] \
Assertion `{0} && index < sizes[i] && "index out of bounds"` failed.
"""

RULE = Rule(
    __name__,
    Severity.ERROR,
    (TRAIN_LOG,),
    check,
    (
        Example(BAD.format("index >= -sizes[i]"), "IndexError: list index out of range\n"),
        Example(BAD.format("-sizes[i] <= index"), "AssertionError: index out of bounds\n"),
    ),
    signs=(SIGN,),
    is_general=True,
)
