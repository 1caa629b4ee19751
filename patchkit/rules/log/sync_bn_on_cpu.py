"""SyncBatchNorm was given a tensor of the CPU.

What         `SyncBatchNorm expected input tensor to be on GPU`.
Why          SyncBatchNorm of torch trains on GPUs alone. The model was converted, and then it runs on the CPU: no GPU
             is seen, or the device of the command is `cpu`.
Example      ValueError: SyncBatchNorm expected input tensor to be on GPU
Fix safety   no fix of the log. Train on a GPU, or convert the model only where there is one.
References   torch/nn/modules/batchnorm.py, SyncBatchNorm.forward.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule, Sign
from patchkit.subjects.train_log.cures import SEES_GPU
from patchkit.subjects.train_log.evidence import evidence
from patchkit.subjects.train_log.log import TRAIN_LOG, TrainLog

SIGNS = (Sign("SyncBatchNorm expected", r"SyncBatchNorm expected input tensor to be on"),)


def check(log: TrainLog, _: object) -> Iterator[Finding]:
    for line in log.with_sign(*SIGNS)[:1]:
        yield Finding(
            "SyncBatchNorm was given a tensor of the CPU: it trains on GPUs alone",
            log.span(line),
            evidence(line, log.raised_after(line)),
            commands=(SEES_GPU,),
        )


RULE = Rule(
    __name__,
    Severity.ERROR,
    (TRAIN_LOG,),
    check,
    (
        Example(
            "ValueError: SyncBatchNorm expected input tensor to be on GPU\n",
            "ValueError: expected 4D input (got 3D input)\n",
        ),
    ),
    signs=SIGNS,
)
