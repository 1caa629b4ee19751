"""Two images have one label file.

What         Two images of a folder have the same name but for the suffix.
Why          Both are trained with the same labels: at least one of them is wrong, unless they are copies, and then the
             image counts twice.
Example      a.jpg and a.png in images/train
Fix safety   there is none: only you know what was meant.
References   ultralytics 8.4.190 ultralytics/data/utils.py, img2label_paths.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity, Span
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.dataset import DataSet
from patchkit.subjects.dataset.expected import Expected


def check(dataset: DataSet, expected: Expected) -> Iterator[Finding]:
    for split in dataset.splits:
        for first, second in split.twins:
            yield Finding(f"{first} has the same label file", Span(second), f"two images of {split.name}")


RULE = Rule(
    __name__,
    Severity.WARNING,
    ("dataset",),
    check,
    (
        Example(
            "-- images/train/a.png --\n",
            "",
        ),
    ),
)
