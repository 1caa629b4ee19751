"""kpt_shape or flip_idx does not say what the key points are.

What         kpt_shape of the data yaml is not [points, 2] or [points, 3], or flip_idx has another number of entries.
Why          ultralytics refuses such a data set before the training of a pose model; the rows are taken for boxes here.
Example      kpt_shape: [17, 4]
Fix safety   there is none: only you know how many points a row has.
References   ultralytics 8.4.190 ultralytics/data/dataset.py, YOLODataset.get_labels; ultralytics/data/augment.py,
             v8_transforms.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.dataset import DataSet
from patchkit.subjects.dataset.expected import Expected


def check(dataset: DataSet, expected: Expected) -> Iterator[Finding]:
    for message, span, variant in dataset.odd_points:
        evidence = "kpt_shape: [17, 3] is 17 points of x, y and visibility; flip_idx names a point for each"
        yield Finding(message, span, evidence, variant=variant)


RULE = Rule(
    __name__,
    Severity.ERROR,
    ("dataset",),
    check,
    (
        Example(
            "-- data.yaml --\npath: .\ntrain: images/train\nval: images/val\nnames: [a, b]\nkpt_shape: [17, 4]\n",
            "-- data.yaml --\npath: .\ntrain: images/train\nval: images/val\nnames: [a, b]\n",
        ),
    ),
)
