"""The batch cannot be shared evenly among the GPUs.

What         `batch` is no multiple of the number of GPUs on all nodes.
Why          Each rank gets batch // world_size images. Up to ultralytics 8.3.203 the training is refused; from 8.3.204
             it runs on fewer images than the file says, while accumulation and weight decay count with the full number.
Example      `batch: 256` with --gpus 3: 85 images on each GPU, 255 a step.
Fix safety   unsafe: the next lower multiple; a larger one may be wanted, and the learning rate follows the batch.
References   ultralytics 8.1.0, utils/torch_utils.py:140; ultralytics 8.3.200, engine/trainer.py:318.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Fix, Severity
from patchkit.recipes.surroundings import Surroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.config import MODEL, TRAIN, TrainConfig

CHECKED_BEFORE = (8, 3, 204)


def check(config: TrainConfig, around: Surroundings) -> Iterator[Finding]:
    batch, processes = config.batch, around.processes
    if batch is None or batch % processes == 0:
        return
    share = batch // processes
    lower = max(share, 1) * processes
    if config.release.number < CHECKED_BEFORE:
        consequence = f"{config.release.label} refuses it"
    else:
        consequence = f"each rank gets {batch} // {processes} = {share} images, {share * processes} a step"
    message = f"batch is {batch}, {config.origin('batch')}, no multiple of {processes} GPUs: {consequence}"
    evidence = (
        "ultralytics 8.1.0, utils/torch_utils.py:140 (refused); 8.3.204 and later have no check: batch // world_size"
    )
    yield Finding(message, config.span("batch"), evidence, Fix(f"batch: {lower}", {"batch": lower}, safe=False))


RULE = Rule(
    __name__,
    Severity.ERROR,
    (TRAIN, MODEL),
    check,
    (
        Example("batch: 256\n", "batch: 255\n", {"gpus": 3}),
        Example("batch: 5  # of all GPUs\n", "batch: 8  # of all GPUs\n", {"gpus": 8}),
    ),
)
