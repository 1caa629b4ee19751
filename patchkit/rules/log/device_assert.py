"""A check on the GPU failed, and the log does not say which.

What         `CUDA error: device-side assert triggered`, without the line of an assertion that patchkit knows.
Why          The GPU works on while Python goes ahead: the error is raised by some later call, so the frames of the
             traceback may be wrong. The line with the assertion goes to stderr; a notebook shows it in the terminal of
             its kernel only. Most often a label is no class.
Example      RuntimeError: CUDA error: device-side assert triggered
Fix safety   no fix of the log. Run it again with CUDA_LAUNCH_BLOCKING=1: then the frames are right, and all that was
             printed before the traceback counts.
References   https://pytorch.org/docs/stable/notes/cuda.html#asynchronous-execution; pytorch/pytorch#44355.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule, Sign
from patchkit.rules.log import index_out_of_bounds, label_outside_classes, scatter_out_of_bounds
from patchkit.subjects.train_log.cures import blocking, check_data, trainer_at
from patchkit.subjects.train_log.evidence import evidence
from patchkit.subjects.train_log.log import TRAIN_LOG, TrainLog

SIGNS = (
    Sign("CUDA error: device-side assert", r"CUDA error: device-side assert triggered"),
    # torch before 1.5
    Sign("RuntimeError: ", r"RuntimeError: cuda runtime error \(\d{1,4}\) : device-side assert triggered"),
    Sign("THCudaCheck FAIL", r"THCudaCheck FAIL .{0,300} error=\d{1,4} : device-side assert triggered"),
)
ASSERTION = Sign("Assertion", r"\.cuh?:\d{1,6}: .{0,300}Assertion .{1,200} failed")
KNOWN = (index_out_of_bounds.SIGN, label_outside_classes.ON_GPU, scatter_out_of_bounds.ON_GPU)


def check(log: TrainLog, _: object) -> Iterator[Finding]:
    if log.with_sign(*KNOWN):
        return
    assertions = log.with_sign(ASSERTION)
    for line in [*assertions, *log.with_sign(*SIGNS)][:1]:
        raised = log.raised_after(line)
        said = line.text.partition("Assertion ")[2].partition(" failed")[0][:120]
        what = (
            f"a check on the GPU failed: {said}" if said else "a check on the GPU failed; the log does not hold which"
        )
        again, look = blocking(log), check_data(log, line.run, trainer_at(log, line))
        yield Finding(what, log.span(line), evidence(line, raised), commands=(again, look))


BAD = """\
Traceback (most recent call last):
  File "train.py", line 40, in <module>
    loss.backward()
RuntimeError: CUDA error: device-side assert triggered
CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be incorrect.
For debugging consider passing CUDA_LAUNCH_BLOCKING=1
"""

RULE = Rule(
    __name__,
    Severity.ERROR,
    (TRAIN_LOG,),
    check,
    (Example(BAD, BAD.replace("CUDA error: device-side assert triggered", "CUDA out of memory.")),),
    signs=(*SIGNS, ASSERTION),
    may_follow=True,
    is_general=True,
)
