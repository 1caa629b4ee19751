"""The GPU build of paddle that a driver runs."""

from patchkit.subjects.environment.environment import Environment
from patchkit.subjects.environment.frameworks import Build
from patchkit.subjects.environment.indexes import PADDLE, PADDLE_TAG, PYPI
from patchkit.subjects.environment.versions import is_before, numbers, public

CUDA_12 = (525, 60, 13)  # the least driver


def install_paddle(environment: Environment, build: Build, driver: str) -> str:
    """The same release for GPUs. paddle 3 lies in indexes of its own, by CUDA release; paddle 2 on PyPI.

    An index need not have the release: what is there is taken away only when the other one can be had.
    """
    commands, release = environment.commands, public(build.version)
    tag = PADDLE_TAG if numbers(driver) >= CUDA_12 else "cu118"
    index = PYPI if is_before(release, (3,)) else f"{PADDLE}{tag}/"
    requirement = f"paddlepaddle-gpu=={release}"
    attempt = commands.install(requirement, force=True, is_dry=True, index=index)
    return f"{attempt} && {commands.uninstall(build.package)} && {commands.install(requirement, index=index)}"
