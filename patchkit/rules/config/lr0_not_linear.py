"""The learning rate does not follow the batch.

What         `lr0` is more than 1 % away from base_lr * effective batch / base_batch, capped at twice base_lr
             (`--max-lr`), and at 1, the most that the releases take. The effective batch is
             batch * max(round(nbs / batch), 1): small batches are accumulated up to `nbs`. The base is that of the
             recipe, or `--base-lr` and `--base-batch`.
Why          With k times the images a step there are k times fewer steps. Goyal et al. made each step k times longer,
             with warm-up, and kept the accuracy of ResNet-50 up to about 8,000 images a step. ultralytics never
             scales `lr0`, by batch or by GPUs. `batch` is that of all GPUs together: more GPUs at the same `batch`
             leave `lr0` right.

             Where the rule is doubtful. It was found for a loss that is the mean over the images. ultralytics
             multiplies the loss by the batch, and by the number of processes, which undoes the averaging between
             them: the gradient grows with the batch already. Then its norm is clipped at 10. Where that bites, the
             length of a step hangs on `lr0` alone, and the rule holds as for a mean; where it does not, the rule
             comes on top of what the loss does. The authors of YOLOv10 did not scale: their released logs fit lr0
             0.01 at batch 160 for X, 208 for L and 256 for N, S, M and B. So 0.01 at 160 is proven for X, and 0.016
             at 256 a rule of thumb, with the cap and the warm-up as guards. `--lr-policy keep` leaves `lr0` alone.

             SGD only. `optimizer: auto` is judged as SGD, which the fix of optimizer-auto makes of it; until then
             `lr0` is ignored. Adam divides the gradient by its own size: MLPerf RetinaNet trains with Adam at lr 1e-4
             for batch 256, 512 and 8192. MuSGD takes the size out of most gradients too. For these there is no
             finding.
Example      `lr0: 0.01` at batch 256 for yolov10x: 0.01 * 256 / 160 = 0.016.
Fix safety   safe: sets the value of the rule, to 6 digits.
References   arXiv:1706.02677; arXiv:2405.14458, Table 14, and the authors' csv logs; ultralytics 8.4.190
             ultralytics/utils/loss.py:512, ultralytics/engine/trainer.py:321, 552, 913-915.
"""

import math
from collections.abc import Iterator

from patchkit.findings import Finding, Fix, Severity, Skipped
from patchkit.recipes.linear import LinearRule
from patchkit.recipes.surroundings import Surroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.config import MODEL, TRAIN, TrainConfig

TOLERANCE = 0.01


def check(config: TrainConfig, around: Surroundings) -> Iterator[Finding | Skipped]:
    if not _is_for_sgd(config, around):
        return
    linear, lr0 = around.linear, config.number("lr0")
    if linear is None:
        if around.recipe is None and around.processes > 1:
            yield Skipped("no base batch is known: give --base-lr and --base-batch, or a recipe")
    elif config.batch is None:
        batch = config.value("batch")
        yield Skipped(f"how many images a step has is not known{'' if batch is None else f': batch is {batch}'}")
    elif lr0 is None:
        yield Skipped(f"lr0 is {config.value('lr0')!r}, which is no number")
    else:
        scaled = linear.scaled(config.batch, int(config.number("nbs") or 64), config.release.largest_lr0)
        if math.isclose(lr0, scaled.lr0, rel_tol=TOLERANCE):
            return
        message = f"lr0 is {lr0:g}, {config.origin('lr0')}; the linear rule gives {scaled.lr0:g}: {scaled.arithmetic}"
        if config.is_auto:
            message += "; it counts once optimizer is SGD, auto ignores it"
        fix = Fix(f"lr0: {scaled.lr0:g}", {"lr0": scaled.lr0})
        yield Finding(message, config.span("lr0"), _evidence(around, linear), fix)


def _is_for_sgd(config: TrainConfig, around: Surroundings) -> bool:
    """True if the training has SGD, and the base learning rate is for SGD."""
    base = around.recipe.values.get("optimizer", "SGD") if around.recipe else "SGD"
    return str(base).lower() == "sgd" and (config.is_auto or config.optimizer.lower() == "sgd")


def _evidence(around: Surroundings, linear: LinearRule) -> str:
    """Where the base of the rule is known from."""
    recipe = around.recipe
    base = f"lr0 {linear.base_lr:g} at batch {linear.base_batch}"
    if recipe is None or (linear.base_lr, linear.base_batch) != (recipe.values.get("lr0"), recipe.batch):
        return f"{base}, as given; linear scaling: arXiv:1706.02677"
    return f"{recipe.label} was trained with {base}: {recipe.batch_source}; linear scaling: arXiv:1706.02677"


RULE = Rule(
    __name__,
    Severity.WARNING,
    (TRAIN, MODEL),
    check,
    (
        Example(
            "model: yolov10x.yaml\nbatch: 256\noptimizer: SGD\nlr0: 0.01\n",
            "model: yolov10x.yaml\nbatch: 256\noptimizer: SGD\nlr0: 0.016\n",
            {"gpus": 8},
        ),
        Example(
            "model: yolov10n.yaml\nbatch: 16\noptimizer: SGD\nlr0: 0.01\n",
            "model: yolov10n.yaml\nbatch: 16\noptimizer: SGD\nlr0: 0.0025\n",
        ),
    ),
)
