"""cuBLAS refused a call.

What         `CUBLAS_STATUS_INVALID_VALUE`, `NOT_SUPPORTED` or `ARCH_MISMATCH` in another call than a matrix-vector
             product, or in one that is not told.
Why          Most often the library that was loaded is not the one that torch was built with: LD_LIBRARY_PATH leads to
             another CUDA, or a second nvidia-cublas was installed. Less often the GPU is too new or too old for it.
Example      CUDA error: CUBLAS_STATUS_INVALID_VALUE when calling `cublasGemmEx( handle, opa, opb, m, n, k, ...)`
Fix safety   no fix of the log. Start it without LD_LIBRARY_PATH, or install torch anew.
References   pytorch/pytorch#88038, #95668; ultralytics/ultralytics#693.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule, Sign
from patchkit.subjects.train_log.cures import DOCTOR, again
from patchkit.subjects.train_log.first_line import at_first_line
from patchkit.subjects.train_log.lines import HANDLED
from patchkit.subjects.train_log.log import TRAIN_LOG, TrainLog

SIGNS = (
    Sign(
        "CUBLAS_STATUS_",
        r"CUDA error: CUBLAS_STATUS_INVALID_VALUE(?! when calling|.{0,60}cublas[SDH]gemv)"
        r"|CUBLAS_STATUS_(?:INVALID_VALUE|NOT_SUPPORTED|ARCH_MISMATCH) when calling (?![`'\"]?cublas[SDH]gemv)",
        HANDLED,
    ),
)


def check(log: TrainLog, _: object) -> Iterator[Finding]:
    return at_first_line(
        log,
        SIGNS,
        "cuBLAS refused a call: the library that was loaded may not be the one that torch was built with",
        DOCTOR,
        again(log, "LD_LIBRARY_PATH="),
    )


RULE = Rule(
    __name__,
    Severity.ERROR,
    (TRAIN_LOG,),
    check,
    (
        Example(
            "RuntimeError: CUDA error: CUBLAS_STATUS_INVALID_VALUE when calling `cublasGemmEx( handle, opa, opb, m)`\n",
            "RuntimeError: CUDA error: invalid argument\n",
        ),
    ),
    signs=SIGNS,
)
