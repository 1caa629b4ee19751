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
from patchkit.subjects.environment.machine import Machine
from patchkit.subjects.environment.wheels import differing


def check(environment: Environment, _: Machine) -> Iterator[Finding | Skipped]:
    for build in environment.frameworks:
        if build.cuda is None:
            continue
        found = differing(environment, build.package)
        if not found:
            continue
        message = f"{build.label}, {build.kind}, pins other nvidia wheels: {'; '.join(pin.told for pin in found)}"
        first = found[0]
        evidence = f'{first.asked_in}:{first.requirement.line}: "Requires-Dist: {first.requirement.text}"'
        exact = [pin.wanted.removesuffix(".*") if pin.wanted.count("=") == 2 else pin.wanted for pin in found]
        command = environment.commands.install(*exact, no_deps=True)
        yield Finding(message, Span(str(first.asked_in), first.requirement.line), evidence, commands=(command,))


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
