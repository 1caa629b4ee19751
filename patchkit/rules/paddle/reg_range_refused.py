"""The range of distances is one that the loss cannot take.

What         `PPYOLOEHead.reg_range` is not two whole numbers that are at least 2 apart, or leaves no room for the
             distances from 0 on; without it, `reg_max` is not a whole number from 1 on.
Why          The head has reg_range[1] - reg_range[0] bins, and the DFL spreads a distance t over the bins floor(t) and
             floor(t) + 1. Targets are clipped to [reg_range[0], reg_range[1] - 1.01]. With one bin the right neighbour
             does not exist: "label value should less than the shape of axis dimension". A lower bound above 0 clips the
             small distances of every small object. A bound below 0, as PP-YOLOE-SOD has, is fine.
Example      `reg_range: [0, 1]`
Fix safety   unsafe: 17 bins from 0, the default. Weights trained with another number of bins do not fit.
References   PaddleDetection 2.6 ppdet/modeling/heads/ppyoloe_head.py, _bbox2distance and _df_loss; arXiv:2006.04388.
"""

from collections.abc import Iterator
from typing import Any

from patchkit.findings import Finding, Fix, Severity
from patchkit.recipes.surroundings import PaddleSurroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.paddle.config import PADDLE, PaddleConfig

RANGE, MAX = "PPYOLOEHead.reg_range", "PPYOLOEHead.reg_max"
EVIDENCE = "PaddleDetection 2.6 ppdet/modeling/heads/ppyoloe_head.py: targets t need the bins floor(t) and floor(t) + 1"


def check(config: PaddleConfig, around: PaddleSurroundings) -> Iterator[Finding]:
    if not config.is_ppyoloe:
        return
    key = RANGE if config.value(RANGE) else MAX  # an empty reg_range counts as none
    found = config.value(key)
    reason = _why_range(found) if key == RANGE else _why_max(found)
    if reason is not None:
        wanted: Any = [0, 17] if key == RANGE else 16
        fix = Fix(f"{key}: {wanted}", {key: wanted}, safe=False)
        yield Finding(f"{key} is {config.shown(key)}, {config.origin(key)}: {reason}", config.span(key), EVIDENCE, fix)


def _why_range(found: Any) -> str | None:
    if not isinstance(found, list) or len(found) != 2 or not all(type(bound) is int for bound in found):
        return "it must be two whole numbers"
    lower, upper = found
    if upper - lower < 2:
        return "fewer than 2 bins, and every distance needs two"
    if lower > 0:
        return f"distances below {lower} cells are clipped, those of small objects first"
    if upper < 2:
        return "every distance above 0 is clipped"
    return None


def _why_max(found: Any) -> str | None:
    return None if type(found) is int and found >= 1 else "it must be a whole number from 1 on"


RULE = Rule(
    __name__,
    Severity.ERROR,
    (PADDLE,),
    check,
    (
        Example("PPYOLOEHead:\n  reg_range: [0, 1]\n", "PPYOLOEHead:\n  reg_range: [0, 17]\n"),
        Example("PPYOLOEHead: {reg_max: 0}\n", "PPYOLOEHead: {reg_max: 16}\n"),
    ),
)
