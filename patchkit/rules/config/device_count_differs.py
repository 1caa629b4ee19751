"""`device` names another number of GPUs than the training is to have.

What         The file names GPUs with `device`, and `--gpus` gives another number of them.
Why          The world size is the number of entries of `device`: with `device: 0` one GPU trains whatever is installed,
             and batch, learning rate and batch normalisation are audited for a training that does not take place.
Example      `device: [0, 1, 2, 3]` with --gpus 8.
Fix safety   no fix: either of the two numbers can be the wrong one.
References   ultralytics 8.3.200, engine/trainer.py:179; ultralytics 8.4.190, engine/trainer.py:190 and
             utils/torch_utils.py:208.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.recipes.surroundings import Surroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.config import TRAIN, TrainConfig
from patchkit.subjects.devices import named_gpus

EVIDENCE = "ultralytics 8.3.200, engine/trainer.py:179: the world size is the number of entries of device"


def check(config: TrainConfig, around: Surroundings) -> Iterator[Finding]:
    named = named_gpus(config.value("device"))
    if not around.gpus_are_given or named is None or named == around.gpus:
        return
    message = (
        f"device is {config.value('device')}, {config.origin('device')}: {_counted(named)}, but the training is to "
        f"have {_counted(around.gpus)}{' on each node' if around.nodes > 1 else ''}"
    )
    yield Finding(message, config.span("device"), EVIDENCE)


def _counted(gpus: int) -> str:
    return {0: "no GPU", 1: "1 GPU"}.get(gpus, f"{gpus} GPUs")


RULE = Rule(
    __name__,
    Severity.ERROR,
    (TRAIN,),
    check,
    (
        Example("device: 0\n", "device: [0, 1, 2, 3, 4, 5, 6, 7]\n", {"gpus": 8}),
        Example("device: '0,1,2'\n", "device: '0,1'\n", {"gpus": 2}),
        Example("device: cpu\n", "device:\n", {"gpus": 2}),
        Example("device: [-1, -1]\n", "device: -1\n", {"gpus": 1}),
    ),
)
