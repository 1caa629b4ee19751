"""The schedule of the learning rate did not move with the epochs.

What         `epoch` was changed, and the decay was not. For PP-YOLOE, max_epochs of CosineDecay is not 1.2 times
             `epoch`: a warning if it is below `epoch` or above 1.5 times, else a note. Equal to `epoch` is a plain
             cosine, and fine. For every model: max_epochs below `epoch`; and, as a note, milestones of
             PiecewiseDecay that the training never reaches. A last one equal to `epoch` is fine: with it,
             PaddleDetection writes a learning rate that stays.
Why          CosineDecay reaches its lowest learning rate, 0, after max_epochs. Below `epoch` the rest of the training
             changes nothing; without warm-up the cosine even rises again. Far above `epoch` the training ends while the
             learning rate is high, and the last points of AP are never won. Every published configuration of PP-YOLOE
             has 1.2 times `epoch`: 96 for 80, 360 for 300, 480 for 400, 43 for 36, 36 for 30, 72 for 60.
Example      `epoch: 36` over _base_/optimizer_80e.yml, whose max_epochs stays 96.
Fix safety   safe: 1.2 times `epoch` for CosineDecay. An inherited list of schedulers comes into the file as a whole, as
             lists are not merged. Milestones are left to you.
References   configs/ppyoloe/_base_/optimizer_*.yml of PaddleDetection 2.6; ppdet/optimizer/optimizer.py, CosineDecay.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Fix, Severity, Skipped
from patchkit.recipes.surroundings import PaddleSurroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.paddle.config import PADDLE, PaddleConfig, Scheduler

EVIDENCE = "configs/ppyoloe/_base_/optimizer_*.yml of PaddleDetection 2.6: max_epochs is 1.2 times epoch in each"
STRETCH = 1.2
UNSEEN = 1000  # the default of CosineDecay


def check(config: PaddleConfig, around: PaddleSurroundings) -> Iterator[Finding | Skipped]:
    epochs = config.epochs
    if epochs is None:
        yield Skipped("the configuration says no number of epochs")
        return
    for scheduler in config.schedulers:
        if scheduler.name == "CosineDecay":
            yield from _cosine(config, scheduler, epochs)
        if scheduler.name == "PiecewiseDecay":
            yield from _piecewise(config, scheduler, epochs)


def _cosine(config: PaddleConfig, scheduler: Scheduler, epochs: float) -> Iterator[Finding | Skipped]:
    key = f"{scheduler.path}.max_epochs"
    found = UNSEEN if config.node(key) is None else config.number(key)
    wanted = int(STRETCH * epochs + 1e-9)
    if found is None:
        yield Skipped(f"max_epochs of CosineDecay is {config.shown(key)}, which is no number")
        return
    is_plain = found == epochs
    if is_plain or abs(found - wanted) <= 1 or (found > epochs and not config.is_ppyoloe):
        return
    if found < epochs:
        effect = f"the last {epochs - found:g} epochs train with the lowest learning rate"
    else:
        effect = f"the training ends at {100 * epochs / found:.0f} % of the decay"
    is_far = found < epochs or found > 1.5 * epochs
    message = (
        f"max_epochs of CosineDecay is {found:g}, {config.origin(key)}, and epoch {epochs:g}, "
        f"{config.origin('epoch')}: {effect}; {wanted} goes with it"
    )
    span = config.span(key if config.node(key) else scheduler.path)
    fix = Fix(f"{key}: {wanted}", {key: wanted})
    yield Finding(message, span, EVIDENCE, fix, Severity.WARNING if is_far else Severity.NOTE)


def _piecewise(config: PaddleConfig, scheduler: Scheduler, epochs: float) -> Iterator[Finding]:
    key = f"{scheduler.path}.milestones"
    milestones = config.value(key)
    keys = [f"{key}.{index}" for index in range(len(milestones) if isinstance(milestones, list) else 0)]
    late = [one for one in keys if (config.number(one) or 0) >= epochs]
    if late and late == keys[-1:] and config.number(keys[-1]) == epochs:
        return
    if late:
        message = (
            f"milestones of PiecewiseDecay are {config.shown(key)}, {config.origin(key)}, and epoch is {epochs:g}: "
            f"the learning rate never falls at {', '.join(config.shown(one) for one in late)}"
        )
        evidence = "PaddleDetection 2.6 ppdet/optimizer/optimizer.py, PiecewiseDecay: milestones are epochs"
        yield Finding(message, config.span(key), evidence, severity=Severity.NOTE)


_COSINE = "LearningRate:\n  schedulers:\n    - !CosineDecay\n      max_epochs: {}\n    - !LinearWarmup {{epochs: 1}}\n"

RULE = Rule(
    __name__,
    Severity.WARNING,
    (PADDLE,),
    check,
    (
        Example("epoch: 36\n" + _COSINE.format(30), "epoch: 36\n" + _COSINE.format(43)),
        Example(
            "epoch: 36\nPPYOLOEHead: {}\n" + _COSINE.format(96), "epoch: 36\nPPYOLOEHead: {}\n" + _COSINE.format(43)
        ),
    ),
)
