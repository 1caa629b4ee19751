"""An image cannot be decoded.

What         With --images: a file that is no image, is cut off, or is damaged.
Why          ultralytics drops the image; others stop when the loader of a worker meets it, hours later.
Example      a download that stopped half way
Fix safety   there is none: fetch the image again.
References   ultralytics 8.4.190 ultralytics/data/utils.py, verify_image.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity, Span
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.dataset import REFUSED, DataSet
from patchkit.subjects.dataset.expected import Expected


def check(dataset: DataSet, expected: Expected) -> Iterator[Finding]:
    for image in dataset.unreadable:
        if image.is_image and image.variant != REFUSED:
            yield Finding("the image cannot be decoded", Span(image.path), image.reason)


RULE = Rule(
    __name__,
    Severity.ERROR,
    ("dataset",),
    check,
    (
        Example(
            "-- images/train/a.jpg --\nno image\n",
            "",
            {"arguments": ["--images"]},
        ),
    ),
)
