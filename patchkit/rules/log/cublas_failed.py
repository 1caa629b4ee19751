"""A kernel of cuBLAS failed while it ran.

What         `CUBLAS_STATUS_EXECUTION_FAILED`, `INTERNAL_ERROR` or `MAPPING_ERROR`.
Why          The GPU was in an error already, most often from an index out of bounds in an earlier kernel, or from
             memory that was written outside of its bounds. The frames are those of the call that noticed.
Example      RuntimeError: CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm( handle, opa, opb, m,
             n)`
Fix safety   no fix of the log. Run it again with CUDA_LAUNCH_BLOCKING=1: then the first failure is the one that is
             told.
References   https://docs.nvidia.com/cuda/cublas/#cublasstatus-t; pytorch/pytorch#21819.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule, Sign
from patchkit.subjects.train_log.cures import DOCTOR, blocking
from patchkit.subjects.train_log.first_line import at_first_line
from patchkit.subjects.train_log.lines import HANDLED
from patchkit.subjects.train_log.log import TRAIN_LOG, TrainLog

SIGNS = (Sign("CUBLAS_STATUS_", r"CUBLAS_STATUS_(?:EXECUTION_FAILED|INTERNAL_ERROR|MAPPING_ERROR)", HANDLED),)


def check(log: TrainLog, _: object) -> Iterator[Finding]:
    return at_first_line(
        log,
        SIGNS,
        "a kernel of cuBLAS failed while it ran: an earlier call may have left the GPU in an error",
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
            "RuntimeError: CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm( handle, opa, m)`\n",
            "RuntimeError: CUDA error: an illegal memory access was encountered\n",
        ),
    ),
    signs=SIGNS,
    may_follow=True,
)
