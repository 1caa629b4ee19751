"""Warm-up has fewer than 100 iterations.

What         min(`warmup_epochs`, epochs - 1) * ceil(images / batch) is below 100, in a release that lets it be.
Why          Up to 8.4.102 warm-up lasted 100 iterations at least. Since 8.4.103 it lasts its epochs and no more, and
             at most all but one of the training: on a small data set with the large batch of several GPUs these are a
             few dozen steps, and the learning rate and momentum jump to their full values.
Example      `warmup_epochs: 3.0` with 2,000 images and batch 256: 8 iterations an epoch, 24 in all.
Fix safety   safe: as many whole epochs as make 100 iterations, which is what the earlier releases did. No fix where
             the training itself is too short.
References   ultralytics 8.4.102 ultralytics/engine/trainer.py:398 against 8.4.103, line 251; in 8.4.190 lines
             276-279.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Fix, Severity, Skipped
from patchkit.recipes.surroundings import Surroundings
from patchkit.recipes.warmup import FLOOR, epochs_for_floor, steps_per_epoch
from patchkit.rule import Example, Rule
from patchkit.subjects.config import MODEL, TRAIN, TrainConfig

KEY = "warmup_epochs"


def check(config: TrainConfig, around: Surroundings) -> Iterator[Finding | Skipped]:
    warmup, epochs = config.number(KEY), config.number("epochs")
    if config.release.has_warmup_floor or warmup is None or warmup <= 0 or epochs is None:
        return
    steps = steps_per_epoch(config, around)
    if steps is None:
        missing = (
            "how many images there are: give --images, or a data yaml whose images are on this machine"
            if not around.images
            else f"how many images a step has: batch is {config.value('batch')}"
        )
        yield Skipped(f"nothing says {missing}")
        return
    iterations = round(min(warmup, max(epochs - 1, 0)) * steps)
    if iterations >= FLOOR:
        return
    needed = epochs_for_floor(config, around)
    message = (
        f"warm-up has {iterations} iterations: {KEY} {warmup:g}, {config.origin(KEY)}, of {epochs:g} epochs "
        f"with {steps} iterations each ({around.images or 0:,} images, batch {config.batch}); "
        f"{FLOOR} were the least before 8.4.103{'' if needed else '; the training is too short for them'}"
    )
    fix = Fix(f"{KEY}: {needed:g}", {KEY: needed}) if needed else None
    evidence = f"{config.release.label}, BaseTrainer._get_warmup_iterations (in 8.4.190 engine/trainer.py:276-279)"
    yield Finding(message, config.span(KEY), evidence, fix)


RULE = Rule(
    __name__,
    Severity.WARNING,
    (TRAIN, MODEL),
    check,
    (
        Example(
            "model: yolov10x.yaml\nbatch: 256\nwarmup_epochs: 3.0\n",
            "model: yolov10x.yaml\nbatch: 256\nwarmup_epochs: 13.0\n",
            {"gpus": 8, "images": 2000},
        ),
    ),
)
