"""A label file has no image.

What         A label file lies in a folder of labels, and no image belongs to it.
Why          No trainer ever reads it: its objects are not trained on. The image was lost, renamed, or has a suffix that
             is not known.
Example      labels/train/lost.txt without images/train/lost.jpg
Fix safety   there is none: only you know what was meant.
References   ultralytics 8.4.190 ultralytics/data/base.py, get_img_files: data sets are lists of images.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity, Span
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.dataset import DataSet
from patchkit.subjects.dataset.expected import Expected


def check(dataset: DataSet, expected: Expected) -> Iterator[Finding]:
    for split in dataset.splits:
        for label in split.without_image:
            yield Finding(
                "no image belongs to the label file", Span(label), f"looked for among the images of {split.name}"
            )


RULE = Rule(
    __name__,
    Severity.WARNING,
    ("dataset",),
    check,
    (
        Example(
            "-- labels/train/lost.txt --\n0 0.5 0.5 0.2 0.2\n",
            "-- images/train/lost.jpg --\n-- labels/train/lost.txt --\n0 0.5 0.5 0.2 0.2\n",
        ),
    ),
)
