"""The nominal batch size is not 64.

What         `nbs` differs from 64, the default of every release and what all recipes are made for.
Why          It is no batch size. Gradients are accumulated up to `nbs` images, and weight decay is multiplied by
             batch * accumulate / nbs. Setting it to the batch of several GPUs, as the name invites, divides weight
             decay.
Example      `nbs: 256` at batch 256: weight decay 0.0005 stays 0.0005, where it would be 0.002 with 64.
Fix safety   unsafe: the weight decay changes. No fix where the number of accumulated images would change too, as
             `lr0` belongs to it, or where the batch is not known.
References   ultralytics 8.4.190 ultralytics/engine/trainer.py:321-322.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Fix, Severity
from patchkit.recipes.surroundings import Surroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.config import MODEL, TRAIN, TrainConfig

NOMINAL = 64


def check(config: TrainConfig, _: Surroundings) -> Iterator[Finding]:
    nbs = config.number("nbs")
    if nbs is None or nbs <= 0 or nbs == NOMINAL:
        return
    message = f"nbs is {nbs:g}, {config.origin('nbs')}, not {NOMINAL}: accumulation and weight decay change"
    fix = None
    if config.batch is not None:
        found, usual = _accumulated(config.batch, nbs), _accumulated(config.batch, NOMINAL)
        message += (
            f"; at batch {config.batch} a step has {found} images (with {NOMINAL}: {usual}), "
            f"and weight decay is multiplied by {found / nbs:g} (with {NOMINAL}: {usual / NOMINAL:g})"
        )
        if found == usual:
            fix = Fix(f"nbs: {NOMINAL}", {"nbs": NOMINAL}, safe=False)
    evidence = "accumulate = max(round(nbs / batch), 1), in 8.4.190 ultralytics/engine/trainer.py:321-322"
    yield Finding(message, config.span("nbs"), evidence, fix)


def _accumulated(batch: int, nbs: float) -> int:
    """Images a step of the optimizer."""
    return batch * max(round(nbs / batch), 1)


RULE = Rule(
    __name__,
    Severity.WARNING,
    (TRAIN, MODEL),
    check,
    (
        Example(
            "model: yolov10x.yaml\nbatch: 256\nnbs: 256\n", "model: yolov10x.yaml\nbatch: 256\nnbs: 64\n", {"gpus": 8}
        ),
    ),
)
