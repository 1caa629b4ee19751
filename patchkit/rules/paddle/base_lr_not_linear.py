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
Fix safety   safe: sets the value of the rule, to 6 digits, in the file itself; a base stays as it is. Unsafe where a
             file sets base_lr itself over the configuration that is known: it may be meant. If it is not the
             published value, as in a fine-tuning, the batch that it is for is not known: no more than a note.
References   configs/ppyoloe/README.md of PaddleDetection, note on the learning rate; arXiv:1706.02677;
             PaddlePaddle/PaddleDetection#6093, #6380.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from patchkit.findings import Finding, Fix, Severity, Skipped
from patchkit.recipes.linear import LinearRule
from patchkit.recipes.paddle import PaddleRecipe, find_paddle_recipe
from patchkit.recipes.surroundings import PaddleSurroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.paddle.config import MOST, PADDLE, PaddleConfig

KEY = "LearningRate.base_lr"
BATCH = "TrainReader.batch_size"
OPTIMIZER = "OptimizerBuilder.optimizer.type"
TOLERANCE = 0.01


def check(config: PaddleConfig, around: PaddleSurroundings) -> Iterator[Finding | Skipped]:
    if around.keeps_lr:
        return
    reason = _why_not(config, around)
    if reason is not None:
        yield Skipped(reason)
        return
    found, batch = config.number(KEY), config.batch
    assert found is not None and batch is not None  # else there is a reason
    reference = _reference(config, around, batch)
    if reference is None:
        yield Skipped("no default learning rate and batch are known for a configuration of this name")
        return
    wanted = reference.wanted
    if math.isclose(found, wanted, rel_tol=TOLERANCE):
        return
    recipe = reference.recipe
    is_own = recipe is not None and config.is_set_over(recipe.name, KEY)
    is_published = recipe is None or math.isclose(found, recipe.base_lr, rel_tol=TOLERANCE)
    message = (
        f"{KEY} is {found:g}, {config.origin(KEY)}; {around.processes} GPUs with {batch} images each need "
        f"{wanted:g}: {reference.arithmetic}"
    )
    if recipe is not None and is_own and not is_published:
        message += f"; it is set over {recipe.name}, and may be for another training than that"
    fix = Fix(f"{KEY}: {wanted:g}", {KEY: wanted}, safe=not is_own)
    severity = Severity.NOTE if is_own and not is_published else None
    yield Finding(message, config.span(KEY), reference.evidence, fix, severity)


def _why_not(config: PaddleConfig, around: PaddleSurroundings) -> str | None:
    """Why the rule cannot be applied, if it cannot."""
    if not around.gpus_are_given:
        return "a yml of PaddleDetection does not say on how many GPUs it runs: give --gpus"
    if config.value(OPTIMIZER) not in ("Momentum", "SGD"):
        return f"the optimizer is {config.shown(OPTIMIZER)}, for which the linear rule does not hold"
    if config.number(KEY) is None:
        return f"{KEY} is {config.shown(KEY)}, which is no number"
    if config.batch is None:
        return f"{BATCH} is {config.shown(BATCH)}, which is no whole number from 1 to {MOST}"
    return None


@dataclass(frozen=True)
class _Reference:
    """The learning rate of the rule."""

    wanted: float
    arithmetic: str  # how it was computed
    evidence: str  # where its base is known from
    recipe: PaddleRecipe | None = None  # None: the base is given


def _reference(config: PaddleConfig, around: PaddleSurroundings, batch: int) -> _Reference | None:
    images = batch * around.processes
    if around.linear is not None:
        scaled = around.linear.scaled(images, images)
        base = f"base_lr {around.linear.base_lr:g} at batch {around.linear.base_batch}, as given"
        return _Reference(scaled.lr0, scaled.arithmetic, f"{base}; linear scaling: arXiv:1706.02677")
    recipe = find_paddle_recipe(config.names)
    if recipe is None:
        return None
    scaled = LinearRule(recipe.base_lr, recipe.batch * recipe.gpus, around.max_lr).scaled(images, images)
    arithmetic = f"{recipe.base_lr:g} * ({batch} * {around.processes}) / ({recipe.batch} * {recipe.gpus})"
    if scaled.is_capped:
        arithmetic += f", capped at {around.max_lr:g}"
    return _Reference(scaled.lr0, arithmetic, f"{recipe.name}: {recipe.source}", recipe)


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
