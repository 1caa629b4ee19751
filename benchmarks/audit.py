"""Print CPU time and peak memory of `patchkit audit` beside `python -c pass` and the imports it cannot avoid.

usage: audit.py [--rounds N]

The goal is the project's own: 200 CPU ms for one file.
"""

import argparse
import tempfile
from pathlib import Path

from installation import Installation, machine, measure_in_turn

TARGET = "ultralytics==8.4.190"
CONFIG = "model: yolov10x.yaml\ndata: coco.yaml\nbatch: 256\nlr0: 0.01\nscale: 0.5\n"
GOAL_MS = 200


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure patchkit audit.")
    parser.add_argument("--rounds", type=int, default=15, help="counted rounds (default: %(default)s)")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        installed = Installation(folder)
        installed.pip("install", "--no-deps", TARGET)
        config = folder / "train.yaml"
        config.write_text(CONFIG)
        audit = (installed.patchkit, "audit", config, "--gpus", "8")
        commands = {
            "python -c pass": ((installed.python, "-c", "pass"), 0),
            "import typer, yaml": ((installed.python, "-c", "import typer, yaml"), 0),
            "audit": (audit, 1),
            "audit --diff": ((*audit, "--diff"), 1),
            "audit --format sarif": ((*audit, "--format", "sarif"), 1),
        }
        usages = measure_in_turn(list(commands.values()), rounds)
    print(f"median of {rounds} rounds, {TARGET}, {machine()}; goal at most {GOAL_MS} CPU ms")
    for title, usage in zip(commands, usages, strict=True):
        ratio = usage.cpu_ms / usages[0].cpu_ms
        print(f"{title:<24} {usage.cpu_ms:>7.0f} {ratio:>6.1f} {usage.peak_mib:>5.0f}")


if __name__ == "__main__":
    main()
