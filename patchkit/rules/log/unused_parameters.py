"""Parameters were left without a gradient under DDP.

What         `Expected to have finished reduction in the prior iteration before starting a new one`.
Why          DDP waits for a gradient of every parameter. Where a rank has a batch whose loss does not touch a part of
             the model, such as a batch without any object, it waits in vain, or the other ranks hang.
Example      RuntimeError: Expected to have finished reduction in the prior iteration before starting a new one.
Fix safety   no fix of the log. `find_unused_parameters=True` helps at a cost in speed; better is a loss of zero that
             is still connected.
References   https://pytorch.org/docs/stable/generated/torch.nn.parallel.DistributedDataParallel.html
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule, Sign
from patchkit.subjects.train_log.cures import again, check_data, trainer_at
from patchkit.subjects.train_log.evidence import evidence
from patchkit.subjects.train_log.log import TRAIN_LOG, TrainLog

SIGNS = (Sign("Expected to have finished", r"Expected to have finished reduction in the prior iteration"),)


def check(log: TrainLog, _: object) -> Iterator[Finding]:
    for line in log.with_sign(*SIGNS)[:1]:
        yield Finding(
            "parameters of the model got no gradient on some rank, and DDP waited for them",
            log.span(line),
            evidence(line, log.raised_after(line)),
            commands=(
                again(log, "TORCH_DISTRIBUTED_DEBUG=DETAIL"),
                check_data(log, line.run, trainer_at(log, line, "torchvision")),
            ),
        )


RULE = Rule(
    __name__,
    Severity.ERROR,
    (TRAIN_LOG,),
    check,
    (
        Example(
            "RuntimeError: Expected to have finished reduction in the prior iteration before starting a new one.\n",
            "RuntimeError: Expected all tensors to be on the same device\n",
        ),
    ),
    signs=SIGNS,
)
