"""cuBLAS refused a matrix-vector product.

What         `CUBLAS_STATUS_INVALID_VALUE when calling cublasSgemv`: the product of a matrix and a vector was not
             started.
Why          The decode of the distribution in the loss of YOLO is such a product. Some pairs of torch and cuBLAS
             refuse its shape; another cuBLAS than torch was built with, found first by LD_LIBRARY_PATH, and a GPU that
             is full end the same way.
Example      RuntimeError: CUDA error: CUBLAS_STATUS_INVALID_VALUE when calling `cublasSgemv(handle, op, m, n, ...)`
Fix safety   no fix of the log. The decode can be computed without cuBLAS, with the same result.
References   THU-MIG/yolov10#151, #209; bubbliiiing/yolov8-pytorch#40; pytorch/pytorch#73967: torch.mv alone.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule, Sign
from patchkit.subjects.train_log.cures import DOCTOR, smaller_batch
from patchkit.subjects.train_log.first_line import at_first_line
from patchkit.subjects.train_log.lines import HANDLED
from patchkit.subjects.train_log.log import TRAIN_LOG, TrainLog

SIGNS = (
    Sign(
        "CUBLAS_STATUS_",
        r"CUBLAS_STATUS_(?:INVALID_VALUE|NOT_SUPPORTED).{0,60}cublas[SDH]gemv",
        HANDLED,
    ),
)


def check(log: TrainLog, _: object) -> Iterator[Finding]:
    return at_first_line(log, SIGNS, "cuBLAS refused a product of a matrix and a vector", DOCTOR, smaller_batch(log))


RULE = Rule(
    __name__,
    Severity.ERROR,
    (TRAIN_LOG,),
    check,
    (
        Example(
            "RuntimeError: CUDA error: CUBLAS_STATUS_INVALID_VALUE when calling `cublasSgemv(handle, op, m, n)`\n",
            "RuntimeError: CUDA error: invalid argument\n",
        ),
    ),
    signs=SIGNS,
)
