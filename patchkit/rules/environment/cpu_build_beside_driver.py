"""A framework without CUDA is installed beside an NVIDIA driver.

What         torch or paddle is a build without CUDA, ROCm or XPU, and a driver of NVIDIA is loaded.
Why          Training runs on the CPU, a hundred times slower, and nothing but `CUDA:0` missing from the first line of
             the log tells of it. `pip install` of another package can bring the CPU build in: from a mirror or an
             index that holds only those, or as `paddlepaddle` where `paddlepaddle-gpu` was meant.
Example      torch 2.5.1+cpu on a machine with driver 535.104.05
Fix safety   the wheels of CUDA take some gigabytes.
References   https://pytorch.org/get-started/locally/; https://www.paddlepaddle.org.cn/en/install/quick
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity, Span
from patchkit.rule import Example, Rule
from patchkit.subjects.environment.environment import ENVIRONMENT, PADDLES, Environment
from patchkit.subjects.environment.frameworks import Build
from patchkit.subjects.environment.machine import Machine
from patchkit.subjects.environment.versions import public


def check(environment: Environment, machine: Machine) -> Iterator[Finding]:
    driver = machine.driver
    if driver is None:
        return
    for build in environment.frameworks:
        if build.cuda is None and build.other is None and not _is_of_two(environment, build):
            from patchkit.subjects.environment.torch_family import whose

            message = f"{build.label} is a build for the CPU, on a machine with NVIDIA driver {driver.version}"
            message += whose(build.version) if build.package.name == "torch" else ""
            evidence = f"{build.file}:{build.line} names no CUDA; {driver.source}"
            yield Finding(
                message, Span(str(build.file), build.line), evidence, commands=_cure(environment, build, driver.version)
            )


def _is_of_two(environment: Environment, build: Build) -> bool:
    """True if both distributions of paddle installed these files: module-owned-twice tells it, with its cure."""
    packages = (environment.find(name) for name in PADDLES)
    found = [package for package in packages if package and package.listed(["paddle/__init__.py"])]
    return build.package in found and len(found) > 1


def _cure(environment: Environment, build: Build, driver: str) -> tuple[str, ...]:
    from patchkit.subjects.environment.indexes import PYPI
    from patchkit.subjects.environment.paddles import install_paddle
    from patchkit.subjects.environment.torch_family import install_torch

    if build.package.name == "torch":
        # The index of PyPI holds the CUDA build for Linux; the local part of the version is that of the CPU.
        # A build that every driver of CUDA 12 runs is the one for conda.
        note = "patchkit explain cpu-build-beside-driver"
        return install_torch(environment, public(build.version), build.package, index=PYPI, cuda="12.1", note=note)
    return (install_paddle(environment, build, driver),)


_DRIVER = (
    "-- machine/proc/driver/nvidia/version --\n"
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\n"
)
_TORCH = "-- site/torch-2.5.1.dist-info/METADATA --\nName: torch\n-- site/torch/version.py --\n"
_PADDLE = (
    "-- site/paddlepaddle-3.0.0.dist-info/METADATA --\nName: paddlepaddle\n-- site/paddle/version/__init__.py --\n"
)
RULE = Rule(
    __name__,
    Severity.WARNING,
    (ENVIRONMENT,),
    check,
    (
        Example(
            f"{_DRIVER}{_TORCH}__version__ = '2.5.1+cpu'\ncuda = None\nhip = None\n",
            f"{_DRIVER}{_TORCH}__version__ = '2.5.1+cu124'\ncuda = '12.4'\nhip = None\n",
        ),
        Example(
            f"{_DRIVER}{_PADDLE}full_version = '3.0.0'\ncuda_version = 'False'\n",
            f"{_PADDLE}full_version = '3.0.0'\ncuda_version = 'False'\n",
        ),
    ),
)
