"""PaddleDetection leaves boxes out.

What         `Found an invalid bbox in annotations` while the annotations are loaded.
Why          A box without width or height, or outside of its image, is dropped with this warning. The object is
             background in the training. Many of them mean that the boxes are written in another form: x, y, width,
             height in pixels are expected.
Example      WARNING: Found an invalid bbox in annotations: im_id: 7, area: 0.0 x1: 4.0, y1: 4.0, x2: 4.0, y2: 9.0.
Fix safety   no fix of the log: the annotations must be mended.
References   paddledet 2.6.0 ppdet/data/source/coco.py:166, voc.py:167.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule, Sign
from patchkit.subjects.train_log.cures import check_data
from patchkit.subjects.train_log.evidence import evidence
from patchkit.subjects.train_log.log import TRAIN_LOG, TrainLog

SIGN = Sign("Found an invalid bbox in", r"Found an invalid bbox in annotations")


def check(log: TrainLog, _: object) -> Iterator[Finding]:
    lines = log.with_sign(SIGN)
    what = "a box that it calls invalid" if len(lines) == 1 else "boxes that it calls invalid"
    for line in lines[:1]:
        yield Finding(
            f"PaddleDetection dropped {what}",
            log.span(line),
            evidence(*lines[:3]),
            commands=(check_data(log, line.run, "paddledetection"),),
        )


RULE = Rule(
    __name__,
    Severity.WARNING,
    (TRAIN_LOG,),
    check,
    (
        Example(
            "[07/12 10:33:21] ppdet.data.source.coco WARNING: Found an invalid bbox in annotations: im_id: 7\n",
            "[07/12 10:33:21] ppdet.data.source.coco INFO: Load [7 samples valid, 0 samples invalid]\n",
        ),
    ),
    signs=(SIGN,),
)
