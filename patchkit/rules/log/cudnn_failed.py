"""A kernel of cuDNN failed while it ran.

What         `CUDNN_STATUS_EXECUTION_FAILED`, `MAPPING_ERROR` or `BAD_PARAM`.
Why          The GPU was in an error already, most often from an index out of bounds in an earlier kernel; or cuDNN
             does not fit to torch or to the GPU. The frames are those of the call that noticed.
Example      RuntimeError: cuDNN error: CUDNN_STATUS_EXECUTION_FAILED
Fix safety   no fix of the log. Run it again with CUDA_LAUNCH_BLOCKING=1: then the first failure is the one that is
             told.
References   https://docs.nvidia.com/deeplearning/cudnn: cudnnStatus_t; pytorch/pytorch#27588.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule, Sign
from patchkit.subjects.train_log.cures import DOCTOR, blocking
from patchkit.subjects.train_log.first_line import at_first_line
from patchkit.subjects.train_log.lines import HANDLED
from patchkit.subjects.train_log.log import TRAIN_LOG, TrainLog

SIGNS = (Sign("CUDNN_STATUS_", r"CUDNN_STATUS_(?:EXECUTION_FAILED|MAPPING_ERROR|BAD_PARAM)", HANDLED),)


def check(log: TrainLog, _: object) -> Iterator[Finding]:
    return at_first_line(
        log,
        SIGNS,
        "a kernel of cuDNN failed while it ran: an earlier call may have left the GPU in an error",
        blocking(log),
        DOCTOR,
    )


RULE = Rule(
    __name__,
    Severity.ERROR,
    (TRAIN_LOG,),
    check,
    (
        Example(
            "RuntimeError: cuDNN error: CUDNN_STATUS_EXECUTION_FAILED\n",
            "RuntimeError: CUDA error: an illegal memory access was encountered\n",
        ),
    ),
    signs=SIGNS,
    may_follow=True,
)
