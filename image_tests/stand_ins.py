"""Stand-ins for the images that the README starts from, built from Debian and PyPI alone, once per machine.

The real ones are gigabytes on a registry. A stand-in has the name, the path and the user of the real one, its places of
Python and pip, and its packages as distributions without code; TORCH_IMAGE has a real torch.

Builds need no network: pip and uv take their packages from /wheels, a folder that is mounted for each RUN. It holds the
real wheels of ultralytics, paddledet and uv, that of this checkout with what it needs, and stand-ins for the rest of
what ultralytics asks for.
"""

import hashlib
import platform
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from image_tests.buildah import Store, storage_driver
from tests.conftest import CACHE, REPOSITORY, checked, held, wheel
from tests.stand_in_wheels import stand_in

DEBIAN = "bookworm"  # Python 3.11
PYTHON = "3.11"
DEBIAN_IMAGE = "localhost/patchkit-debian:latest"
PYTORCH = "docker.io/pytorch/pytorch:2.4.1-cuda12.4-cudnn9-runtime"
PYTORCH_IMAGE = "localhost/patchkit-pytorch:latest"
TORCH_IMAGE = "localhost/patchkit-torch:latest"
PADDLE = "docker.io/paddlepaddle/paddle:2.6.2-gpu-cuda11.7-cudnn8.4-trt8.4"
PADDLE_IMAGE = "localhost/patchkit-paddle:latest"
SLIM = "docker.io/library/python:3.11-slim"
SLIM_IMAGE = "localhost/patchkit-slim:latest"
CONDA = "docker.io/condaforge/miniforge3:24.11.3-0"
CONDA_IMAGE = "localhost/patchkit-conda:latest"
UV = "ghcr.io/astral-sh/uv:0.13"
UV_IMAGE = "localhost/patchkit-uv:latest"
IMAGES = {
    PYTORCH: PYTORCH_IMAGE,
    PADDLE: PADDLE_IMAGE,
    SLIM: SLIM_IMAGE,
    CONDA: CONDA_IMAGE,
    UV: UV_IMAGE,
}
BASES = (DEBIAN_IMAGE, TORCH_IMAGE, *IMAGES.values())

# What the wheels ask for and no test imports.
WITHOUT_CODE = {
    **{"torch": "2.4.1", "torchvision": "0.19.1", "numpy": "1.26.4", "pillow": "10.2.0", "pyyaml": "6.0.1"},
    **{"requests": "2.32.3", "tqdm": "4.66.5", "psutil": "5.9.0", "matplotlib": "3.9.2", "opencv-python": "4.10.0.84"},
    **{"scipy": "1.14.1", "py-cpuinfo": "9.0.0", "pandas": "2.2.3", "seaborn": "0.13.2", "ultralytics-thop": "2.0.8"},
}
IN_PYTORCH = ("torch", "torchvision", "numpy", "pillow", "pyyaml", "requests", "tqdm", "psutil")
IN_PADDLE = {"paddlepaddle-gpu": "2.6.2", "numpy": "1.26.4", "pillow": "10.2.0", "requests": "2.32.3"}
# ultralytics imports these when `ultralytics.utils.loss` is imported.
REAL = (
    *("torch==2.13.0", "numpy==1.26.4", "opencv-python-headless==4.10.0.84", "matplotlib==3.9.2", "pandas==2.2.3"),
    *("pillow", "pyyaml", "requests", "tqdm", "psutil", "py-cpuinfo", "scipy==1.14.1"),
)

