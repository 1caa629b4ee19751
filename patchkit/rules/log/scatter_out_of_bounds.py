"""An index of scatter or gather is out of bounds.

What         `index out of bounds` failed in ScatterGatherKernel on the GPU, or the same on the CPU in the loss of
             ultralytics.
Why          The assigner of YOLO scatters a one for each label into the scores of all classes. A label that is not
             below nc, or below 0, has no place there: more classes in the labels than `nc` of the data yaml, or a
             labels.cache that is older than the labels.
Example      Assertion `idx_dim >= 0 && idx_dim < index_size && "index out of bounds"` failed.
Fix safety   no fix of the log. The labels must be mended, or the number of classes.
References   pytorch/pytorch aten/src/ATen/native/cuda/ScatterGatherKernel.cu; ultralytics 8.4.190 utils/tal.py,
             TaskAlignedAssigner.get_targets.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule, Sign
from patchkit.subjects.train_log.first_line import at_first_bad_index
from patchkit.subjects.train_log.log import TRAIN_LOG, TrainLog
from patchkit.subjects.train_log.traceback import Traceback

ON_GPU = Sign(
    "Assertion",
    r'Assertion [`\'"]?(?:idx_dim >= 0 && idx_dim < index_size|ind >= ?0 && ind < ind_dim_size) && "'
    r"(?:vectorized gather kernel )?index out of bounds",
)
ON_CPU = Sign("RuntimeError: index", r"RuntimeError: index -?\d{1,20} is out of bounds for dimension \d{1,3} with size")
LOSSES = ("ultralytics/utils/tal.py", "ultralytics/utils/loss.py", "ultralytics/yolo/utils/")


def check(log: TrainLog, _: object) -> Iterator[Finding]:
    return at_first_bad_index(
        log, ON_GPU, ON_CPU, _is_in_loss, "scatter or gather got an index out of bounds", "ultralytics"
    )


def _is_in_loss(traceback: Traceback) -> bool:
    return traceback.holds(*LOSSES)


BAD = """\
../aten/src/ATen/native/cuda/ScatterGatherKernel.cu:144: operator(): block: [3,0,0], thread: [64,0,0] \
Assertion `idx_dim >= 0 && idx_dim < index_size && "index out of bounds"` failed.
"""
IN_LOSS = """\
Traceback (most recent call last):
  File "/venv/lib/python3.11/site-packages/ultralytics/utils/tal.py", line 1, in get_targets
    target_scores.scatter_(2, target_labels.unsqueeze(-1), 1)
RuntimeError: index 80 is out of bounds for dimension 2 with size 80
"""

RULE = Rule(
    __name__,
    Severity.ERROR,
    (TRAIN_LOG,),
    check,
    (
        Example(BAD, "IndexError: index 80 is out of bounds for axis 0 with size 80\n"),
        Example(IN_LOSS, IN_LOSS.replace("ultralytics/utils/tal.py", "mine/sampler.py")),
    ),
    signs=(ON_GPU, ON_CPU),
)
