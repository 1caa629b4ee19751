"""cuDNN found no memory.

What         `CUDNN_STATUS_NOT_INITIALIZED`, `ALLOC_FAILED` or `INTERNAL_ERROR`, `Unable to find a valid cuDNN
             algorithm`, or `unable to find an engine to execute this computation`.
Why          cuDNN needs a workspace for each convolution, beside the memory that torch holds. Where the GPU is full it
             finds no algorithm that fits, and reports this in place of `out of memory`. Libraries that do not fit
             together, and an error of an earlier kernel, end the same way.
Example      RuntimeError: cuDNN error: CUDNN_STATUS_NOT_INITIALIZED
Fix safety   no fix of the log. Take a smaller batch, and look with nvidia-smi for other processes on the GPU.
References   haotian-liu/LLaVA#392, tinyvision/DAMO-YOLO#20: a smaller batch helped.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule, Sign
from patchkit.subjects.train_log.cures import DOCTOR, blocking, smaller_batch
from patchkit.subjects.train_log.first_line import at_first_line
from patchkit.subjects.train_log.lines import HANDLED
from patchkit.subjects.train_log.log import TRAIN_LOG, TrainLog

SIGNS = (
    Sign("CUDNN_STATUS_", r"CUDNN_STATUS_(?:NOT_INITIALIZED|ALLOC_FAILED|INTERNAL_ERROR)", HANDLED),
    Sign("cuDNN algorithm", r"Unable to find a valid cuDNN algorithm"),
    Sign("RuntimeError: ", r"RuntimeError: (?:GET was )?unable to find an engine to execute this computation"),
)


def check(log: TrainLog, _: object) -> Iterator[Finding]:
    return at_first_line(
        log,
        SIGNS,
        "cuDNN could not start: the memory of the GPU is full, or an error came before",
        smaller_batch(log),
        DOCTOR,
        blocking(log),
    )


RULE = Rule(
    __name__,
    Severity.ERROR,
    (TRAIN_LOG,),
    check,
    (
        Example(
            "RuntimeError: cuDNN error: CUDNN_STATUS_NOT_INITIALIZED\n",
            "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB\n",
        ),
        Example(
            "RuntimeError: GET was unable to find an engine to execute this computation\n",
            "RuntimeError: unable to find a font\n",
        ),
    ),
    signs=SIGNS,
    may_follow=True,
)
