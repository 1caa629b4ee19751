"""A class has few objects.

What         A class has fewer objects in train than --least says, 10 by default, and at least one.
Why          Its AP is decided by chance, and one wrong label counts much.
Example      a class with 3 objects
Fix safety   there is none: label more.
References   measured: the histogram of the labels.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity, Skipped
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.dataset import DataSet
from patchkit.subjects.dataset.expected import Expected


def check(dataset: DataSet, expected: Expected) -> Iterator[Finding | Skipped]:
    for split in dataset.splits:
        if split.name not in ("train", dataset.splits[0].name):
            continue
        if split.partial:
            yield Skipped(f"{split.partial} cannot be read: not all objects of {split.name} are known")
            continue
        for label, count in sorted(split.tally.classes.items(), key=lambda item: str(item[0])):
            is_class = label in dataset.names or (isinstance(label, int) and 0 <= label < (dataset.nc or 0))
            if is_class and count < expected.least:
                message = f"{dataset.shown(label)} has {count} objects in {split.name}"
                yield Finding(message, split.span, f"fewer than {expected.least}")


RULE = Rule(
    __name__,
    Severity.NOTE,
    ("dataset",),
    check,
    (
        Example(
            "-- labels/train/a.txt --\n0 0.5 0.5 0.2 0.2\n1 0.3 0.3 0.1 0.1\n",
            "-- labels/train/a.txt --\n0 0.5 0.5 0.2 0.2\n1 0.3 0.3 0.1 0.1\n",
            {"good": ["--least", "1"]},
        ),
    ),
)
