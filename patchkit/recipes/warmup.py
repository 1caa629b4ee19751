"""How long warm-up has to be for 100 iterations, where the release itself sees to no such floor.

Source   ultralytics 8.4.102 engine/trainer.py:398 (the floor); 8.4.190 engine/trainer.py:276-279 (none, and at most
         all but one of the epochs).
"""

import math

from patchkit.recipes.surroundings import Surroundings
from patchkit.subjects.config import TrainConfig

FLOOR = 100  # iterations of warm-up at least, up to 8.4.102


def steps_per_epoch(config: TrainConfig, around: Surroundings) -> int | None:
    """Iterations of an epoch; None if the images or the batch are not known."""
    return math.ceil(around.images / config.batch) if around.images and config.batch is not None else None


def epochs_for_floor(config: TrainConfig, around: Surroundings) -> float | None:
    """Whole epochs of warm-up that have FLOOR iterations; None where nobody can tell, or the training is too short."""
    steps, epochs = steps_per_epoch(config, around), config.number("epochs")
    if config.release.has_warmup_floor or steps is None or epochs is None:
        return None
    needed = math.ceil(FLOOR / steps)
    return float(needed) if needed <= epochs - 1 else None
