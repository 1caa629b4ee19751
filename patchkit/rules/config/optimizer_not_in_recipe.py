"""The optimizer is another one than in the recipe.

What         `optimizer` names another optimizer than the model was trained with. `auto` is a rule of its own.
Why          A learning rate belongs to its optimizer: lr0 0.01 is for SGD, and far too much for AdamW. Weight decay
             and the other values of the recipe were found for its optimizer too.
Example      `optimizer: AdamW` for yolov10x.
Fix safety   safe where the learning rate is a default and is moved along: for SGD it is set by the linear rule. Unsafe
             where an `lr0` of the file is replaced; it belongs to the optimizer that goes. Unsafe where it cannot be
             moved (`--lr-policy keep`, AutoBatch, another optimizer than SGD): the new optimizer would run with the
             old one's. No fix where the release does not take the optimizer of the recipe.
References   arXiv:2405.14458, Table 14.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from patchkit.findings import Finding, Fix, Severity
from patchkit.recipes.compare import differing
from patchkit.recipes.surroundings import Surroundings
from patchkit.rule import Example, Rule
from patchkit.rules.config.optimizer_unknown import spelled
from patchkit.subjects.config import MODEL, TRAIN, TrainConfig


def check(config: TrainConfig, around: Surroundings) -> Iterator[Finding]:
    if config.is_auto:
        return
    finding = differing(config, around, "optimizer", "lr0 and weight_decay of the recipe belong to it")
    if finding is None or around.recipe is None:
        return
    wanted = around.recipe.values["optimizer"]
    name = spelled(config.release, wanted)
    if name is None:
        message = f"{finding.message}; {config.release.label} does not take {wanted}"
        yield replace(finding, message=message, fix=None)
    else:
        yield replace(finding, fix=_fix(config, around, name))


def _fix(config: TrainConfig, around: Surroundings, wanted: str) -> Fix:
    lr0 = _scaled_lr0(config, around) if wanted.lower() == "sgd" else None
    values: dict[str, Any] = {"optimizer": wanted}
    if lr0 is not None and not math.isclose(config.number("lr0") or 0.0, lr0, rel_tol=0.01):
        values["lr0"] = lr0
    title = ", and with it ".join(f"{key}: {value}" for key, value in values.items())
    replaces_lr0 = "lr0" in values and config.entry("lr0") is not None
    return Fix(title, values, safe=lr0 is not None and not replaces_lr0)


def _scaled_lr0(config: TrainConfig, around: Surroundings) -> float | None:
    if around.linear is None or config.batch is None:
        return None
    return around.linear.scaled(config.batch, int(config.number("nbs") or 64), config.release.largest_lr0).lr0


RULE = Rule(
    __name__,
    Severity.WARNING,
    (TRAIN, MODEL),
    check,
    (
        Example(
            "model: yolov10x.yaml\nbatch: 256\noptimizer: AdamW\nlr0: 0.001\n",
            "model: yolov10x.yaml\nbatch: 256\noptimizer: SGD\nlr0: 0.016\n",
            {"gpus": 8},
        ),
    ),
)
