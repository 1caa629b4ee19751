"""An image is too small, or of a format that the trainer does not take.

What         With --images: an image of fewer than 10 pixels in a direction, or a GIF or the like under another name.
Why          It can be decoded, and ultralytics leaves it out of the training all the same, with a line in the log.
Example      a GIF that was downloaded as cat.jpg
Fix safety   there is none: fetch the image again, or convert it.
References   ultralytics 8.4.190 ultralytics/data/utils.py, check_image and IMG_FORMATS.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity, Span
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.dataset import REFUSED, DataSet
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import YOLO


def check(dataset: DataSet, expected: Expected) -> Iterator[Finding]:
    if dataset.format != YOLO:
        return
    for image in dataset.unreadable:
        if image.variant == REFUSED:
            yield Finding(f"the image is {image.reason}", Span(image.path), "it was decoded to its end")


RULE = Rule(
    __name__,
    Severity.ERROR,
    ("dataset",),
    check,
    (
        Example(
            "-- images/train/a.jpg --\nP1\n16 16\n" + 16 * "0000000000000000\n",
            "",
            {"arguments": ["--images"]},
        ),
    ),
)
