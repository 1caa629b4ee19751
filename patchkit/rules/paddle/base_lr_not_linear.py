"""The learning rate does not follow the batch and the GPUs.

What         `LearningRate.base_lr` is more than 1 % away from lr * (batch * GPUs) / (default batch * default GPUs).
             The batch is `TrainReader.batch_size` of the yml, which counts for each GPU. The defaults are those that
             the configuration was published with, known by the name of the file, of its `weights`, or of a base.
Why          PaddleDetection never scales `base_lr`. A yml made for 8 GPUs has a learning rate eight times too large on
             one: the loss becomes NaN, or a target of -1 fails in the DFL. On more GPUs it is too small, and the AP
             stays below the table. The batch is that of the yml: README_legacy.md of PP-YOLOE says 32, 28, 20 and 16,
             while its configurations have 8.
             For momentum and SGD only; an Adam divides the gradient by its own size.
Example      `base_lr: 0.01` of ppyoloe_crn_l_300e_coco on 4 GPUs with 8 images each: 0.01 * (8 * 4) / (8 * 8) = 0.005.
Fix safety   safe: sets the value of the rule, to 6 digits, in the file itself; a base stays as it is.
References   configs/ppyoloe/README.md of PaddleDetection, note on the learning rate; arXiv:1706.02677;
             PaddlePaddle/PaddleDetection#6093, #6380.
"""

import math
from collections.abc import Iterator

from patchkit.findings import Finding, Fix, Severity, Skipped
from patchkit.recipes.linear import LinearRule
from patchkit.recipes.paddle import find_paddle_recipe
from patchkit.recipes.surroundings import PaddleSurroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.paddle.config import PADDLE, PaddleConfig

KEY = "LearningRate.base_lr"
OPTIMIZER = "OptimizerBuilder.optimizer.type"
TOLERANCE = 0.01


def check(config: PaddleConfig, around: PaddleSurroundings) -> Iterator[Finding | Skipped]:
    found, batch = config.number(KEY), config.number("TrainReader.batch_size")
    reason = _why_not(config, around, found, batch)
    if reason is not None:
        yield Skipped(reason)
    if reason is not None or found is None or batch is None or around.keeps_lr:
        return
    scaled = _scaled(config, around, int(batch))
    if scaled is None:
        yield Skipped("no default learning rate and batch are known for a configuration of this name")
        return
    wanted, arithmetic, evidence = scaled
    if math.isclose(found, wanted, rel_tol=TOLERANCE):
        return
    message = (
        f"{KEY} is {found:g}, {config.origin(KEY)}; {around.processes} GPUs with {int(batch)} images each need "
        f"{wanted:g}: {arithmetic}"
    )
    yield Finding(message, config.span(KEY), evidence, Fix(f"{KEY}: {wanted:g}", {KEY: wanted}))


def _why_not(config: PaddleConfig, around: PaddleSurroundings, found: float | None, batch: float | None) -> str | None:
    optimizer = str(config.value(OPTIMIZER))
    if around.keeps_lr:
        return None
    if not around.gpus_are_given:
        return "a yml of PaddleDetection does not say on how many GPUs it runs: give --gpus"
    if optimizer not in ("Momentum", "SGD"):
        return f"the optimizer is {optimizer}, for which the linear rule does not hold"
    if found is None:
        return f"{KEY} is {config.value(KEY)!r}, which is no number"
    if batch is None or batch < 1:
        return f"TrainReader.batch_size is {config.value('TrainReader.batch_size')!r}"
    return None


def _scaled(config: PaddleConfig, around: PaddleSurroundings, batch: int) -> tuple[float, str, str] | None:
    """The learning rate of the rule, how it was computed, and where its base is known from."""
    images = batch * around.processes
    if around.linear is not None:
        scaled = around.linear.scaled(images, images)
        base = f"base_lr {around.linear.base_lr:g} at batch {around.linear.base_batch}, as given"
        return scaled.lr0, scaled.arithmetic, f"{base}; linear scaling: arXiv:1706.02677"
    recipe = find_paddle_recipe(config.names)
    if recipe is None:
        return None
    linear = LinearRule(recipe.base_lr, recipe.batch * recipe.gpus, math.inf)
    arithmetic = f"{recipe.base_lr:g} * ({batch} * {around.processes}) / ({recipe.batch} * {recipe.gpus})"
    return linear.scaled(images, images).lr0, arithmetic, f"{recipe.name}: {recipe.source}"


_HEAD = "weights: output/ppyoloe_crn_l_300e_coco/model_final\n"

RULE = Rule(
    __name__,
    Severity.WARNING,
    (PADDLE,),
    check,
    (
        Example(
            f"{_HEAD}LearningRate:\n  base_lr: 0.01\nTrainReader:\n  batch_size: 8\n",
            f"{_HEAD}LearningRate:\n  base_lr: 0.005\nTrainReader:\n  batch_size: 8\n",
            {"gpus": 4},
        ),
        Example(
            "weights: output/ppyoloe_plus_crn_x_80e_coco/model_final\nTrainReader: {batch_size: 16}\n",
            "weights: output/ppyoloe_plus_crn_x_80e_coco/model_final\nTrainReader: {batch_size: 16}\n"
            "LearningRate:\n  base_lr: 0.002\n",
            {"gpus": 8},
        ),
    ),
)
