"""A class folder has another number in another split.

What         Class folders are numbered in the order of their names, for each split by itself, and the splits have not
             the same folders.
Why          One number then means two classes: what is trained as 1 is validated as something else. torchvision's
             ImageFolder says nothing.
Example      train has cat and dog, val has bird, cat and dog: cat is 0 in train and 1 in val.
Fix safety   there is none: make the folder in every split, empty if need be, or drop it everywhere.
References   torchvision 0.29.1 torchvision/datasets/folder.py, find_classes.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity, Span
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.dataset import DataSet
from patchkit.subjects.dataset.expected import Expected


def check(dataset: DataSet, expected: Expected) -> Iterator[Finding]:
    for folder, message in dataset.shifted:
        yield Finding(message, Span(folder), "folders are numbered in the order of their names")


RULE = Rule(
    __name__,
    Severity.ERROR,
    ("dataset",),
    check,
    (
        Example(
            "-- folders/train/cat/1.jpg --\n"
            "-- folders/train/dog/1.jpg --\n"
            "-- folders/val/bird/2.jpg --\n"
            "-- folders/val/cat/2.jpg --\n"
            "-- folders/val/dog/2.jpg --\n",
            "-- folders/train/cat/1.jpg --\n"
            "-- folders/train/dog/1.jpg --\n"
            "-- folders/val/cat/2.jpg --\n"
            "-- folders/val/dog/2.jpg --\n",
        ),
    ),
)
