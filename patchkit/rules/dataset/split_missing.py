"""A data yaml does not name train or val.

What         train or val is not in the data yaml, or has no value. validation stands for val.
Why          ultralytics refuses such a file before it reads an image, even where the training would not validate. What
             a split of its own would have shown is not measured either.
Example      train: images/train without val: images/val
Fix safety   there is none: only you know which images are meant.
References   ultralytics 8.4.190 ultralytics/data/utils.py, check_det_dataset.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.dataset import DataSet
from patchkit.subjects.dataset.expected import Expected


def check(dataset: DataSet, expected: Expected) -> Iterator[Finding]:
    for split, span in dataset.missing:
        message = f"{split} is missing: add {split}: images/{split}, or wherever its images are"
        yield Finding(message, span, "a data yaml must name both train and val")


RULE = Rule(
    __name__,
    Severity.ERROR,
    ("dataset",),
    check,
    (
        Example(
            "-- data.yaml --\npath: .\ntrain: images/train\nnc: 2\nnames: [a, b]\n",
            "-- data.yaml --\n"
            "path: .\n"
            "train: images/train\n"
            "val: images/val\n"
            "nc: 2\n"
            "names: [a, b]\n"
            "-- images/val/v.jpg --\n"
            "v\n"
            "-- labels/val/v.txt --\n"
            "0 0.5 0.5 0.2 0.2\n",
        ),
    ),
)
