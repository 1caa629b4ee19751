"""A label is no class of the loss.

What         `t >= 0 && t < n_classes` failed on the GPU in nll_loss, or `Target 7 is out of bounds` on the CPU.
Why          Cross entropy takes labels from 0 to the number of classes - 1, and `ignore_index`, which is -100 unless
             it is given. A label of -1, one counted from 1, or more classes than the model has outputs stops the
             kernel.
Example      Assertion `t >= 0 && t < n_classes` failed.
Fix safety   no fix of the log. Find the labels first; to ignore them hides wrong ones.
References   pytorch/pytorch aten/src/ATen/native/cuda/Loss.cu and NLLLoss2d.cu; pytorch/pytorch#18014, #71550.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule, Sign
from patchkit.subjects.train_log.cures import check_data, trainer_at
from patchkit.subjects.train_log.evidence import evidence
from patchkit.subjects.train_log.log import TRAIN_LOG, TrainLog

ON_GPU = Sign("Assertion", r"Assertion [`'\"]?(?:t|cur_target) >= 0 && (?:t|cur_target) < n_classes")
ON_CPU = Sign("IndexError", r"IndexError: Target -?\d{1,20} is out of bounds")


def check(log: TrainLog, _: object) -> Iterator[Finding]:
    for line in log.with_sign(ON_GPU, ON_CPU)[:1]:
        label = line.text.partition("Target ")[2].partition(" ")[0]
        which = f"the label {label}" if label else "a label"
        raised = log.raised_after(line)
        yield Finding(
            f"{which} is none of the classes of the loss",
            log.span(line),
            evidence(line, raised),
            commands=(check_data(log, line.run, trainer_at(log, line)),),
        )


BAD = """\
../aten/src/ATen/native/cuda/Loss.cu:250: nll_loss_forward_reduce_cuda_kernel_2d: block: [0,0,0], thread: [3,0,0] \
Assertion `t >= 0 && t < n_classes` failed.
"""

RULE = Rule(
    __name__,
    Severity.ERROR,
    (TRAIN_LOG,),
    check,
    (
        Example(BAD, "[ Train | 001/080 ] loss = 1.89271, acc = 0.32157\n"),
        Example("IndexError: Target -1 is out of bounds.\n", "IndexError: list index out of range\n"),
    ),
    signs=(ON_GPU, ON_CPU),
)
