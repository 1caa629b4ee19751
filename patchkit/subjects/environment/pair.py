"""torch and torchvision: torchvision is compiled against one build of torch, so the two are changed together."""

from patchkit.subjects.environment.environment import Environment
from patchkit.subjects.environment.package import Package


def install_torch(environment: Environment, requirement: str, *gone: Package, index: str = "") -> str:
    """The command for another torch, with the torchvision that the resolver finds for it if there is one now.

    What is in the way is taken away first: pip takes one build of a release for another.
    """
    torchvision = environment.find("torchvision")
    away = [*gone, *([torchvision] if torchvision else [])]
    names = [requirement, *([torchvision.name] if torchvision else [])]
    install = environment.commands.install(*names, index=index)
    return f"{environment.commands.uninstall(*away)} && {install}" if away else install
