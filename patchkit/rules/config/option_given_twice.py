"""An option stands twice in the file.

What         The same key stands on two lines, or more.
Why          YAML takes the last one without a word: a value that was set at the top of the file is undone further down.
Example      `lr0: 0.02`, and `lr0: 0.01` twenty lines below.
Fix safety   safe: removes the line that has no effect. A value that goes on over several lines is left to the reader,
             and so is a model yaml.
References   PyYAML 6.0, which ultralytics reads its files with: construct_mapping keeps the last value of a key.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Fix, Severity
from patchkit.recipes.surroundings import Surroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.config import MODEL, TRAIN, TrainConfig
from patchkit.subjects.yaml_file import line_of


def check(config: TrainConfig, _: Surroundings) -> Iterator[Finding]:
    for earlier in config.file.duplicates:
        last = config.file.entries[earlier.key]
        message = (
            f"{earlier.key} is set to {earlier.node.text or 'nothing'} here, and again in line {last.span.line}, "
            f"where {last.node.text or 'nothing'} is what counts"
        )
        line = line_of(config.file, earlier, with_comment=True) if config.kind == TRAIN else None
        fix = Fix(f"remove {earlier.key} from line {earlier.span.line}", removals=(line,)) if line else None
        yield Finding(message, earlier.span, "PyYAML keeps the last value of a key that stands twice", fix)


RULE = Rule(
    __name__,
    Severity.WARNING,
    (TRAIN, MODEL),
    check,
    (
        Example("lr0: 0.02  # scaled\nepochs: 500\nlr0: 0.01\n", "epochs: 500\nlr0: 0.01\n"),
        Example("lr0:\nlr0: 0.02\nlr0: 0.01", "lr0: 0.01"),
    ),
)
