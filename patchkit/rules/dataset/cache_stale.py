"""A labels.cache is older than the labels.

What         A label file was changed after the cache beside its folder was written.
Why          The YOLOv10 fork keeps what it has read of the labels, and reads them again only when paths or the sum of
             sizes differ: a class that was changed to another one of as many digits leaves both as they are, and the
             old labels are trained on. ultralytics 8.4.190 looks at the times too.
Example      1 changed to 2 in a label file, after a training
Fix safety   safe with --fix: the cache is moved into the quarantine.
References   THU-MIG/yolov10 ultralytics/data/utils.py, get_hash.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity, Span
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.dataset import DataSet
from patchkit.subjects.dataset.expected import Expected


def check(dataset: DataSet, expected: Expected) -> Iterator[Finding]:
    for cache in dataset.caches:
        if cache.newer:
            yield Finding("the cache is older than the labels", Span(cache.path), f"{cache.newer} was changed after it")


RULE = Rule(
    __name__,
    Severity.WARNING,
    ("dataset",),
    check,
    (
        Example(
            "-- labels/train.cache --\nold\n",
            "",
            {"older": "labels/train.cache"},
        ),
    ),
)