PIP = (
    r"""printf '[global]\nno-index = true\nfind-links = /wheels\ndisable-pip-version-check = true\n' > /etc/pip.conf"""
)
DEBIAN_FILE = rf"""FROM scratch
ADD debian.tar /
RUN {PIP} && mkdir -p /wheels /etc/uv \
 && printf 'no-index = true\nfind-links = ["/wheels"]\n' > /etc/uv/uv.toml \
 && rm /usr/lib/python{PYTHON}/EXTERNALLY-MANAGED && ln -s python3 /usr/bin/python
"""
# pytorch/pytorch has conda's Python in /opt/conda, and no user but root.
PYTORCH_FILE = f"""FROM {DEBIAN_IMAGE}
RUN python3 -m venv /opt/conda && /opt/conda/bin/pip install {{packages}}
ENV PATH=/opt/conda/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
"""
# paddlepaddle/paddle has a Python from apt, and pip puts packages below /usr/local.
PADDLE_FILE = f"""FROM {DEBIAN_IMAGE}
RUN pip install {" ".join(f"{name}=={version}" for name, version in IN_PADDLE.items())}
"""
SLIM_FILE = f"""FROM {DEBIAN_IMAGE}
RUN ln -s /usr/bin/python3 /usr/local/bin/python
"""
UV_FILE = f"""FROM {DEBIAN_IMAGE} AS build
RUN pip install --no-deps --target /uv uv
FROM scratch
COPY --from=build /uv/bin/uv /uv/bin/uvx /
"""
# conda is not on PyPI. This one makes an environment as conda leaves it: no pyvenv.cfg but conda-meta, a Python of its
# own, and packages that are hard links into pkgs.
CONDA_FILE = rf"""FROM {DEBIAN_IMAGE}
COPY conda /opt/conda/bin/conda
RUN chmod 755 /opt/conda/bin/conda
ENV PATH=/opt/conda/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
"""
CONDA_SCRIPT = rf"""#!/bin/sh
# conda create --yes --name NAME python=VERSION PACKAGE=VERSION
set -e
[ "$1 $2 $3" = "create --yes --name" ]
env=/opt/conda/envs/$4
pkgs=/opt/conda/pkgs/$(echo "$6" | tr = -)
site=lib/python{PYTHON}/site-packages
pip install --quiet --no-deps --target "$pkgs/$site" "$(echo "$6" | sed s/=/==/)"
mkdir -p "$env/bin" "$env/conda-meta" "$env/lib"
cp -al "$pkgs/lib/." "$env/lib"
cp /usr/bin/python{PYTHON} "$env/bin/python{PYTHON}"
ln -s python{PYTHON} "$env/bin/python"
cp -a /usr/lib/python{PYTHON}/. "$env/lib/python{PYTHON}/"
rm -f "$env/lib/python{PYTHON}/sitecustomize.py"
echo "import site, sys; site.addsitedir(sys.prefix + '/$site')" > "$env/lib/python{PYTHON}/sitecustomize.py"
sed -i "s/prefix_scheme = 'posix_local'/prefix_scheme = 'posix_prefix'/" "$env/lib/python{PYTHON}/sysconfig.py"
: > "$env/conda-meta/history"
"""


def store() -> Store:
    """The store with every stand-in, named as the README names it."""
    folder = (CACHE / "images").resolve()
    made = Store(folder, folder / "wheels", storage_driver(folder))
    _fill_wheels(made.wheels)
    _base(made, DEBIAN_IMAGE, DEBIAN_FILE)
    packages = " ".join(f"{name}=={WITHOUT_CODE[name]}" for name in IN_PYTORCH)
    _base(made, PYTORCH_IMAGE, PYTORCH_FILE.format(packages=packages))
    _base(made, PADDLE_IMAGE, PADDLE_FILE)
    _base(made, SLIM_IMAGE, SLIM_FILE)
    _base(made, UV_IMAGE, UV_FILE)
    _base(made, CONDA_IMAGE, CONDA_FILE, files={"conda": CONDA_SCRIPT})
    for name, image in IMAGES.items():
        made.buildah("tag", image, name)
    return made


