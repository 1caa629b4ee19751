"""A key stands twice in the file.

What         The same key stands on two lines of the top of the file, or more.
Why          YAML takes the last one without a word, and nothing of the others: two `TrainReader:` blocks are not
             merged, and what only the first one says is lost.
Example      `LearningRate:` at the top with a base_lr, and again below with schedulers.
Fix safety   no fix: which one is meant, or how they are to be one, is for you to say.
References   PyYAML 6.0, which PaddleDetection reads with: construct_mapping keeps the last value of a key.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.recipes.surroundings import PaddleSurroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.paddle.config import PADDLE, PaddleConfig

EVIDENCE = "PyYAML keeps the last value of a key that stands twice"


def check(config: PaddleConfig, around: PaddleSurroundings) -> Iterator[Finding]:
    for earlier in config.file.duplicates:
        line = config.file.entries[earlier.key].span.line
        message = f"{earlier.key} stands here, and again in line {line}, where it is what counts"
        yield Finding(message, earlier.span, EVIDENCE)


RULE = Rule(
    __name__,
    Severity.WARNING,
    (PADDLE,),
    check,
    (
        Example(
            "TrainReader:\n  batch_size: 8\nTrainReader:\n  shuffle: true\n",
            "TrainReader:\n  batch_size: 8\n  shuffle: true\n",
        ),
    ),
)
