"""Environments with the real frameworks, gigabytes each, built once per machine in PATCHKIT_TEST_CACHE (.cache)."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
CACHE = Path(os.environ.get("PATCHKIT_TEST_CACHE", CHECKOUT / ".cache"))
TORCH = (
    *("torch==2.14.1", "torchvision==0.29.1", "ultralytics==8.4.190"),
    *("py-cpuinfo", "pandas", "seaborn", "setuptools<81", "thop", "tqdm"),  # of earlier releases of ultralytics
)
PADDLE = ("paddlepaddle==3.3.1",)
# paddledet 2.6.0 asks for a numpy that its own code does not need, so it comes without what it names.
PADDLEDET = ("paddledet==2.6.0",)
PADDLEDET_IMPORTS = (
    *("imgaug", "opencv-python-headless", "pandas", "pycocotools", "pyyaml", "requests", "scikit-learn", "scipy"),
    *("setuptools<81", "shapely", "tqdm", "typeguard"),
)


def torch_python() -> Path:
    """A Python with torch, torchvision, and all that the releases of ultralytics import."""
    return built("torch", [TORCH])


def paddle_python() -> Path:
    """A Python with paddlepaddle and PaddleDetection."""
    return built("paddle", [(*PADDLE, *PADDLEDET_IMPORTS), ("--no-deps", *PADDLEDET)])


def engines_python() -> Path:
    """A Python with this checkout, Dask and Ray."""
    return built("engines", [("--editable", f"{CHECKOUT}[dask,ray]")])


def built(name: str, installs: list[tuple[str, ...]]) -> Path:
    folder = CACHE / "frameworks" / name
    python, stamp = folder / "bin/python", folder / "ready"
    wanted = "\n".join(" ".join(requirements) for requirements in installs)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            uv = [sys.executable, "-m", "uv"]
            subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True)
            for requirements in installs:
                subprocess.run(
                    [*uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *requirements],
                    check=True,
                )
            stamp.write_text(wanted)
    return python
