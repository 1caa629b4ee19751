"""An nvidia wheel is not the one that the framework pins.

What         torch or paddle names exact releases of the nvidia wheels that it was built and tested with, and another
             release of one is installed, or none.
Why          A later `pip install` of another package moves such a wheel and only prints a warning. cuBLAS and cuDNN of
             another release may crash, or give CUBLAS_STATUS_INVALID_VALUE or CUDNN_STATUS_NOT_INITIALIZED.
Example      torch 2.1.0 with nvidia-cublas-cu12 12.4.5.8: it pins 12.1.3.1
Fix safety   safe for the framework that pins it. Two frameworks that pin different releases cannot both be right in
             one environment: give each an environment of its own.
References   Requires-Dist of the wheels of torch 1.13 and later, and of paddlepaddle-gpu 3.0 and later; from
             torch 2.10 on through the extras of cuda-toolkit.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity, Skipped, Span
from patchkit.rule import Example, Rule
from patchkit.subjects.environment.environment import ENVIRONMENT, Environment
from patchkit.subjects.environment.frameworks import Build
from patchkit.subjects.environment.machine import Machine
from patchkit.subjects.environment.versions import satisfies
from patchkit.subjects.environment.wheels import Pin, differing, pins


def check(environment: Environment, _: Machine) -> Iterator[Finding | Skipped]:
    builds = [build for build in environment.frameworks if build.cuda is not None]
    off = [(build, found) for build in builds if (found := differing(environment, build.package))]
    if not off:
        return
    if len(builds) > 1 and (names := _contested(environment, builds)):
        one, other = builds
        message = f"{one.label} and {other.label} pin different releases of {', '.join(names)}: they cannot share an "
        message += "environment; install one of them in an environment of its own"
        commands = tuple(_alone(environment, kept, gone) for kept, gone in ((one, other), (other, one)))
        yield _finding(message, off[0][1][0], commands)
        return
    for build, found in off:
        message = f"{build.label}, {build.kind}, pins other nvidia wheels: {'; '.join(pin.told for pin in found)}"
        yield _finding(message, found[0], (_install(environment, found),))


def _finding(message: str, first: Pin, commands: tuple[str, ...]) -> Finding:
    evidence = f'{first.asked_in}:{first.requirement.line}: "Requires-Dist: {first.requirement.text}"'
    return Finding(message, Span(str(first.asked_in), first.requirement.line), evidence, commands=commands)


def _install(environment: Environment, found: list[Pin]) -> str:
    exact = [pin.wanted.removesuffix(".*") if pin.wanted.count("=") == 2 else pin.wanted for pin in found]
    return environment.commands.install(*exact, no_deps=True)


def _contested(environment: Environment, builds: list[Build]) -> list[str]:
    """The wheels that are off for one framework, and would be for the other if they were not."""
    wanted = [{pin.requirement.name: pin.requirement.range for pin in pins(environment, one.package)} for one in builds]
    found = [
        pin.requirement.name
        for build, others in zip(builds, reversed(wanted), strict=True)
        for pin in differing(environment, build.package)
        if satisfies(_release(pin), others.get(pin.requirement.name, "")) is False
    ]
    return list(dict.fromkeys(found))


def _release(pin: Pin) -> str:
    return pin.requirement.range.lstrip("= ").removesuffix(".*")


def _alone(environment: Environment, kept: Build, gone: Build) -> str:
    """Take one framework away, and bring the wheels of the other."""
    away = environment.commands.uninstall(gone.package)
    found = differing(environment, kept.package)
    return f"{away} && {_install(environment, found)}" if found else away


_TORCH = (
    "-- site/torch/version.py --\n__version__ = '2.1.0+cu121'\ncuda = '12.1'\n"
    "-- site/torch-2.1.0.dist-info/METADATA --\nMetadata-Version: 2.1\nName: torch\nVersion: 2.1.0\n"
    'Requires-Dist: nvidia-cublas-cu12 (==12.1.3.1) ; platform_system != "Plan 9"\n'
)
RULE = Rule(
    __name__,
    Severity.WARNING,
    (ENVIRONMENT,),
    check,
    (
        Example(
            f"{_TORCH}-- site/nvidia_cublas_cu12-12.4.5.8.dist-info/METADATA --\nName: nvidia-cublas-cu12\n",
            f"{_TORCH}-- site/nvidia_cublas_cu12-12.1.3.1.dist-info/METADATA --\nName: nvidia-cublas-cu12\n",
        ),
    ),
)
