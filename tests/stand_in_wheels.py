"""Wheels in the place of those that are too large for a test: their metadata is real in form, their files are small."""

import base64
import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

CUBLAS = {"nvidia/cublas/lib/libcublas.so.12": "cublas\n", "nvidia/cublas/lib/libcublasLt.so.12": "cublasLt\n"}
LINUX = 'platform_system == "Linux"'
PINS = [f"nvidia-cublas-cu12==12.1.3.1; {LINUX}", f"nvidia-cudnn-cu12==8.9.2.26; {LINUX}", "filelock"]


def stand_in(
    folder: Path, name: str, version: str, files: Mapping[str, str] | None = None, requires: Sequence[str] = ()
) -> Path:
    """A wheel with these files, as installers take it."""
    package = name.replace("-", "_")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{package}-{version}-py3-none-any.whl"
    info = f"{package}-{version}.dist-info"
    head = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}", *(f"Requires-Dist: {one}" for one in requires)]
    contents = {
        **(files or {}),
        f"{info}/METADATA": "\n".join(head) + "\n\nA stand-in.\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [f"{file},sha256={_digest(text)},{len(text)}" for file, text in contents.items()]
    contents[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,"]) + "\n"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in contents.items():
            archive.writestr(file, text)
    return path


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


def torch(
    folder: Path, version: str = "2.1.0", cuda: str = "'12.1'", requires: Sequence[str] = (), *, named: bool = False
) -> Path:
    """A torch that says this of itself, as the wheels of PyPI do. One of another index names its build: `named`."""
    local = f"+cu{cuda.strip(chr(39)).replace('.', '')}" if cuda != "None" else "+cpu"
    text = (
        "from typing import Optional\n\n__all__ = ['__version__', 'debug', 'cuda', 'git_version', 'hip']\n"
        f"__version__ = '{version}{local}'\ndebug = False\ncuda: Optional[str] = {cuda}\n"
        "git_version = '5c4886908584'\nhip: Optional[str] = None\n"
    )
    version += local if named else ""
    return stand_in(folder, "torch", version, {"torch/__init__.py": "", "torch/version.py": text}, requires)


def torchvision(folder: Path, version: str, local: str, requires: Sequence[str] = ()) -> Path:
    text = f"__version__ = '{version}{local}'\ngit_version = '1f1a920d685d'\n"
    files = {"torchvision/__init__.py": "", "torchvision/version.py": text}
    return stand_in(folder, "torchvision", version, files, requires)


def paddle(folder: Path, name: str, version: str, cuda: str = "False") -> Path:
    text = (
        f"full_version     = '{version}'\ncuda_version     = '{cuda}'\ncudnn_version    = 'False'\ncommit = '7688495'\n"
    )
    return stand_in(folder, name, version, {"paddle/__init__.py": "", "paddle/version/__init__.py": text})


def sound(folder: Path) -> list[Path]:
    """Wheels that go together."""
    return [
        torch(folder, requires=PINS),
        stand_in(folder, "nvidia-cublas-cu12", "12.1.3.1", CUBLAS),
        stand_in(folder, "nvidia-cudnn-cu12", "8.9.2.26", {"nvidia/cudnn/lib/libcudnn.so.8": "cudnn\n"}),
        torchvision(folder, "0.16.0", "+cu121", ["torch (==2.1.0)"]),
        stand_in(folder, "numpy", "1.26.4", {"numpy/__init__.py": ""}),
        stand_in(folder, "opencv-python", "4.10.0.84", {"cv2/__init__.py": ""}),
    ]
