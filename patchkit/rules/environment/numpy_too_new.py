"""numpy 2 is installed with a framework that was compiled for numpy 1.

What         numpy 2 beside torch before 2.3, or paddle before 3.0.
Why          Extensions that were compiled for numpy 1 do not work with numpy 2. torch warns on import, and `from_numpy`
             then raises `RuntimeError: Numpy is not available`, in the first batch of the data loader. With paddle 2.6
             `numpy.array(tensor)` raises a TypeError about `copy`.
Example      torch 2.1.0 with numpy 2.0.1
Fix safety   safe, unless another package asks for numpy 2.
References   pytorch/pytorch#107302 and #132179 ("2.3.0 is the first version that supports NumPy 2.0");
             numpy/numpy#26191; Paddle#65396, #67599 and pull request #64937.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity, Span
from patchkit.rule import Example, Rule
from patchkit.subjects.environment.environment import ENVIRONMENT, PADDLES, Environment
from patchkit.subjects.environment.machine import Machine
from patchkit.subjects.environment.versions import is_before, numbers

FIRST = {"torch": ((2, 3), "pytorch/pytorch#132179"), "paddlepaddle": ((3, 0), "Paddle#65396, #67599")}


def check(environment: Environment, _: Machine) -> Iterator[Finding]:
    numpy = environment.find("numpy")
    if numpy is None or numbers(numpy.version)[:1] < (2,):
        return
    for package in filter(None, (environment.find("torch"), environment.find(*PADDLES))):
        first, source = FIRST[package.name.removesuffix("-gpu")]
        if is_before(package.version, first):
            release = ".".join(map(str, first))
            message = f"{package.label} was compiled for numpy 1, and numpy {numpy.version} is installed"
            evidence = f"{package.info.name} and {numpy.info.name}; numpy 2 is supported from {release} on: {source}"
            command = environment.commands.install("numpy<2")
            yield Finding(message, Span(str(numpy.metadata)), evidence, commands=(command,))


_TORCH = "-- site/torch-{}.dist-info/METADATA --\nName: torch\n-- site/numpy-{}.dist-info/METADATA --\nName: numpy\n"
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
        Example(_PADDLE.format("2.6.2"), _PADDLE.format("3.0.0")),
    ),
)
