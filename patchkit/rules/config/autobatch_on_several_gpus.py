"""AutoBatch cannot find the batch for several GPUs.

What         `batch` is below 1, which asks for AutoBatch, and there are several GPUs.
Why          AutoBatch measures the memory of one GPU in a training on one GPU. On several, the releases from 8.2.29
             refuse the training; older ones of 8.1 and 8.2 quietly take 16, 2 images on each of 8 GPUs.
Example      `batch: -1` with --gpus 8.
Fix safety   no fix: which batch fits depends on the memory of the GPUs.
References   ultralytics 8.3.200, utils/torch_utils.py:215 and engine/trainer.py:218; ultralytics 8.1.0,
             engine/trainer.py:195.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.recipes.surroundings import Surroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.config import TRAIN, TrainConfig

REFUSED_FROM = (8, 2, 29)


def check(config: TrainConfig, around: Surroundings) -> Iterator[Finding]:
    batch = config.number("batch")
    if batch is None or batch >= 1 or around.processes == 1:
        return
    refused = config.release.number >= REFUSED_FROM
    message = (
        f"batch is {batch:g}, {config.origin('batch')}: AutoBatch works on one GPU, not on {around.processes}; "
        f"{config.release.label} {'refuses it' if refused else 'does not measure it then'}: name the batch of all "
        f"GPUs together, such as {8 * around.processes}"
    )
    evidence = (
        "ultralytics 8.3.200, utils/torch_utils.py:215 (ValueError)"
        if refused
        else "ultralytics 8.1.0, engine/trainer.py:195 (batch becomes 16) and :281 (measured without ranks only)"
    )
    yield Finding(message, config.span("batch"), evidence)


RULE = Rule(
    __name__,
    Severity.ERROR,
    (TRAIN,),
    check,
    (
        Example("batch: -1\n", "batch: 64\n", {"gpus": 8}),
        Example("batch: 0.7\n", "batch: 64\n", {"gpus": 2}),
    ),
)
