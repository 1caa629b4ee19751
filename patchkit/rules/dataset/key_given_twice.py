"""A key stands twice in the data yaml.

What         The same key stands twice in the data yaml, or in the mapping of its names.
Why          YAML takes the last one without a word: a path, a number of classes or a name that was set further up is
             undone further down, and a class of names is lost.
Example      `names: {0: cat, 0: dog}`
Fix safety   there is none: only you know which of them was meant.
References   PyYAML 6.0, which ultralytics reads its files with: construct_mapping keeps the last value of a key.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.dataset import DataSet
from patchkit.subjects.dataset.expected import Expected


def check(dataset: DataSet, expected: Expected) -> Iterator[Finding]:
    for message, span in dataset.repeated_keys:
        yield Finding(message, span, "PyYAML keeps the last value of a key that stands twice")


RULE = Rule(
    __name__,
    Severity.WARNING,
    ("dataset",),
    check,
    (
        Example(
            "-- data.yaml --\npath: .\ntrain: images/val\ntrain: images/train\nval: images/val\nnc: 2\nnames: [a, b]\n",
            "-- data.yaml --\npath: .\ntrain: images/train\nval: images/val\nnc: 2\nnames: [a, b]\n",
        ),
    ),
)
