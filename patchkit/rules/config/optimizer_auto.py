"""The optimizer is left to the release.

What         `optimizer` is `auto`, the default since 8.0.114.
Why          `auto` ignores `lr0` and sets `warmup_bias_lr` to 0. Its choice hangs on the release and on the number of
             iterations, ceil(images / max(batch, nbs)) * epochs: the same file trains with another optimizer on more
             GPUs with a larger batch, on less data, or after an upgrade. args.yaml still says `auto` and the `lr0` of
             the file.

                               above 10,000 iterations    up to 10,000
             8.0.113           SGD, lr 0.01 (above 6,000) NAdam, lr 0.001
             8.0.114 - 8.3.x   SGD, lr 0.01               AdamW, lr 0.01 / (4 + classes)
             8.4.0 - 8.4.2     SGD, lr 0.01               MuSGD, lr 0.01 / (4 + classes)
             8.4.3 - 8.4.7     MuSGD, lr 0.01             MuSGD, lr 0.01 / (4 + classes)
             8.4.8 and later   MuSGD, lr 0.01             AdamW, lr 0.01 / (4 + classes)

             The momentum of `auto` is 0.9, but SGD and MuSGD keep it only without a warm-up, which leads to the
             `momentum` of the file. The authors of YOLOv10 ran `auto` when it was SGD with lr 0.01 for a long run,
             which their logs show by a bias learning rate that starts at 0; a release that takes MuSGD does not
             repeat it.
Example      `optimizer: auto` for yolov10x on 8.4: MuSGD, where the recipe is SGD.
Fix safety   safe with a recipe: sets its optimizer. Unsafe without: SGD, which then runs with the `lr0` of the file.
             No fix where the release does not take the optimizer of the recipe.
References   arXiv:2405.14458, Table 14; ultralytics 8.4.190 ultralytics/engine/trainer.py:326, 1177-1186, 538.
"""

import math
from collections.abc import Iterator

from patchkit.findings import Finding, Fix, Severity
from patchkit.recipes.surroundings import Surroundings
from patchkit.rule import Example, Rule
from patchkit.rules.config.optimizer_unknown import spelled
from patchkit.subjects.config import MODEL, TRAIN, TrainConfig
from patchkit.subjects.release import Release

SHORT_RUN = (((8, 4, 8), "AdamW"), ((8, 4, 0), "MuSGD"), ((8, 0, 114), "AdamW"), ((8, 0, 113), "NAdam"))


def check(config: TrainConfig, around: Surroundings) -> Iterator[Finding]:
    release = config.release
    if not config.is_auto:
        return
    message = (
        f"optimizer is auto, {config.origin('optimizer')}: lr0 {config.value('lr0')} is ignored, "
        "warmup_bias_lr becomes 0, and the optimizer is built with momentum 0.9 (warm-up leads it to "
        f"{config.value('momentum')}, but never for AdamW); "
        f"{_choice(config, around)}"
    )
    evidence = f"{release.label}, BaseTrainer.build_optimizer (in 8.4.190 ultralytics/engine/trainer.py:1177-1186)"
    yield Finding(message, config.span("optimizer"), evidence, _fix(config, around))


def _choice(config: TrainConfig, around: Surroundings) -> str:
    """What the release takes, for this training if its length is known."""
    release = config.release
    limit = _limit(release)
    long, short = release.long_run_optimizer, _short_run_optimizer(release)
    iterations = _iterations(config, around)
    if iterations is not None:
        taken = long if iterations > limit else short
        return f"{release.label} takes {taken} for {iterations:,} iterations ({long} above {limit:,}, else {short})"
    return f"{release.label} takes {long} for more than {limit:,} iterations, else {short}"


def _limit(release: Release) -> int:
    return 6_000 if release.number < (8, 0, 114) else 10_000


def _short_run_optimizer(release: Release) -> str:
    return next(name for first, name in SHORT_RUN if release.number >= first)


def _iterations(config: TrainConfig, around: Surroundings) -> int | None:
    """Steps of the whole training as `auto` counts them."""
    epochs, nbs = config.number("epochs"), config.number("nbs")
    if around.images is None or config.batch is None or epochs is None or nbs is None:
        return None
    return math.ceil(around.images / max(config.batch, nbs)) * int(epochs)


def _fix(config: TrainConfig, around: Surroundings) -> Fix | None:
    wanted = around.recipe.values.get("optimizer") if around.recipe else None
    name = spelled(config.release, wanted or "SGD")
    if name is None or name == "auto":
        return None
    return Fix(f"optimizer: {name}", {"optimizer": name}, safe=wanted is not None)


RULE = Rule(
    __name__,
    Severity.WARNING,
    (TRAIN, MODEL),
    check,
    (
        Example("model: yolov10x.yaml\noptimizer: auto\n", "model: yolov10x.yaml\noptimizer: SGD\n"),
        Example("model: yolo11x.yaml\noptimizer: auto\n", "model: yolo11x.yaml\noptimizer: SGD\n"),
    ),
)
