"""Print CPU time and peak memory of `patchkit doctor` in an environment with 300 distributions.

usage: doctor.py [--rounds N] [--distributions N]

ultralytics is a real wheel; the others are metadata as wide as that of real environments: METADATA of 9 KB, RECORDs of
10 to 1,500 rows, torch with 12,000 and its nvidia wheels. The goal is the project's own: 250 CPU ms.
"""

import argparse
from itertools import cycle
from pathlib import Path

from installation import installation, machine, measure_in_turn

TARGET = "ultralytics==8.2.50"
GOAL_MS = 250
WHEELS = {
    "nvidia-cublas-cu12": "12.1.3.1",
    "nvidia-cuda-cupti-cu12": "12.1.105",
    "nvidia-cuda-nvrtc-cu12": "12.1.105",
    "nvidia-cuda-runtime-cu12": "12.1.105",
    "nvidia-cudnn-cu12": "8.9.2.26",
    "nvidia-cufft-cu12": "11.0.2.54",
    "nvidia-curand-cu12": "10.3.2.106",
    "nvidia-cusolver-cu12": "11.4.5.107",
    "nvidia-cusparse-cu12": "12.1.0.106",
    "nvidia-nccl-cu12": "2.19.3",
    "nvidia-nvtx-cu12": "12.1.105",
}
ROWS = (10, 18, 30, 45, 60, 90, 150, 280, 600, 1500)
HASH = "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure patchkit doctor.")
    parser.add_argument("--rounds", type=int, default=15, help="counted rounds (default: %(default)s)")
    parser.add_argument("--distributions", type=int, default=300, help="in the environment (default: %(default)s)")
    arguments = parser.parse_args()
    with installation() as installed:
        apart = installed.folder / "apart"
        installed.pip("install", "--no-deps", "--target", apart, TARGET)
        fill(apart, arguments.distributions)
        installed.pip("install", "--no-deps", TARGET)
        site = next(installed.folder.glob("**/lib/python*/site-packages"))
        fill(site, arguments.distributions)
        patchkit = installed.patchkit
        commands = {
            "python -c pass": ((installed.python, "-c", "pass"), 0),
            "import typer": ((installed.python, "-c", "import typer"), 0),
            "doctor": ((patchkit, "doctor"), 0),
            "doctor --site-packages": ((patchkit, "doctor", "--site-packages", apart), 0),
            "doctor --format json": ((patchkit, "doctor", "--site-packages", apart, "--format", "json"), 0),
        }
        usages = measure_in_turn(list(commands.values()), arguments.rounds)
        count = len(list(apart.glob("*.dist-info")))
    print(f"median of {arguments.rounds} rounds, {count} distributions, {machine()}; goal at most {GOAL_MS} CPU ms")
    for title, usage in zip(commands, usages, strict=True):
        ratio = usage.cpu_ms / usages[0].cpu_ms
        print(f"{title:<24} {usage.cpu_ms:>7.0f} {ratio:>6.1f} {usage.peak_mib:>5.0f}")


def fill(site: Path, total: int) -> None:
    """Bring a folder of packages to this number of distributions."""
    pins = [f'Requires-Dist: {name}=={version} ; platform_system == "Linux"' for name, version in WHEELS.items()]
    add(site, "torch", "2.2.2", 12_000, pins)
    add(site, "torchvision", "0.17.2", 250, ["Requires-Dist: torch (==2.2.2)"])
    for number in range(250):  # a patch is for torchvision, so its files are looked at
        file = site / f"torchvision/part_{number % 40}/module_{number}.py"
        file.parent.mkdir(exist_ok=True)
        file.touch()
    add(site, "numpy", "1.26.4", 1_000)
    for package, text in {
        "torch": "__version__ = '2.2.2+cu121'\ncuda = '12.1'\nhip = None\n",
        "torchvision": "__version__ = '0.17.2+cu121'\n",
    }.items():
        (site / package / "version.py").write_text(text)
    for name, version in WHEELS.items():
        add(site, name, version, 20)
    rows = cycle(ROWS)
    for number in range(total - len(list(site.glob("*.dist-info")))):
        add(site, f"package-{number}", "1.0.0", next(rows))


def add(site: Path, name: str, version: str, rows: int, requirements: list[str] | None = None) -> None:
    """The metadata of a distribution, and the first file of its package."""
    package = name.replace("-", "_")
    info = site / f"{package}-{version}.dist-info"
    for folder in (info, site / package):
        folder.mkdir(exist_ok=True)
    (site / package / "__init__.py").touch()
    head = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}", *(requirements or [])]
    (info / "METADATA").write_text("\n".join(head) + "\n\n" + "What the package is for, in many words.\n" * 220)
    (info / "INSTALLER").write_text("pip\n")
    files = [f"{package}/__init__.py", *(f"{package}/part_{number % 40}/module_{number}.py" for number in range(rows))]
    listed = [f"{file},{HASH}" for file in files] + [f"{info.name}/{file},," for file in ("METADATA", "RECORD")]
    (info / "RECORD").write_text("\n".join(listed) + "\n")


if __name__ == "__main__":
    main()
