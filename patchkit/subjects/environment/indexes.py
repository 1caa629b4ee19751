"""Where the builds of torch and paddle lie that PyPI does not have."""

import re

from patchkit.errors import PatchkitError
from patchkit.subjects.environment.package import Package
from patchkit.subjects.environment.versions import is_before

PYPI = "https://pypi.org/simple"
TORCH = "https://download.pytorch.org/whl/"
PADDLE = "https://www.paddlepaddle.org.cn/packages/stable/"
PADDLE_PAGE = "https://www.paddlepaddle.org.cn/whl/linux/mkl/avx/stable.html"  # paddle 2, other CUDA than that of PyPI
PADDLE_TAG = "cu126"  # every release of paddle 3 has it


def index_of(package: Package) -> str:
    """The index, or the page of links, that has this build; empty for that of the user.

    Source   https://pytorch.org/get-started/previous-versions/; https://www.paddlepaddle.org.cn/en/install/quick: from
             3.0 on paddlepaddle-gpu is not on PyPI, whose last one is 2.6.2.
    """
    local = package.version.partition("+")[2]
    if package.name in ("torch", "torchvision", "torchaudio") and local.startswith(("cu", "cpu", "rocm", "xpu")):
        return f"{TORCH}{local}"
    if package.name == "paddlepaddle-gpu":
        if not is_before(package.version, (3,)):
            return f"{PADDLE}{_paddle_tag(package)}/"
        return PADDLE_PAGE if ".post" in package.version else ""
    return ""


def _paddle_tag(package: Package) -> str:
    """cu126 of a paddle that asks for nvidia-cuda-runtime-cu12==12.6.77."""
    try:
        asked = [one.range for one in package.requirements if one.name.startswith("nvidia-cuda-runtime")]
    except PatchkitError:
        asked = []
    found = (re.search(r"==(\d+)\.(\d+)", range) for range in asked)
    return next((f"cu{match[1]}{match[2]}" for match in found if match), PADDLE_TAG)
