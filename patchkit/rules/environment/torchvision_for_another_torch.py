"""torchvision was built for another torch.

What         The torch that is installed is not the release, or not the CUDA build, that torchvision was built for.
Why          The compiled operators of torchvision are not loaded then: `operator torchvision::nms does not exist`, or
             `Couldn't load custom C++ ops`, at the first validation. Where the CUDA majors differ, the import fails.
Example      torchvision 0.16.0, which asks for torch 2.1.0, with torch 2.2.0
Fix safety   safe: it brings the torchvision that the maintainers released with this torch.
References   pytorch/vision#4222, #8985; Requires-Dist of torchvision; torchvision/extension.py, _check_cuda_version.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity, Span
from patchkit.rule import Example, Rule
from patchkit.subjects.environment.environment import ENVIRONMENT, Environment
from patchkit.subjects.environment.machine import Machine
from patchkit.subjects.environment.package import Package
from patchkit.subjects.environment.versions import satisfies


def check(environment: Environment, _: Machine) -> Iterator[Finding]:
    torch, torchvision = environment.find("torch"), environment.find("torchvision")
    if torch is None or torchvision is None:
        return
    for requirement in torchvision.requirements:
        is_asked = requirement.name == "torch" and not requirement.marker
        if is_asked and satisfies(torch.version, requirement.range) is False:
            from patchkit.subjects.environment.torch_family import whose

            message = f"{torchvision.label} asks for torch{requirement.range}, and {torch.label} is installed"
            message += whose(torch.version)
            evidence = f'{torchvision.metadata}:{requirement.line}: "Requires-Dist: {requirement.text}"'
            place = Span(str(torchvision.metadata), requirement.line)
            yield Finding(message, place, evidence, commands=_cure(environment, torch))
            return
    yield from _builds(environment, torch, torchvision)


def _builds(environment: Environment, torch: Package, torchvision: Package) -> Iterator[Finding]:
    """The CUDA builds, where both of them say theirs."""
    mine, other = environment.torch, environment.torchvision
    if mine is None or other is None or mine.other is not None:
        return
    is_for_cpu = other.version.endswith("+cpu")
    if (is_for_cpu and mine.cuda is None) or (not is_for_cpu and other.cuda is None):
        return
    if (mine.cuda or "").partition(".")[0] != (other.cuda or "").partition(".")[0]:
        message = f"{other.label} is a build for {other.kind}, and {mine.label} one for {mine.kind}"
        evidence = f"{other.file}:{other.line}; {mine.file}:{mine.line}"
        commands = _cure(environment, torch)
        yield Finding(message, Span(str(other.file), other.line), evidence, commands=commands)


def _cure(environment: Environment, torch: Package) -> tuple[str, ...]:
    """Let the resolver find the torchvision for this torch, in the index that torch came from."""
    from patchkit.subjects.environment.indexes import index_of
    from patchkit.subjects.environment.torch_family import install_torch

    mine = environment.torch
    cuda = (mine.cuda or "") if mine and environment.is_of_conda(torch) else ""
    note = "patchkit explain torchvision-for-another-torch"
    return install_torch(environment, torch.version, index=index_of(torch), cuda=cuda, note=note)


_PAIR = (
    "-- site/torch-{}.dist-info/METADATA --\nName: torch\n"
    "-- site/torchvision-0.16.0.dist-info/METADATA --\nName: torchvision\nRequires-Dist: torch (==2.1.0)\n"
)
_BUILDS = (
    "-- site/torch-2.1.0.dist-info/METADATA --\nName: torch\n"
    "-- site/torch/version.py --\n__version__ = '2.1.0+cu121'\ncuda = '12.1'\n"
    "-- site/torchvision-0.16.0.dist-info/METADATA --\nName: torchvision\nRequires-Dist: torch==2.1.0\n"
    "-- site/torchvision/version.py --\n__version__ = '0.16.0+{}'\n"
)
RULE = Rule(
    __name__,
    Severity.ERROR,
    (ENVIRONMENT,),
    check,
    (
        Example(_PAIR.format("2.2.0"), _PAIR.format("2.1.0+cu121")),
        Example(_BUILDS.format("cpu"), _BUILDS.format("cu121")),
        Example(_BUILDS.format("cu118"), _BUILDS.format("cu121")),
    ),
)
