"""A label is outside of the classes of Paddle's cross entropy.

What         `(OutOfRange) label value should less than the shape of axis dimension`, on a GPU `The value of label
             expected >= 0`.
Why          In PP-YOLOE the classes are the bins of a distance: a wrong selection on the GPU, NaN, or a distance
             beyond `reg_max` asks for a bin that does not exist. Elsewhere the label of an object is not below
             num_classes.
Example      IndexError: (OutOfRange) label value should less than the shape of axis dimension when label value(28)
Fix safety   no fix of the log. An upgrade of paddle mends the selection; the labels and the learning rate must be
             looked at as well.
References   PaddleDetection#8205; PaddleOCR#8932; Paddle paddle/phi/kernels/gpu/cross_entropy_kernel.cu.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule, Sign
from patchkit.subjects.train_log.cures import audit, check_data, trainer_at
from patchkit.subjects.train_log.evidence import evidence
from patchkit.subjects.train_log.log import TRAIN_LOG, TrainLog

SIGNS = (
    Sign("OutOfRange", r"\(OutOfRange\) label value should less than the shape of axis dimension"),
    Sign("Assertion", r"Assertion .{0,160} failed\. The value of label(?:\[\d{1,9}\])? expected >= "),
)


def check(log: TrainLog, _: object) -> Iterator[Finding]:
    for line in log.with_sign(*SIGNS)[:1]:
        yield Finding(
            "a label is outside of what cross entropy was given classes for",
            log.span(line),
            evidence(line, log.raised_after(line)),
            commands=(
                check_data(log, line.run, trainer_at(log, line, "paddledetection")),
                audit(log, line.run),
                "pip install --upgrade 'paddlepaddle-gpu>=2.6.1'",
            ),
        )


RULE = Rule(
    __name__,
    Severity.ERROR,
    (TRAIN_LOG,),
    check,
    (
        Example(
            "IndexError: (OutOfRange) label value should less than the shape of axis dimension when label value(28)\n",
            "IndexError: (OutOfRange) The index is out of bounds, please check whether the dimensions of index\n",
        ),
        Example(
            "Error: /paddle/paddle/phi/kernels/gpu/cross_entropy_kernel.cu:1008 Assertion `false` failed. "
            "The value of label expected >= 0 and < 7, or == -100, but got 15. Please check label value.\n",
            "Error: Assertion `false` failed.\n",
        ),
    ),
    signs=SIGNS,
)
