"""numpy 2 is installed with a framework of before numpy 2.

What         numpy 2 beside torch before 2.3, on Windows before 2.4.1: an error; or beside paddle before 2.6.2: a
             warning.
Why          torch before 2.3 was compiled for numpy 1 and does not work with numpy 2: it warns on import, and
             `from_numpy` then raises `RuntimeError: Numpy is not available`, in the first batch of the data loader.
             The wheels of 2.3 and 2.4.0 for Windows were compiled for numpy 1 as well. With paddle 2.6.1
             `numpy.array(tensor)` was reported to raise a TypeError about `copy`. paddle 2.6.2 was run with
             numpy 2.4.6: arrays and tensors are converted both ways.
Example      torch 2.1.0 with numpy 2.0.1
Fix safety   safe, unless another package asks for numpy 2.
References   pytorch/pytorch#107302 and #132179 ("2.3.0 is the first version that supports NumPy 2.0");
             #131668 and #128860 (Windows); numpy/numpy#26191; Paddle#67599 and NVIDIA/DALI#6487 (2.6.1).
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity, Span
from patchkit.rule import Example, Rule
from patchkit.subjects.environment.environment import ENVIRONMENT, PADDLES, Environment
from patchkit.subjects.environment.machine import Machine
from patchkit.subjects.environment.package import Package
from patchkit.subjects.environment.versions import is_before, numbers

FIRST = {  # release that takes numpy 2, severity for older ones, source
    "torch": ((2, 3), Severity.ERROR, "pytorch/pytorch#132179: 2.3.0 is the first that supports numpy 2"),
    "paddlepaddle": ((2, 6, 2), Severity.WARNING, "Paddle#67599: TypeError in 2.6.1; 2.6.2 was run with numpy 2.4.6"),
}
WINDOWS = ((2, 4, 1), Severity.ERROR, "pytorch/pytorch#131668: the wheels of 2.4.0 for Windows do not take numpy 2")


def check(environment: Environment, _: Machine) -> Iterator[Finding]:
    numpy = environment.find("numpy")
    if numpy is None or numbers(numpy.version)[:1] < (2,):
        return
    for package in filter(None, (environment.find("torch"), environment.find(*PADDLES))):
        first, severity, source = limit = FIRST[package.name.removesuffix("-gpu")]
        version = _version(environment, package)
        if package.name == "torch" and not is_before(version, first) and package.is_for_windows:
            first, severity, source = limit = WINDOWS
        if is_before(version, first):
            built = "for Windows was built with numpy 1" if limit is WINDOWS else "is of before numpy 2"
            message = f"{package.name} {version} {built}, and numpy {numpy.version} is installed"
            evidence = f"{package.info.name} and {numpy.info.name}; {source}"
            command = environment.commands.install("numpy<2")
            yield Finding(message, Span(str(numpy.metadata)), evidence, severity=severity, commands=(command,))


def _version(environment: Environment, package: Package) -> str:
    """That of the code: of two folders of metadata, or one that names no version, its own file says which it is."""
    if package.tagged and len(environment.all(package.name)) == 1:
        return package.version
    build = environment.torch if package.name == "torch" else environment.paddle
    return build.version if build else package.version


_TORCH = "-- site/torch-{}.dist-info/METADATA --\nName: torch\n-- site/numpy-{}.dist-info/METADATA --\nName: numpy\n"
_WINDOWS = "-- site/torch-{0}.dist-info/WHEEL --\nTag: cp312-cp312-{1}\n"
_PADDLE = (
    "-- site/paddlepaddle-{}.dist-info/METADATA --\nName: paddlepaddle\n"
    "-- site/numpy-2.1.0.dist-info/METADATA --\nName: numpy\n"
)
RULE = Rule(
    __name__,
    Severity.ERROR,
    (ENVIRONMENT,),
    check,
    (
        Example(_TORCH.format("2.1.0+cu121", "2.0.1"), _TORCH.format("2.1.0+cu121", "1.26.4")),
        Example(_TORCH.format("2.2.2", "2.0.1"), _TORCH.format("2.3.0", "2.0.1")),
        Example(
            _TORCH.format("2.4.0", "2.0.1") + _WINDOWS.format("2.4.0", "win_amd64"),
            _TORCH.format("2.4.0", "2.0.1") + _WINDOWS.format("2.4.0", "manylinux1_x86_64"),
        ),
        Example(_PADDLE.format("2.6.1"), _PADDLE.format("2.6.2")),
    ),
)
