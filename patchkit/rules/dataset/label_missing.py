"""An image has no label file.

What         An image of a split has no label file, while others have one.
Why          It is trained on as background: whatever it shows is taught to be nothing. A folder whose name differs, or
             a copy that was cut off, looks the same as an image without objects. Images that are meant as background
             are clearer with an empty label file. Where no image of train has one, ultralytics refuses to train.
Example      images/train/c.jpg without labels/train/c.txt
Fix safety   there is none: only you know what was meant.
References   https://docs.ultralytics.com/datasets/detect/: no label file means background.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity, Skipped, Span
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.dataset import DataSet
from patchkit.subjects.dataset.expected import Expected

# Variants, where no image of the split has one.
NONE = {"train": "none", "test": "test"}  # test sets are published without labels


def check(dataset: DataSet, expected: Expected) -> Iterator[Finding | Skipped]:
    for split in dataset.splits:
        if split.partial:
            yield Skipped(f"{split.partial} cannot be read: not all images and labels of {split.name} are known")
        elif split.without_label and not split.tally.files:
            message = f"none of the {len(split.without_label)} images of {split.name} has a label file"
            evidence, severity = f"the first is {split.without_label[0]}", Severity.ERROR
            if split.name == "test":
                severity = Severity.NOTE
            yield Finding(message, split.span, evidence, severity=severity, variant=NONE.get(split.name, ""))
            continue
        for image in split.without_label:
            evidence = f"{split.tally.files} images of {split.name} have one"
            yield Finding("the image has no label file", Span(image), evidence)


RULE = Rule(
    __name__,
    Severity.WARNING,
    ("dataset",),
    check,
    (
        Example(
            "-- images/train/c.jpg --\n-- labels/train/a.txt --\n0 0.5 0.5 0.2 0.2\n",
            "-- images/train/c.jpg --\n"
            "-- labels/train/c.txt --\n"
            "0 0.5 0.5 0.2 0.2\n"
            "-- labels/train/a.txt --\n"
            "0 0.5 0.5 0.2 0.2\n",
        ),
    ),
)
