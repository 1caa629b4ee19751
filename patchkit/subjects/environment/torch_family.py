"""torch, torchvision and torchaudio: each release goes with one of torch, so they are changed together."""

import re

from patchkit.subjects.environment.environment import Environment
from patchkit.subjects.environment.package import Package
from patchkit.subjects.environment.versions import Numbers, numbers, public

LAST_TORCHAUDIO = 11  # torchaudio 2.11 is the last one, and asks for no release of torch
LAST_OF_CONDA = (2, 5)  # of torch in the channel of its makers
_RELEASE = re.compile(r"\d+(\.\d+)+(\+(cpu|xpu|cu\d+|rocm[\d.]+))?")


def is_release(version: str) -> bool:
    """True if an index has it: not for a nightly, a build from source, or one of NVIDIA's images."""
    return _RELEASE.fullmatch(version) is not None


def whose(version: str) -> str:
    """What to do about a torch that is no release, in words to end a message with; empty for a release."""
    if is_release(version):
        return ""
    if re.search(r"\+.*\bnv\d", version):
        return "; this torch is a build of NVIDIA that no index has: take another tag of NVIDIA's image"
    return "; this torch is no release but a nightly or a build of one's own: install a release, or build it again"


def install_torch(
    environment: Environment, release: str, *gone: Package, index: str = "", cuda: str = "", note: str = ""
) -> tuple[str, ...]:
    """The command for another torch, with the torchvision and torchaudio that go with it where there are some.

    `release` is 2.1.0+cu118, or 2.1.* for the newest of them. What is in the way is taken away first: pip takes one
    build of a release for another. `note` is the command for a torch that no index has, and for one of conda that
    conda has no other of.
    """
    torch = environment.find("torch")
    others = [package for name in ("torchvision", "torchaudio") if (package := environment.find(name))]
    version = numbers(release)
    if torch is not None and environment.is_of_conda(torch):
        return _of_conda(environment, public(release), cuda, [package.name for package in others]) or (note,)
    if not is_release(release.removesuffix(".*")):
        return (note,)
    names = [f"torch=={release}", *(f"{package.name}{_beside(package.name, version)}" for package in others)]
    install = environment.commands.install(*names, index=index)
    away = [*gone, *others]
    return (f"{environment.commands.uninstall(*away)} && {install}" if away else install,)


def _beside(name: str, torch: Numbers) -> str:
    """The range of its releases that go with a torch.

    Source   https://pytorch.org/get-started/previous-versions/; from torch 1.7 on.
    """
    major, minor = (*torch, 0)[:2]
    if major == 1:
        return f"==0.{minor + 1 if name == 'torchvision' else minor}.*"
    return f"==0.{minor + 15}.*" if name == "torchvision" else f"==2.{min(minor, LAST_TORCHAUDIO)}.*"


def _of_conda(environment: Environment, release: str, cuda: str, others: list[str]) -> tuple[str, ...]:
    """conda solves before it takes anything away, and knows which releases go together."""
    commands = environment.commands
    if environment.conda_channel("pytorch") == "conda-forge":
        chosen = [f"cuda-version={cuda}"] if cuda else []
        return (commands.conda(f"pytorch-gpu={release}", *others, *chosen, channels=("conda-forge",)),)
    if numbers(release)[:2] > LAST_OF_CONDA or not cuda:
        return ()
    names = [f"pytorch={release}", *others, f"pytorch-cuda={cuda}"]
    return (commands.conda(*names, channels=("pytorch", "nvidia")),)