def add_torch(store: Store) -> None:
    """Adds TORCH_IMAGE: PyTorch's stand-in with a real torch, and what ultralytics imports with it."""
    wheels = store.folder / "wheels-torch"
    _fill_torch_wheels(wheels)
    packages = " ".join(("--no-compile", *REAL, "torchvision"))
    _base(replace(store, wheels=wheels), TORCH_IMAGE, PYTORCH_FILE.format(packages=packages))


def _base(store: Store, tag: str, dockerfile: str, files: dict[str, str] | None = None) -> None:
    """Builds a base image, unless the store has it as this Dockerfile makes it."""
    stamp = store.folder / f"{tag.rpartition('/')[2].partition(':')[0]}.stamp"
    wanted = hashlib.sha256(repr((dockerfile, files, DEBIAN_FILE)).encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted and store.has(tag):
        return
    if tag == DEBIAN_IMAGE:
        with_debian = store.folder / "debian"
        _debootstrap(with_debian)
        store.built(dockerfile, tag, context=with_debian)
        shutil.rmtree(with_debian)
    else:
        store.built(dockerfile, tag, files=files)
    stamp.write_text(wanted)


def _debootstrap(folder: Path) -> None:
    """A folder with debian.tar: a minimal Debian with Python, pip and venv."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "tree").mkdir(parents=True)
    packages = "--include=python3,python3-venv,python3-pip,ca-certificates"
    # In a mount namespace of its own: what debootstrap mounts is gone with it, also when it is interrupted.
    command = ["unshare", "--mount", "debootstrap", "--variant=minbase", packages, DEBIAN, str(folder / "tree")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    left = [
        "./var/cache/apt/archives/*.deb",
        "./var/lib/apt/lists/*",
        "./dev/*",
        "./proc/*",
        "./sys/*",
        "./usr/share/doc/*",
        "./usr/share/locale/*",
    ]
    exclude = [f"--exclude={pattern}" for pattern in left]
    tar = ["tar", "--create", "--file", folder / "debian.tar", "--directory", folder / "tree", *exclude, "."]
    subprocess.run(list(map(str, tar)), check=True)
    shutil.rmtree(folder / "tree")


def _fill_wheels(folder: Path) -> None:
    """The index of the stand-in images; this checkout's wheel is built anew each time."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, version in {**WITHOUT_CODE, **IN_PADDLE}.items():
        stand_in(folder, name, version)
    for requirement in ("ultralytics==8.2.50", "ultralytics==0.0.44", "paddledet==2.6.0"):
        shutil.copy(wheel(requirement), folder)
    source = folder.parent / "source"
    shutil.rmtree(source, ignore_errors=True)
    copy_checkout(source)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    checked([*pip, "wheel", "--no-deps", "--wheel-dir", folder, source])
    shutil.rmtree(source)
    (own,) = folder.glob("patchkit_cv-*.whl")
    _download(folder, str(own), "uv==0.13.*", "setuptools<81")


def copy_checkout(folder: Path) -> None:
    """The files of this checkout that git does not ignore: what is built from them is not left in it."""
    listed = checked(["git", "-C", REPOSITORY, "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
    for name in filter(None, listed.stdout.split("\0")):
        if (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, folder / name)


def _fill_torch_wheels(folder: Path) -> None:
    with held(folder.with_suffix(".lock")):
        stamp = folder / "ready"
        if not stamp.exists() or stamp.read_text() != repr(REAL):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            stand_in(folder, "torchvision", WITHOUT_CODE["torchvision"])
            _download(folder, *REAL)
            stamp.write_text(repr(REAL))


def _download(folder: Path, *requirements: str) -> None:
    """Wheels for Debian's Python, from the index that pip has on this machine."""
    kinds = ["--only-binary=:all:", f"--python-version={PYTHON}", "--implementation=cp"]
    kinds += [f"--platform=manylinux{glibc}_{platform.machine()}" for glibc in ("2014", "_2_17", "_2_28", "_2_34")]
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    checked([*pip, "download", "--dest", folder, *kinds, *requirements])
