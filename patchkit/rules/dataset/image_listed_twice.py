"""A split names images more than once.

What         A list names an image again, or a folder of the split is named twice, lies in another one of it, or is
             reached by a link too.
Why          Every name counts: such an image is trained twice an epoch, and counts twice in a validation. This is also
             how rare classes are oversampled on purpose.
Example      train: [images, images/train]
Fix safety   there is none: only you know what was meant.
References   ultralytics 8.4.190 ultralytics/data/base.py, BaseDataset.get_img_files.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity, Span
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.dataset import DataSet
from patchkit.subjects.dataset.expected import Expected


def check(dataset: DataSet, expected: Expected) -> Iterator[Finding]:
    for split in dataset.splits:
        for again in split.repeated:
            images = "an image" if again.count == 1 else f"{again.count} images"
            place = Span(again.path, again.line)
            yield Finding(f"{split.name} names {images} again", place, f"the first is {again.first}")


RULE = Rule(
    __name__,
    Severity.NOTE,
    ("dataset",),
    check,
    (
        Example(
            "-- data.yaml --\npath: .\ntrain: [images/train, images/train]\nval: images/val\nnc: 2\nnames: [a, b]\n",
            "",
        ),
    ),
)
