"""The epochs of the static assigner did not move with the training.

What         `PPYOLOEHead.static_assigner_epoch` is not below `epoch`; or, where the published configuration is known,
             it is more than a tenth of the training away from the same share. 0 and below mean none: no finding.
Why          PP-YOLOE assigns by ATSS first, and by task alignment (TAL) after static_assigner_epoch: 100 of 300 epochs,
             133 of 400, 30 of 80. Where it is not below `epoch`, TAL never runs, and its gain is never won. So it is
             with `epoch: 80` over _base_/ppyoloe_crn.yml, whose 100 stays.
Example      `epoch: 36` over ppyoloe_plus_crn_l_80e_coco.yml, whose static_assigner_epoch stays 30.
Fix safety   safe: the same share of the training as published, a third where nothing is known. Unsafe where a file
             sets it itself over the configuration that is known; a note if it is not the published value.
References   PaddleDetection 2.6 ppdet/modeling/heads/ppyoloe_head.py, get_loss; arXiv:2203.16250, section 2.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Fix, Severity, Skipped
from patchkit.recipes.paddle import PaddleRecipe, find_paddle_recipe
from patchkit.recipes.surroundings import PaddleSurroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.paddle.config import PADDLE, PaddleConfig

KEY = "PPYOLOEHead.static_assigner_epoch"
EVIDENCE = "PaddleDetection 2.6 ppdet/modeling/heads/ppyoloe_head.py: below static_assigner_epoch, ATSS assigns"


def check(config: PaddleConfig, around: PaddleSurroundings) -> Iterator[Finding | Skipped]:
    if not config.is_ppyoloe or config.value("epoch") is None:
        return
    epochs, found = config.epochs, config.number(KEY)
    if epochs is None or found is None:
        key = "epoch" if epochs is None else KEY
        yield Skipped(f"{key} is {config.shown(key)}, which is no number of epochs")
        return
    if epochs < 2 or found <= 0:
        return
    recipe = find_paddle_recipe(config.names)
    known = _share(recipe)
    wanted = max(round((known or 1 / 3) * epochs), 1)
    if found < epochs and (known is None or abs(found - wanted) <= max(epochs / 10, 1)):
        return
    effect = "task alignment never assigns" if found >= epochs else f"that is {100 * found / epochs:.0f} %"
    message = f"{KEY} is {found:g}, {config.origin(KEY)}, of {epochs:g} epochs: {effect}; {wanted} goes with it"
    evidence = EVIDENCE if recipe is None or known is None else f"{recipe.name}: {recipe.source}"
    is_own = recipe is not None and config.is_set_over(recipe.name, KEY)
    is_meant = is_own and found < epochs and recipe is not None and found != recipe.static_assigner_epoch
    fix = Fix(f"{KEY}: {wanted}", {KEY: wanted}, safe=not is_own)
    yield Finding(message, config.span(KEY), evidence, fix, Severity.NOTE if is_meant else None)


def _share(recipe: PaddleRecipe | None) -> float | None:
    """The part of the training that a published configuration gives to the static assigner."""
    if recipe is None or recipe.static_assigner_epoch is None or recipe.static_assigner_epoch <= 0:
        return None
    return recipe.static_assigner_epoch / recipe.epochs


RULE = Rule(
    __name__,
    Severity.WARNING,
    (PADDLE,),
    check,
    (
        Example(
            "epoch: 80\nPPYOLOEHead:\n  static_assigner_epoch: 100\n",
            "epoch: 80\nPPYOLOEHead:\n  static_assigner_epoch: 27\n",
        ),
        Example(
            "weights: output/ppyoloe_plus_crn_l_80e_coco/model_final\n"
            "epoch: 36\nPPYOLOEHead:\n  static_assigner_epoch: 30\n",
            "weights: output/ppyoloe_plus_crn_l_80e_coco/model_final\n"
            "epoch: 36\nPPYOLOEHead:\n  static_assigner_epoch: 14\n",
        ),
    ),
)
