"""The NVIDIA driver is too old for the CUDA runtime of the framework.

What         The driver that is loaded is older than the least one that runs programs of this major CUDA release.
Why          torch then says `The NVIDIA driver on your system is too old` and trains on the CPU, or stops. Inside a
             major release an older driver will do: CUDA 12.8 runs on the driver of 12.0.
Example      torch for CUDA 12.1 with driver 470.199.02: it needs 525.60.13
Fix safety   a newer driver runs all older CUDA releases. A build for an older CUDA release may lack a GPU generation.
             Where no build of the same torch is known that the driver runs, the newest older torch that has one is
             named; the page of previous versions has builds of later releases.
             A forward-compatibility package (cuda-compat) makes an older driver of data-centre GPUs do: where one is
             found, the rule does not run.
References   https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html, tables 1 and 2;
             https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/: minimum required driver version;
             https://pytorch.org/get-started/previous-versions/: the CUDA builds of each torch.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity, Skipped, Span
from patchkit.rule import Example, Rule
from patchkit.subjects.environment.environment import ENVIRONMENT, Environment
from patchkit.subjects.environment.frameworks import Build
from patchkit.subjects.environment.machine import Machine
from patchkit.subjects.environment.versions import Numbers, is_before, numbers, public

SOURCE = "https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html"
LEAST: dict[Numbers, str] = {  # CUDA release to the least driver for Linux; a major alone: all of it
    (13,): "580",
    (12,): "525.60.13",
    (11, 0): "450.36.06",
    (11,): "450.80.02",
    (10, 2): "440.33",
    (10, 1): "418.39",
    (10, 0): "410.48",
    (9, 2): "396.26",
    (9, 1): "390.46",
    (9, 0): "384.81",
}
# CUDA builds of torch releases on download.pytorch.org/whl, newest first, that older drivers run.
INDEXES: dict[Numbers, tuple[str, ...]] = {
    (2, 0): ("cu118", "cu117"),
    (2, 1): ("cu121", "cu118"),
    (2, 2): ("cu121", "cu118"),
    (2, 3): ("cu121", "cu118"),
    (2, 4): ("cu124", "cu121", "cu118"),
    (2, 5): ("cu124", "cu121", "cu118"),
    (2, 6): ("cu126", "cu124", "cu118"),
    (2, 7): ("cu128", "cu126", "cu118"),
    (2, 8): ("cu129", "cu128", "cu126"),
    (2, 9): ("cu130", "cu128", "cu126"),
}


def check(environment: Environment, machine: Machine) -> Iterator[Finding | Skipped]:
    for build in environment.frameworks:
        if build.cuda is None:
            continue
        driver = machine.driver
        if driver is None:
            yield Skipped(f"{build.label}, {build.kind}: of the NVIDIA driver, {machine.driver_told}")
            continue
        least = _least(build.cuda)
        if least is None:
            yield Skipped(f"nothing is known of the driver that {build.kind} needs")
        elif numbers(driver.version) < numbers(least):
            if machine.forward_compatibility is not None:
                yield Skipped(f"{machine.forward_compatibility} may make driver {driver.version} do for {build.kind}")
                continue
            from patchkit.subjects.environment.torch_family import whose

            message = (
                f"driver {driver.version} is too old for {build.label}: {build.kind} needs {least} or newer; "
                "update the driver, or install a build for an older CUDA release"
            )
            message += whose(build.version) if build.package.name == "torch" else ""
            evidence = f"{driver.source}; {build.file}:{build.line}: CUDA {build.cuda}; {SOURCE}"
            yield Finding(
                message, Span(str(build.file), build.line), evidence, commands=_cure(environment, build, driver.version)
            )


def _least(cuda: str) -> str | None:
    release = numbers(cuda)
    return LEAST.get(release[:2], LEAST.get(release[:1]))


def _cure(environment: Environment, build: Build, driver: str) -> tuple[str, ...]:
    """A build that this driver runs: of the same torch, else of the newest one before it that is known to have one."""
    from patchkit.subjects.environment.indexes import TORCH
    from patchkit.subjects.environment.paddles import install_paddle
    from patchkit.subjects.environment.torch_family import LAST_OF_CONDA, install_torch, is_release

    explain = "patchkit explain driver-too-old"
    if build.package.name != "torch":
        runs_11 = numbers(driver) >= numbers(LEAST[(11,)])
        is_known = runs_11 and not is_before(build.version, (3,)) and not (build.cuda or "").startswith("11")
        return (*([install_paddle(environment, build, driver)] if is_known else []), explain)
    if not is_release(build.version):
        return (explain,)
    mine = numbers(build.version)[:2]
    last = LAST_OF_CONDA if environment.is_of_conda(build.package) else mine
    for release in sorted((release for release in INDEXES if release <= min(mine, last)), reverse=True):
        for tag in INDEXES[release]:
            cuda = f"{tag[2:-1]}.{tag[-1]}"
            least = _least(cuda)
            if least is not None and numbers(driver) >= numbers(least):
                is_same = release == mine
                wanted = f"{public(build.version)}+{tag}" if is_same else f"{release[0]}.{release[1]}.*"
                index = f"{TORCH}{tag}"
                found = install_torch(environment, wanted, index=index, cuda=cuda, note=explain)
                return found if is_same else (*found, explain)
    return (explain,)


_TORCH = (
    "-- site/torch/version.py --\n__version__ = '2.1.0+cu121'\ncuda = '12.1'\n"
    "-- site/torch-2.1.0.dist-info/METADATA --\nName: torch\n"
    "-- machine/proc/driver/nvidia/version --\n"
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  {}  Thu May 11 11:46:56 UTC 2023\n"
)
_OPEN = (
    "-- site/paddle/version/__init__.py --\nfull_version = '3.0.0'\ncuda_version = '12.6'\n"
    "-- site/paddlepaddle_gpu-3.0.0.dist-info/METADATA --\nName: paddlepaddle-gpu\n"
    "-- machine/proc/driver/nvidia/version --\n"
    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  {}  Release Build  (archlinux-builder@)\n"
)
RULE = Rule(
    __name__,
    Severity.ERROR,
    (ENVIRONMENT,),
    check,
    (
        Example(_TORCH.format("470.199.02"), _TORCH.format("535.104.05")),
        Example(_OPEN.format("515.65.01"), _OPEN.format("525.60.13")),
    ),
)
