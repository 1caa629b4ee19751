"""The cuDNN that was loaded is not the right one.

What         `cuDNN version incompatibility`, a libcudnn that cannot be loaded, `CUDNN_STATUS_VERSION_MISMATCH`,
             `ARCH_MISMATCH` or `NOT_SUPPORTED`.
Why          torch brings its own cuDNN. Another one that is found first, by LD_LIBRARY_PATH or because a package
             installed nvidia-cudnn in another version, does not fit to it.
Example      RuntimeError: cuDNN version incompatibility: PyTorch was compiled against (8, 9, 2) but found version (8,
             6, 0)
Fix safety   no fix of the log. Start it without LD_LIBRARY_PATH, or install torch anew, and nothing over it.
References   pytorch/pytorch torch/backends/cudnn/__init__.py; pytorch/pytorch#104591.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity
from patchkit.rule import Example, Rule, Sign
from patchkit.subjects.train_log.cures import DOCTOR, again
from patchkit.subjects.train_log.first_line import at_first_line
from patchkit.subjects.train_log.lines import HANDLED
from patchkit.subjects.train_log.log import TRAIN_LOG, TrainLog

SIGNS = (
    Sign("cuDNN version", r"cuDNN version incompatibility"),
    Sign("Could not load library", r"Could not load library libcudnn"),
    Sign("Unable to load any of {", r"Unable to load any of \{libcudnn"),
    Sign("cannot open shared object", r"libcudnn\w{0,40}\.so[.\d]{0,12}: cannot open shared object file"),
    Sign("CUDNN_STATUS_", r"CUDNN_STATUS_(?:\w{0,12}VERSION_MISMATCH|ARCH_MISMATCH|NOT_SUPPORTED)", HANDLED),
)


def check(log: TrainLog, _: object) -> Iterator[Finding]:
    return at_first_line(
        log, SIGNS, "the cuDNN that was loaded is not the one that torch needs", DOCTOR, again(log, "LD_LIBRARY_PATH=")
    )


RULE = Rule(
    __name__,
    Severity.ERROR,
    (TRAIN_LOG,),
    check,
    (
        Example(
            "RuntimeError: cuDNN version incompatibility: PyTorch was compiled against (8, 9, 2)\n",
            "cuDNN version 8902 is used\n",
        ),
        Example(
            "Could not load library libcudnn_cnn_infer.so.8. Error: libcudnn_cnn_infer.so.8: cannot open\n",
            "ImportError: libGL.so.1: cannot open shared object file: No such file or directory\n",
        ),
    ),
    signs=SIGNS,
)
