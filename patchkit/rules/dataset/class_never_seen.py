"""A class has no object.

What         No label of any split has the class.
Why          Its output is trained to be silent: it will never be found. The class was renamed, lost in a conversion, or
             ids are shifted by one.
Example      names: [a, b] with labels of class 0 only
Fix safety   there is none: only you know what was meant.
References   measured: the histogram of the labels.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity, Skipped, Span
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.dataset import DataSet
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import FOLDER


def check(dataset: DataSet, expected: Expected) -> Iterator[Finding | Skipped]:
    seen = {label for split in dataset.splits for label in split.tally.classes}
    if not seen:
        return
    if partial := next((split.partial for split in dataset.splits if split.partial), ""):
        yield Skipped(f"{partial} cannot be read: not all objects are known")
        return
    # Labels of a format that has folders, and none of them: they come from file names.
    variant = "file-names" if dataset.format == FOLDER and not dataset.names else ""
    labels = list(dataset.names) if dataset.names else list(range(dataset.nc or 0))
    for label in labels:
        if label not in seen:
            message, evidence = f"{dataset.shown(label)} has no object", "no label of any split has it"
            yield Finding(message, Span(dataset.path), evidence, variant=variant)


RULE = Rule(
    __name__,
    Severity.WARNING,
    ("dataset",),
    check,
    (
        Example(
            "-- labels/train/b.txt --\n0 0.5 0.5 0.2 0.2\n",
            "",
        ),
    ),
)
