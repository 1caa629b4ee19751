"""Print what the patched losses cost beside the originals: time and peak memory, as ratios of one run.

usage: loss_cost.py [--rounds N]

The rows are those of `patchkit verify --numerics` in float32 on the CPU, which runs both forms in turn on realistic
shapes: wall time. The row "one selection" is CPU time of one process of positive_selection.py. Memory is measured where
the kernel tells it, which is on Linux. The frameworks take some gigabytes; they are installed once, into
PATCHKIT_TEST_CACHE.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from frameworks import CHECKOUT, paddle_python, torch_python
from installation import ENVIRONMENT, machine

DTYPE, DEVICE = "float32", "cpu"
SCRIPT = "from torch import nn\n\ncriterion = nn.CrossEntropyLoss()\n"
MASK = "positive_selection.py"


@dataclass(frozen=True)
class Patched:
    """A patch on a fresh copy of its target, and the Python that runs it."""

    patch: str
    requirement: str  # empty: a script
    python: Path

    def target(self, folder: Path) -> tuple[str, Path]:
        if not self.requirement:
            (folder / "train.py").write_text(SCRIPT)
            return "--path", folder
        command = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*command, "--target", folder, self.requirement], check=True)
        return "--site-packages", folder


def patchkit(*arguments: str | Path) -> str:
    command = [sys.executable, "-m", "patchkit", *arguments]
    done = subprocess.run(command, cwd=CHECKOUT, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def comparisons(patched: Patched, folder: Path, rounds: int) -> Iterator[tuple[str, list[Any]]]:
    """Each comparison of a patch by its name, with one row for each round."""
    target = patched.target(folder)
    patchkit("apply", patched.patch, *target)
    where = (patched.patch, "--numerics", "--format", "json", *target, "--python", patched.python)
    turns = [json.loads(patchkit("verify", *where)) for _ in range(rounds)]
    found: dict[str, list[Any]] = {}
    for turn in turns:
        rows = [row for check in turn["checks"] for row in check.get("rows", ())]
        for row in rows:
            if row["dtype"] == DTYPE and row["device"] == DEVICE and row["forward_ms"]:
                symbol = row["site"].rpartition("::")[2]
                shape = row["inputs"].partition("measured with ")[2]
                found.setdefault(f"{symbol}, {shape}", []).append(row)
    yield from found.items()


def line(name: str, rows: list[Any]) -> str:
    forward = _cell([row["forward_ms"] for row in rows], "ms")
    backward = _cell([row["backward_ms"] for row in rows if row["backward_ms"]], "ms")
    peaks = [row["peak_bytes"] for row in rows if row["peak_bytes"] and None not in row["peak_bytes"].values()]
    peak = _cell([{form: size / 2**20 for form, size in pair.items()} for pair in peaks], "MiB")
    return f"| {name} | {forward} | {backward} | {peak} |"


def _cell(pairs: list[Any], unit: str) -> str:
    if not pairs:
        return "-"
    original, patched = (median(pair[form] for pair in pairs) for form in ("original", "patched"))
    return f"{original:.1f} → {patched:.1f} {unit}, {patched / original:.2f}x"


def selection(python: Path) -> str:
    """The selection of positive samples alone, from a process of paddle."""
    script = Path(__file__).with_name(MASK)
    done = subprocess.run([python, script], stdout=subprocess.PIPE, text=True, check=True, env=ENVIRONMENT)
    found = json.loads(done.stdout.splitlines()[-1])
    forms = [dict(zip(("original", "patched"), found[part], strict=True)) for part in ("forward_ms", "backward_ms")]
    forward, backward = (_cell([form], "ms") for form in forms)
    return f"| one selection of (8, 8400, 68), 200 positive an image (CPU time) | {forward} | {backward} | - |"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what patched losses cost.")
    parser.add_argument("--rounds", type=int, default=3, help="runs of verify --numerics (default: %(default)s)")
    rounds = parser.parse_args().rounds
    torch, paddle = torch_python(), paddle_python()
    targets = (
        Patched("yolov10-dfl", "ultralytics==8.4.190", torch),
        Patched("ppyoloe-masked-select", "paddledet==2.6.0", paddle),
        Patched("retinanet-label-guard", "torchvision==0.29.1", torch),
        Patched("cross-entropy-ignore-index", "", torch),
        Patched("ultralytics-sync-bn", "ultralytics==8.4.190", torch),
    )
    print(f"{DTYPE} on the {DEVICE}, wall time, medians of {rounds} runs, original → patched, {machine()}\n")
    print("| function, shape | forward | backward | peak memory |")
    print("|---|---|---|---|")
    for patched in targets:
        with tempfile.TemporaryDirectory() as folder:
            for name, rows in comparisons(patched, Path(folder), rounds):
                print(line(name, rows), flush=True)
        if patched.python == paddle:
            print(selection(paddle), flush=True)


if __name__ == "__main__":
    main()
