"""cuBLAS found no memory.

What         `CUBLAS_STATUS_ALLOC_FAILED`, or `CUBLAS_STATUS_NOT_INITIALIZED when calling cublasCreate`.
Why          cuBLAS takes its workspace beside the memory that torch holds. Where the GPU is full it reports this, and
             not `out of memory`. The same message follows an assertion on the GPU, after which nothing works there.
Example      RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`
Fix safety   no fix of the log. Take a smaller batch, and look with nvidia-smi for other processes on the GPU.
References   THU-MIG/yolov10#209; https://docs.nvidia.com/cuda/cublas/#cublasstatus-t.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule, Sign
from patchkit.subjects.train_log.cures import blocking, smaller_batch
from patchkit.subjects.train_log.first_line import at_first_line
from patchkit.subjects.train_log.lines import HANDLED
from patchkit.subjects.train_log.log import TRAIN_LOG, TrainLog

SIGNS = (Sign("CUBLAS_STATUS_", r"CUBLAS_STATUS_(?:ALLOC_FAILED|NOT_INITIALIZED)", HANDLED),)


def check(log: TrainLog, _: object) -> Iterator[Finding]:
    return at_first_line(
        log,
        SIGNS,
        "cuBLAS could not start: the memory of the GPU is full, or an error came before",
        smaller_batch(log),
        blocking(log),
    )


RULE = Rule(
    __name__,
    Severity.ERROR,
    (TRAIN_LOG,),
    check,
    (
        Example(
            "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`\n",
            "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB\n",
        ),
    ),
    signs=SIGNS,
    may_follow=True,
)
