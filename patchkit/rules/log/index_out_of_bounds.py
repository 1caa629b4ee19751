"""An index of a tensor is out of bounds.

What         `index out of bounds` failed in IndexKernel on the GPU, or the same on the CPU in the loss of RetinaNet or
             YOLO: a tensor was indexed with a number that it does not have.
Why          The index is not below the size of what it looks up. In the loss of a detector it is a label: one that is
             not below the number of classes reads past the scores; RetinaNet sets its one-hot targets by label, YOLO
             picks scores by label. Every later call on this GPU fails too, so the frames of the traceback need not be
             those of the bad index.
Example      Assertion `index >= -sizes[i] && index < sizes[i] && "index out of bounds"` failed.
Fix safety   no fix of the log. The labels must be mended, or the number of classes.
References   pytorch/pytorch aten/src/ATen/native/cuda/IndexKernel.cu; mlcommons/training#785; ultralytics#4160,
             #13486.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule, Sign
from patchkit.subjects.train_log.first_line import at_first_bad_index
from patchkit.subjects.train_log.log import TRAIN_LOG, TrainLog
from patchkit.subjects.train_log.traceback import Traceback

# The order of the two comparisons changed in torch 2.2.
SIGN = Sign(
    "Assertion",
    r'Assertion [`\'"]?(?:index >= -sizes\[i\]|-sizes\[i\] <= index) && index < sizes\[i\] && "index out of bounds"',
)


ON_CPU = Sign("IndexError", r"IndexError: index -?\d{1,20} is out of bounds for dimension \d{1,3} with size")
LOSSES = ("ultralytics/utils/tal.py", "ultralytics/utils/loss.py")
DETECTORS = ("retinanet.py", "fcos.py", "ssd.py")  # compute_loss of torchvision, and of what was made of it


def check(log: TrainLog, _: object) -> Iterator[Finding]:
    return at_first_bad_index(log, SIGN, ON_CPU, _is_in_loss, "a tensor was indexed out of its bounds", "torchvision")


def _is_in_loss(traceback: Traceback) -> bool:
    calls = [frame for frame in traceback.frames if "compute_loss" in frame.function]
    return traceback.holds(*LOSSES) or any(frame.file.endswith(DETECTORS) for frame in calls)


BAD = """\
../aten/src/ATen/native/cuda/IndexKernel.cu:92: operator(): block: [496,0,0], thread: [64,0,0] \
Assertion `{0} && index < sizes[i] && "index out of bounds"` failed.
"""

IN_LOSS = """\
Traceback (most recent call last):
  File "/venv/lib/python3.11/site-packages/torchvision/models/detection/retinanet.py", line 1, in compute_loss
IndexError: index 91 is out of bounds for dimension 1 with size 91
"""

RULE = Rule(
    __name__,
    Severity.ERROR,
    (TRAIN_LOG,),
    check,
    (
        Example(BAD.format("index >= -sizes[i]"), "IndexError: list index out of range\n"),
        Example(BAD.format("-sizes[i] <= index"), "AssertionError: index out of bounds\n"),
        Example(IN_LOSS, IN_LOSS.replace("in compute_loss", "in my_sampler")),
    ),
    signs=(SIGN, ON_CPU),
    is_general=True,
)
