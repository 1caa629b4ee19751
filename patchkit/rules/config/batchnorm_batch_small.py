"""Batch normalisation sees too few images on each GPU.

What         Several GPUs, fewer than 8 images on each of them, and `sync_bn` is not true.
Why          `batch` counts the images of all GPUs together. Each GPU normalises with the statistics of its own share,
             and these get noisy below 8 images. The default batch 16 on 8 GPUs leaves 2 images to each.
Example      `batch: 32` with --gpus 8: 4 images on each GPU.
Fix safety   unsafe: synchronised statistics cost time and give another training. Only a release that takes `sync_bn`
             can be fixed so; a larger `batch` helps on every release.
References   Wu and He, arXiv:1803.08494, Table 2; ultralytics 8.2.50, engine/trainer.py:286 (batch // world_size).
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Fix, Severity
from patchkit.recipes.surroundings import Surroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.config import MODEL, TRAIN, TrainConfig

ENOUGH = 8  # images on a GPU
EVIDENCE = "arXiv:1803.08494: the error of plain BN grows as the batch shrinks; 2 images a GPU cost ResNet-50 10 points"


def check(config: TrainConfig, around: Surroundings) -> Iterator[Finding]:
    batch, processes = config.batch, around.processes
    if batch is None or processes == 1 or batch / processes >= ENOUGH or config.value("sync_bn") is True:
        return
    message = (
        f"batch is {batch}, {config.origin('batch')}, and counts the images of all {processes} GPUs together: "
        f"{batch / processes:g} on each, too few for the statistics of plain batch normalisation; "
        f"raise batch to {ENOUGH * processes} or more, or synchronise"
    )
    fix = None
    if "sync_bn" in config.release.defaults:
        fix = Fix("sync_bn: true", {"sync_bn": True}, safe=False)
    else:
        message += f": {config.release.label} can after `patchkit apply ultralytics-sync-bn`"
    yield Finding(message, config.span("batch"), EVIDENCE, fix)


RULE = Rule(
    __name__,
    Severity.WARNING,
    (TRAIN, MODEL),
    check,
    (
        Example("batch: 32\n", "batch: 64\n", {"gpus": 8}),
        Example("batch: 64\n", "batch: 128\n", {"gpus": 8, "nodes": 2}),
    ),
)
