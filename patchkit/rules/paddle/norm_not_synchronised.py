"""BatchNorm is not synchronised over the GPUs.

What         `norm_type` is not sync_bn while PP-YOLOE trains on several GPUs.
Why          With 8 images or fewer on a GPU, plain BatchNorm sees too few of them. Every published configuration of
             PP-YOLOE has sync_bn. PaddleDetection turns the layers into SyncBatchNorm only if it says so, and more
             than one process runs.
Example      `norm_type: bn` on 8 GPUs; or no `norm_type` at all, where the default is bn.
Fix safety   safe: sets the published value; on one GPU it changes nothing.
References   configs/ppyoloe/_base_/ppyoloe_crn.yml, ppyoloe_plus_crn.yml and ppdet/engine/trainer.py of PaddleDetection
             2.6.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Fix, Severity, Skipped
from patchkit.recipes.surroundings import PaddleSurroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.paddle.config import PADDLE, PaddleConfig

EVIDENCE = "configs/ppyoloe/_base_/ppyoloe_crn.yml and ppyoloe_plus_crn.yml of PaddleDetection 2.6: norm_type sync_bn"


def check(config: PaddleConfig, around: PaddleSurroundings) -> Iterator[Finding | Skipped]:
    found = config.value("norm_type")
    if not config.is_ppyoloe or found == "sync_bn":
        return
    if not around.gpus_are_given:
        yield Skipped("a yml of PaddleDetection does not say on how many GPUs it runs: give --gpus")
    elif around.processes > 1:
        message = f"norm_type is {config.shown('norm_type')}, {config.origin('norm_type')}, on {around.processes} GPUs"
        fix = Fix("norm_type: sync_bn", {"norm_type": "sync_bn"})
        yield Finding(message, config.span("norm_type"), EVIDENCE, fix)


RULE = Rule(
    __name__,
    Severity.WARNING,
    (PADDLE,),
    check,
    (
        Example("norm_type: bn\nPPYOLOEHead: {}\n", "norm_type: sync_bn\nPPYOLOEHead: {}\n", {"gpus": 8}),
        Example("PPYOLOEHead: {}\n", "PPYOLOEHead: {}\nnorm_type: sync_bn\n", {"gpus": 2}),
    ),
)
