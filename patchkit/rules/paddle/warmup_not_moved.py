"""The warm-up is too short, or did not move with the epochs.

What         The epochs of the warm-up are fewer than the configuration was published with, in proportion where `epoch`
             is smaller; or they are more than an eighth of the training.
Why          Warm-up is what makes a large learning rate bearable: PP-YOLOE has 5 epochs for 80, 300 and 400, and 1
             for 30 and 60. In a short training 5 epochs are a large share that is trained with a small learning rate.
             A warm-up in steps cannot be compared: how many steps an epoch has depends on the data.
Example      `epoch: 24` over _base_/optimizer_80e.yml, whose warm-up stays 5 epochs.
Fix safety   safe: sets the number of the published configuration in proportion, or a sixteenth of the training.
             Unsafe where a file sets it itself over the configuration that is known; a note if it is not the
             published value.
References   configs/ppyoloe/_base_/optimizer_*.yml of PaddleDetection 2.6; arXiv:1706.02677, section 2.2.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Fix, Severity, Skipped
from patchkit.recipes.paddle import PaddleRecipe, find_paddle_recipe
from patchkit.recipes.surroundings import PaddleSurroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.paddle.config import PADDLE, PaddleConfig

EVIDENCE = "configs/ppyoloe/_base_/optimizer_*.yml of PaddleDetection 2.6: 5 epochs of 80, 300 and 400, 1 of 60"


def check(config: PaddleConfig, around: PaddleSurroundings) -> Iterator[Finding | Skipped]:
    if not config.is_ppyoloe or config.value("epoch") is None:
        return
    epochs = config.epochs
    if epochs is None:
        yield Skipped(f"epoch is {config.shown('epoch')}, which is no number of epochs")
        return
    warmup = next((scheduler for scheduler in config.schedulers[1:] if "Warmup" in scheduler.name), None)
    if warmup is None:
        return
    key = f"{warmup.path}.epochs"
    found = config.number(key)
    if found is None and config.node(key) is not None:
        yield Skipped(f"{key} is {config.shown(key)}, which is no number of epochs")
        return
    if found is None or config.value(f"{warmup.path}.epochs_first") is False:
        yield Skipped("the warm-up is given in steps, and how many steps an epoch has depends on the data")
        return
    recipe = find_paddle_recipe(config.names)
    least = _least(recipe, epochs)
    if least <= found <= max(epochs / 8, 1):
        return
    if recipe is not None and found < least:
        wanted, evidence = least, f"{recipe.name}: {recipe.source}"
        compared = f"{recipe.name} has {recipe.warmup_epochs} of {recipe.epochs}"
    else:
        wanted, evidence = max(round(epochs / 16), 1), EVIDENCE
        compared = f"that is {100 * found / epochs:.0f} % of the training"
    message = f"the warm-up takes {found:g} epochs, {config.origin(key)}, of {epochs:g}; {compared}"
    is_own = recipe is not None and config.is_set_over(recipe.name, key)
    is_meant = is_own and recipe is not None and found != recipe.warmup_epochs
    fix = Fix(f"{key}: {wanted}", {key: wanted}, safe=not is_own)
    yield Finding(message, config.span(key), evidence, fix, Severity.NOTE if is_meant else None)


def _least(recipe: PaddleRecipe | None, epochs: float) -> int:
    if recipe is None or recipe.warmup_epochs is None:
        return 0
    return min(recipe.warmup_epochs, max(round(recipe.warmup_epochs * epochs / recipe.epochs), 1))


_FORM = (
    "weights: output/ppyoloe_plus_crn_l_80e_coco/model_final\nepoch: {}\nPPYOLOEHead: {{}}\nLearningRate:\n"
    "  schedulers:\n    - name: CosineDecay\n      max_epochs: {}\n    - name: LinearWarmup\n      epochs: {}\n"
)

RULE = Rule(
    __name__,
    Severity.WARNING,
    (PADDLE,),
    check,
    (
        Example(_FORM.format(24, 28, 5), _FORM.format(24, 28, 2)),
        Example(_FORM.format(80, 96, 1), _FORM.format(80, 96, 5)),
    ),
)
