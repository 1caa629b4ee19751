"""A key of names is no whole number.

What         names of the data yaml is a mapping, and int() refuses one of its keys.
Why          The key is the class index. ultralytics refuses the file, and a name without an index is shown nowhere.
             Number and name were exchanged, or the names were given keys of their own.
Example      names: {car: 0, dog: 1} in place of names: {0: car, 1: dog}
Fix safety   there is none: only you know which class has which number.
References   ultralytics 8.4.190 ultralytics/nn/autobackend.py, check_class_names.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.dataset import DataSet
from patchkit.subjects.dataset.expected import Expected


def check(dataset: DataSet, expected: Expected) -> Iterator[Finding]:
    for key, span in dataset.odd_keys:
        evidence = "names is a list, or a mapping that has the class indices from 0 on as its keys"
        yield Finding(
            f"the key {key} of names is no whole number: write the class index before its name", span, evidence
        )


RULE = Rule(
    __name__,
    Severity.ERROR,
    ("dataset",),
    check,
    (
        Example(
            "-- data.yaml --\npath: .\ntrain: images/train\nval: images/val\nnames: {a: 0, b: 1}\n",
            "-- data.yaml --\npath: .\ntrain: images/train\nval: images/val\nnames: {0: a, '1': b}\n",
        ),
    ),
)
