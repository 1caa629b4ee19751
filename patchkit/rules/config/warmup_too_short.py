"""Warm-up is missing or too short.

What         `warmup_epochs` is below that of the recipe; without a recipe, it is 0 on several GPUs.
Why          A large batch needs a large learning rate, and the first gradients of a new model do not bear it: warm-up
             leads from 0 to `lr0`, from `warmup_momentum` to `momentum`. It is what makes the linear rule work at
             all. 0 is no warm-up since 8.0.119, and was 100 iterations before.
Example      `warmup_epochs: 0` for yolov10x on 8 GPUs.
Fix safety   safe with a recipe: sets its value, or as much as gives 100 iterations where the release has no such
             floor and the training is long enough. Unsafe without a recipe, as fine-tuning may go without: 3 epochs,
             the default of every release.
References   arXiv:1706.02677, section 2.2; arXiv:2405.14458, Table 14; ultralytics 8.4.190
             ultralytics/engine/trainer.py:276-279.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Fix, Severity
from patchkit.recipes.surroundings import Surroundings
from patchkit.recipes.warmup import epochs_for_floor
from patchkit.rule import Example, Rule
from patchkit.subjects.config import MODEL, TRAIN, TrainConfig

KEY = "warmup_epochs"
DEFAULT = 3.0


def check(config: TrainConfig, around: Surroundings) -> Iterator[Finding]:
    found = config.number(KEY)
    if found is None:
        return
    known = around.recipe.values.get(KEY) if around.recipe else None
    if isinstance(known, str):
        return
    if known is None and (found > 0 or around.processes == 1):
        return
    wanted = float(known) if isinstance(known, (int, float)) else DEFAULT
    if found >= wanted:
        return
    if around.recipe is not None and known is not None:
        compared, evidence = f"{around.recipe.label} was trained with {wanted:g}", around.recipe.source
    else:
        compared = f"{around.processes} GPUs together need a warm-up"
        evidence = "arXiv:1706.02677, section 2.2: a large batch diverges without a gradual warm-up"
    message = f"{KEY} is {found:g}, {config.origin(KEY)}{_effect(config, found)}; {compared}"
    # What warmup-below-100-iterations would ask for next is asked for at once.
    epochs = max(wanted, epochs_for_floor(config, around) or 0.0)
    fix = Fix(f"{KEY}: {epochs:g}", {KEY: epochs}, safe=known is not None)
    yield Finding(message, config.span(KEY), evidence, fix)


def _effect(config: TrainConfig, found: float) -> str:
    if found > 0:
        return ""
    return ": no warm-up" if config.release.number >= (8, 0, 119) else ": 100 iterations of warm-up in this release"


RULE = Rule(
    __name__,
    Severity.WARNING,
    (TRAIN, MODEL),
    check,
    (
        Example("model: yolov10x.yaml\nwarmup_epochs: 1\n", "model: yolov10x.yaml\nwarmup_epochs: 3.0\n"),
        Example("model: yolo11x.yaml\nwarmup_epochs: 0.0\n", "model: yolo11x.yaml\nwarmup_epochs: 3.0\n", {"gpus": 8}),
    ),
)
