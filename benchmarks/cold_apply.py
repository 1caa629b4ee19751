"""Print CPU time and peak memory of whole patchkit commands beside `python -c pass` and the imports they cannot avoid.

usage: cold_apply.py [--rounds N]

The goals are the project's own: 400 CPU ms for a cold apply, 150 for what runs often.
"""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

from installation import Installation, Usage, machine, measure_in_turn

PATCH = "yolov10-dfl"
TARGET = "ultralytics==8.4.190"


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    title: str
    command: tuple[str | Path, ...]
    goal_ms: int | None = None


def rows(folder: Path) -> list[Row]:
    """The commands in the order in which a round runs them, on fresh installations in `folder`.

    First on packages beside patchkit, as in an image; then on a folder of its own, as `pip install --target` makes it.
    """
    installed = Installation(folder)
    installed.pip("install", "--no-deps", TARGET)
    apart = folder / "apart"
    installed.pip("install", "--no-deps", "--target", apart, TARGET)
    patches = folder / "patchkit.toml"
    patches.write_text(f'[[patch]]\nid = "{PATCH}"\n')
    listed = ("--file", patches)
    python, patchkit, there = installed.python, installed.patchkit, ("--site-packages", apart)
    return [
        Row("python -c pass", (python, "-c", "pass")),
        Row("import typer", (python, "-c", "import typer")),
        Row("import libcst, gc off", (python, "-c", "import gc; gc.disable(); import libcst")),
        Row("apply, cold", (patchkit, "apply", PATCH), 400),
        Row("apply, again", (patchkit, "apply", PATCH), 150),
        Row("status", (patchkit, "status"), 150),
        Row("verify --fast", (patchkit, "verify", "--fast"), 150),
        Row("verify", (patchkit, "verify")),
        Row("list", (patchkit, "list"), 150),
        Row("revert", (patchkit, "revert", PATCH)),
        Row("lock", (patchkit, "lock", *listed)),
        Row("sync, cold", (patchkit, "sync", *listed), 400),
        Row("sync, again", (patchkit, "sync", *listed), 150),
        Row("sync --locked, again", (patchkit, "sync", "--locked", *listed), 150),
        Row("revert, after sync", (patchkit, "revert", PATCH)),
        Row("apply, cold, --site-packages", (patchkit, "apply", PATCH, *there), 400),
        Row("apply, again, --site-packages", (patchkit, "apply", PATCH, *there), 150),
        Row("revert, --site-packages", (patchkit, "revert", PATCH, *there)),
    ]


def table(measured: list[tuple[Row, Usage]]) -> str:
    floor = measured[0][1].cpu_ms
    lines = [f"{'command':<30} {'CPU ms':>7} {'ratio':>6} {'MiB':>5}  goal"]
    for row, usage in measured:
        goal = f"at most {row.goal_ms}" if row.goal_ms else ""
        line = f"{row.title:<30} {usage.cpu_ms:>7.0f} {usage.cpu_ms / floor:>6.1f} {usage.peak_mib:>5.0f}  {goal}"
        lines.append(line.rstrip())
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure whole patchkit commands.")
    parser.add_argument("--rounds", type=int, default=15, help="counted rounds (default: %(default)s)")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        commands = rows(Path(folder))
        usages = measure_in_turn([(row.command, 0) for row in commands], rounds)
    print(f"median of {rounds} rounds, {TARGET}, {machine()}")
    print(table(list(zip(commands, usages, strict=True))))


if __name__ == "__main__":
    main()
