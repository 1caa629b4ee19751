"""A CUDA library on LD_LIBRARY_PATH comes before that of the wheels.

What         A folder of LD_LIBRARY_PATH holds libcublas, libcublasLt or libcudnn under the name that the framework
             loads, in another release than its own wheels.
Why          The dynamic linker looks there first. libcublas.so of the wheel finds its libcublasLt.so through RUNPATH,
             which comes after LD_LIBRARY_PATH, so the two of them are of different releases. That ends in
             CUBLAS_STATUS_INVALID_VALUE or in `undefined symbol: cublasLt...`. It is the first thing that the
             maintainers of torch suspect when cuBLAS fails.
Example      LD_LIBRARY_PATH=/usr/local/cuda/lib64 with cuBLAS 12.2.5.6, and torch with nvidia-cublas-cu12 12.1.3.1
Fix safety   a program that needs the toolkit of the system may not find it any more in this shell. What torch loads
             through RPATH is not affected by LD_LIBRARY_PATH: the rule tells what may be loaded, not what was.
References   pytorch/pytorch#174320, #91067, #170676: libcublasLt of the system under libcublas of the wheel; ld.so(8).
"""

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from patchkit.findings import Finding, Severity, Skipped, Span
from patchkit.rule import Example, Rule
from patchkit.subjects.environment.environment import ENVIRONMENT, Environment
from patchkit.subjects.environment.libraries import Shadow, shadows
from patchkit.subjects.environment.machine import Machine


def check(environment: Environment, machine: Machine) -> Iterator[Finding | Skipped]:
    if not machine.library_path or not any(build.cuda for build in environment.frameworks):
        return
    found = list(shadows(environment, machine))
    for shadow in found:
        if shadow.differs is None:
            yield Skipped(f"{shadow.path} has the size of {shadow.own.path}, and nothing says which release it is")
    differing = [shadow for shadow in found if shadow.differs]
    for folder in dict.fromkeys(shadow.folder for shadow in differing):
        here = [shadow for shadow in differing if shadow.folder == folder]
        named = "the working directory, by an empty entry," if folder == Path() else folder
        message = f"LD_LIBRARY_PATH puts {named} before the wheels: {'; '.join(map(_told, here))}"
        path = machine.environ["LD_LIBRARY_PATH"]
        evidence = f"LD_LIBRARY_PATH={path}; {here[0].path.resolve()}; pytorch/pytorch#174320"
        commands = (_without(machine, {shadow.folder for shadow in differing}),)
        yield Finding(message, Span(str(here[0].path)), evidence, commands=commands)


def _told(shadow: Shadow) -> str:
    version = f" {shadow.version}" if shadow.version else " of another size"
    return f"{shadow.path.name}{version} before that of {shadow.own.owner}"


def _without(machine: Machine, folders: set[Path]) -> str:
    left = os.pathsep.join(str(place) for place in machine.library_path if place not in folders)
    return f"export LD_LIBRARY_PATH={shlex.quote(left)}" if left else "unset LD_LIBRARY_PATH"


_WHEELS = (
    "-- site/torch/version.py --\n__version__ = '2.1.0+cu121'\ncuda = '12.1'\n"
    "-- site/torch-2.1.0.dist-info/METADATA --\nName: torch\n"
    "-- site/nvidia_cublas_cu12-12.1.3.1.dist-info/METADATA --\nName: nvidia-cublas-cu12\n"
    "-- site/nvidia/cublas/lib/libcublasLt.so.12 --\nof the wheel\n"
)
_SYSTEM = (
    "-- machine/usr/local/cuda/lib64/libcublasLt.so.12 --\nof the system\n"
    "-- machine/usr/local/cuda/lib64/libcublasLt.so.12.2.5.6 --\nof the system\n"
)
RULE = Rule(
    __name__,
    Severity.WARNING,
    (ENVIRONMENT,),
    check,
    (
        Example(_WHEELS + _SYSTEM, _WHEELS, {"LD_LIBRARY_PATH": "machine/usr/local/cuda/lib64"}),
        Example(
            _WHEELS + _SYSTEM,
            _WHEELS + _SYSTEM.replace("12.2.5.6", "12.1.3.1"),
            {"LD_LIBRARY_PATH": "machine/usr/local/cuda/lib64"},
        ),
    ),
)
