"""A path of the data set cannot be read.

What         A folder, a list, a label file or a listed image is not there, may not be read, or is a link that leads
             back or nowhere; a file that should be COCO is no JSON object, such as a pointer of git-lfs, has no images,
             no annotations, or captions or panoptic segments instead of boxes.
Why          What lies behind it is not trained on, and was not checked either. ultralytics stops where a whole split is
             not there, passes over a folder that it cannot list, and takes labels that it cannot look up for missing.
Example      train: images/trian
Fix safety   there is none: only you know what was meant.
References   measured: os.scandir and open, with the words of the system.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity, Span
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.dataset import DataSet
from patchkit.subjects.dataset.expected import Expected


def check(dataset: DataSet, expected: Expected) -> Iterator[Finding]:
    for place in dataset.unreadable:
        if not place.is_image:
            message = f"it cannot be read: {place.reason}"
            evidence = "nothing behind it was checked" + (f"; {place.hint}" if place.hint else "")
            yield Finding(message, Span(place.path, place.line), evidence, variant=place.variant)


RULE = Rule(
    __name__,
    Severity.ERROR,
    ("dataset",),
    check,
    (
        Example(
            "-- data.yaml --\npath: .\ntrain: images/train\nval: images/vla\nnc: 2\nnames: [a, b]\n",
            "",
        ),
    ),
)
