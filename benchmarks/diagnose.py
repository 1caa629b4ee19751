"""Print speed and peak memory of `patchkit diagnose` on a large log beside `cat` and `grep`.

usage: diagnose.py [--megabytes N] [--rounds N]

The goals are the project's own: 200 MB/s, and at most 100 MB of memory, for a log of 1 GB. Logs are made in a temporary
folder, in two forms: progress bars that go back to the start of their line, and one line a step. Both end in a crash.
"""

import argparse
import random
from collections.abc import Iterator
from pathlib import Path
from shutil import which

from installation import Usage, installation, machine, measure_in_turn

GOAL_MB_S, GOAL_MB = 200, 100
CRASH = (
    b"\nTraceback (most recent call last):\n"
    b'  File "/opt/venv/lib/python3.11/site-packages/ultralytics/utils/loss.py", line 201, in bbox_decode\n'
    b"RuntimeError: CUDA error: CUBLAS_STATUS_INVALID_VALUE when calling `cublasSgemv(handle, op, m, n)`\n"
)


def bars(random: random.Random) -> Iterator[bytes]:
    """Epochs of ultralytics as tqdm shows them."""
    for step in range(20_000):
        losses = "".join(f"{random.uniform(0.5, 2):11.4g}" for _ in range(3))
        done = step % 2000
        bar = "█" * (done // 200) + " " * (10 - done // 200)
        epoch = f"{step // 2000 + 1}/100"
        rest = f"{random.randrange(300):11}        640: {done // 20:3}%|{bar}| {done}/2000 [00:{done % 60:02}<02:10]"
        yield f"\r{epoch:>11}      7.21G{losses}{rest}".encode()


def lines(random: random.Random) -> Iterator[bytes]:
    """Steps of PaddleDetection."""
    for step in range(20_000):
        losses = " ".join(
            f"{name}: {random.uniform(0.2, 3):.6f}" for name in ("loss", "loss_cls", "loss_iou", "loss_dfl")
        )
        yield (
            f"[07/12 10:{step // 60 % 60:02}:{step % 60:02}] ppdet.engine INFO: Epoch: [{step // 7329}] "
            f"[{step % 7329}/7329] learning_rate: 0.000125 {losses} eta: 1 day, 10:22:33 batch_cost: 0.5511 "
            "data_cost: 0.0003 ips: 14.5151 images/s\n"
        ).encode()


def write(path: Path, part: bytes, size: int) -> None:
    with path.open("wb") as file:
        for _ in range(max(size // len(part), 1)):
            file.write(part)
        file.write(CRASH)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure patchkit diagnose.")
    parser.add_argument("--megabytes", type=int, default=1000, help="size of a log (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="counted rounds (default: %(default)s)")
    arguments = parser.parse_args()
    with installation() as installed:
        log = installed.folder / "train.log"
        print(f"median of {arguments.rounds} rounds, {machine()}; goal {GOAL_MB_S} MB/s and at most {GOAL_MB} MB")
        for title, part in (("progress bars", bars), ("one line a step", lines)):
            write(log, b"".join(part(random.Random(0))), arguments.megabytes * 1_000_000)
            commands = {
                "cat": ((which("cat") or "cat", log), 0),
                "grep -c Error": ((which("grep") or "grep", "-c", "Error", log), 0),
                "patchkit diagnose": ((installed.patchkit, "diagnose", log), 1),
            }
            usages = measure_in_turn(list(commands.values()), arguments.rounds)
            for command, usage in zip(commands, usages, strict=True):
                print(row(title, command, usage, log.stat().st_size / 1e6))


def row(title: str, command: str, usage: Usage, megabytes: float) -> str:
    speed = megabytes / usage.wall_ms * 1000
    return f"{title:<16} {command:<18} {megabytes:>6.0f} MB {speed:>7.0f} MB/s {usage.peak_mib * 1.048576:>5.0f} MB"


if __name__ == "__main__":
    main()
