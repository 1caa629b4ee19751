"""A section is no mapping, or the schedulers are no list.

What         LearningRate, OptimizerBuilder or its optimizer, a reader, a data set or PPYOLOEHead is a number, text, a
             list or empty, where its options belong; or `LearningRate.schedulers` is no list of mappings.
Why          PaddleDetection merges mappings only: what else stands there replaces the whole section, all that is
             inherited included, and the training fails when the section is built.
Example      `TrainReader: []` over a base that has one.
Fix safety   no fix: what was meant is not known. Take the key out, so that the inherited section comes back, or write
             the options below it.
References   PaddleDetection 2.6 ppdet/core/workspace.py, merge_config and create.
"""

from collections.abc import Iterator
from typing import Any

from patchkit.findings import Finding, Severity
from patchkit.recipes.surroundings import PaddleSurroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.paddle.config import PADDLE, PaddleConfig
from patchkit.subjects.yaml_file import Node

EVIDENCE = "PaddleDetection 2.6 ppdet/core/workspace.py: all but a mapping replaces what is inherited"
SCHEDULERS = "LearningRate.schedulers"
SECTIONS = (
    "LearningRate",
    "OptimizerBuilder",
    "OptimizerBuilder.optimizer",
    "TrainReader",
    "EvalReader",
    "TestReader",
    "TrainDataset",
    "EvalDataset",
    "TestDataset",
    "PPYOLOEHead",
)


def check(config: PaddleConfig, around: PaddleSurroundings) -> Iterator[Finding]:
    for key in SECTIONS:
        yield from _unless(dict, "a mapping", config, key)
    node = config.node(SCHEDULERS)
    yield from _unless(list, "a list", config, SCHEDULERS)
    if node is not None and isinstance(node.value, list):
        for index in range(len(node.value)):
            yield from _unless(dict, "a mapping", config, f"{SCHEDULERS}.{index}")


def _unless(wanted: type, name: str, config: PaddleConfig, key: str) -> Iterator[Finding]:
    node = config.node(key)
    if node is not None and not _is(wanted, node):
        message = f"{key} is {config.shown(key)}, {config.origin(key)}, where {name} is needed"
        yield Finding(message, config.span(key), EVIDENCE)


def _is(wanted: Any, node: Node) -> bool:
    """True for an object too: `!COCODataSet` without options."""
    return isinstance(node.value, wanted) or bool(node.tag)


RULE = Rule(
    __name__,
    Severity.ERROR,
    (PADDLE,),
    check,
    (Example("TrainReader: []\n", "TrainReader: {}\n"), Example("PPYOLOEHead: 5\n", "PPYOLOEHead: {}\n")),
)
