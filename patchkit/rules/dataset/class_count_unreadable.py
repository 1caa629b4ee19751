"""nc or names does not say which classes there are.

What         nc of the data yaml is no whole number above 0, or names is neither a list nor a mapping of names.
Why          Nothing then says which labels are right, here as in the training. ultralytics refuses such a file.
Example      names: car dog in place of names: [car, dog]
Fix safety   there is none: only you know the classes.
References   ultralytics 8.4.190 ultralytics/data/utils.py, check_det_dataset.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.dataset import DataSet
from patchkit.subjects.dataset.expected import Expected


def check(dataset: DataSet, expected: Expected) -> Iterator[Finding]:
    for message, span in dataset.odd_counts:
        yield Finding(message, span, "a data yaml has nc: 2, names: [a, b] or names: {0: a, 1: b}")


RULE = Rule(
    __name__,
    Severity.ERROR,
    ("dataset",),
    check,
    (
        Example(
            "-- data.yaml --\npath: .\ntrain: images/train\nval: images/val\nnames: a b\n",
            "-- data.yaml --\npath: .\ntrain: images/train\nval: images/val\nnames: [a, b]\n",
        ),
    ),
)
