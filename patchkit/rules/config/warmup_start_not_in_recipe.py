"""Warm-up starts elsewhere than in the recipe.

What         `warmup_momentum` or `warmup_bias_lr`, where warm-up starts from, differs from the recipe.
Why          YOLOv10's table says momentum 0.8 and 0.1 for the biases, the defaults of every release. The learning
             rates that the authors logged start at 0 for the biases too: they ran `optimizer: auto`, which sets
             `warmup_bias_lr` to 0. Both lead to `lr0` within three epochs of hundreds, hence a note.
Example      `warmup_momentum: 0.5` for yolov10x.
Fix safety   safe for `warmup_momentum`. Unsafe for `warmup_bias_lr` of YOLOv10, where the table and the logs
             disagree.
References   arXiv:2405.14458, Table 14, and the authors' csv logs; ultralytics 8.4.190
             ultralytics/engine/trainer.py:1186.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.recipes.compare import differing
from patchkit.recipes.surroundings import Surroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.config import MODEL, TRAIN, TrainConfig

WHY = "the biases start from it"
LOGS = "but the authors' logs start them at 0, as optimizer auto does"
PAPER = "arXiv:2405.14458"


def check(config: TrainConfig, around: Surroundings) -> Iterator[Finding]:
    own = around.recipe is None or not around.recipe.source.startswith(PAPER)
    momentum = differing(config, around, "warmup_momentum", "warm-up starts from it")
    bias = differing(config, around, "warmup_bias_lr", WHY if own else f"{WHY}; {LOGS}", safe=own)
    yield from (finding for finding in (momentum, bias) if finding is not None)


RULE = Rule(
    __name__,
    Severity.NOTE,
    (TRAIN, MODEL),
    check,
    (
        Example("model: yolov10x.yaml\nwarmup_momentum: 0.5\n", "model: yolov10x.yaml\nwarmup_momentum: 0.8\n"),
        Example("model: yolov10x.yaml\nwarmup_bias_lr: 0.0\n", "model: yolov10x.yaml\nwarmup_bias_lr: 0.1\n"),
    ),
)
