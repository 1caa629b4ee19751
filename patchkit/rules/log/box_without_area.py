"""A box of the training has no width or no height.

What         torchvision stops with `All bounding boxes should have positive height and width`, in the middle of an
             epoch.
Why          The boxes are checked when their image is trained on, and not when the data is loaded. A box with x1 = x2,
             or one that a crop or a resize left without pixels, stops the training.
Example      AssertionError: All bounding boxes should have positive height and width. Found invalid box [10.0, 4.0,
             10.0, 9.0]
Fix safety   no fix of the log. `check-data --fix` moves such boxes out.
References   torchvision 0.29.1 models/detection/generalized_rcnn.py:110, retinanet.py:624, ssd.py:366, fcos.py:610.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule, Sign
from patchkit.subjects.train_log.cures import check_data, trainer_at
from patchkit.subjects.train_log.evidence import evidence
from patchkit.subjects.train_log.log import TRAIN_LOG, TrainLog

SAID = "All bounding boxes should have positive height and width"
SIGNS = (Sign("All bounding boxes should", rf"Error: {SAID}|{SAID}\.? {{1,3}}Found invalid box"),)


def check(log: TrainLog, _: object) -> Iterator[Finding]:
    for line in log.with_sign(*SIGNS)[:1]:
        yield Finding(
            "a box of the training has no width or no height",
            log.span(line),
            evidence(line, log.raised_after(line)),
            commands=(check_data(log, line.run, trainer_at(log, line, "torchvision")),),
        )


RULE = Rule(
    __name__,
    Severity.ERROR,
    (TRAIN_LOG,),
    check,
    (
        Example(
            "ValueError: All bounding boxes should have positive height and width. Found invalid box [0.0, 1.0]\n",
            "All bounding boxes should have positive height and width: check passed\n",
        ),
    ),
    signs=SIGNS,
)
