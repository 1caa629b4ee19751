"""A class is in val or test, and not in train.

What         Labels of val or test have a class that no label of train has.
Why          It is measured and was never trained: its AP is 0, and pulls the mean down.
Example      class 1 in labels/val only
Fix safety   there is none: only you know what was meant.
References   measured: the histograms of the splits.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity, Skipped
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.dataset import DataSet
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import FOLDER

TRAIN, OTHERS = "train", ("val", "test")


def check(dataset: DataSet, expected: Expected) -> Iterator[Finding | Skipped]:
    trained = {label for split in dataset.splits if split.name == TRAIN for label in split.tally.classes}
    if not trained:
        return
    if partial := next((split.partial for split in dataset.splits if split.name == TRAIN and split.partial), ""):
        yield Skipped(f"{partial} cannot be read: not all objects of {TRAIN} are known")
        return
    variant = "file-names" if dataset.format == FOLDER and not dataset.names else ""
    for split in dataset.splits:
        if split.name not in OTHERS:
            continue
        for label, count in sorted(split.tally.classes.items(), key=lambda item: str(item[0])):
            if label not in trained:
                message = f"{dataset.shown(label)} is in {split.name}, and not in {TRAIN}"
                evidence = f"{count} objects in {split.name}, 0 in {TRAIN}"
                yield Finding(message, split.span, evidence, variant=variant)


RULE = Rule(
    __name__,
    Severity.WARNING,
    ("dataset",),
    check,
    (
        Example(
            "-- images/val/v.jpg --\n"
            "-- labels/val/v.txt --\n"
            "1 0.5 0.5 0.2 0.2\n"
            "-- labels/train/b.txt --\n"
            "0 0.5 0.5 0.2 0.2\n"
            "-- data.yaml --\n"
            "path: .\n"
            "train: images/train\n"
            "val: images/val\n"
            "nc: 2\n"
            "names: [a, b]\n",
            "-- images/val/v.jpg --\n"
            "-- labels/val/v.txt --\n"
            "0 0.5 0.5 0.2 0.2\n"
            "-- data.yaml --\n"
            "path: .\n"
            "train: images/train\n"
            "val: images/val\n"
            "nc: 2\n"
            "names: [a, b]\n",
        ),
    ),
)
