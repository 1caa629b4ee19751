"""Print what `patchkit apply --path TREE --check` takes on 10,000 files, beside reading the same files.

usage: tree_scan.py [--files N] [--rounds N]
"""

import argparse
import sys
import tempfile
from pathlib import Path

from installation import Installation, machine, measure_in_turn

SITES = 4
PLAIN = '''"""Module {number} of the tree."""


class Layer{number}:
    """One layer; its forward pass is a view and a softmax."""

    def __init__(self, width):
        self.width = width

    def forward(self, x):
        return x.view(-1, self.width).softmax(1)
'''
SITE = '''"""Module {number} of the tree: it decodes boxes."""


class BoxLoss{number}:
    """Decodes side distributions into boxes."""

    def decode(self, points, logits):
        n, k, width = logits.shape
        logits = logits.view(n, k, 4, width // 4).softmax(3).matmul(self.proj.type(logits.dtype))
        return points, logits
'''
READ_ALL = """
import os, sys
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        with open(os.path.join(folder, name), "rb") as file:
            file.read()
"""


def make_tree(folder: Path, files: int) -> None:
    """Write `files` modules, a hundred to a folder; the last ones of the first folders hold the expression."""
    for number in range(files):
        place = folder / f"package{number // 100}"
        place.mkdir(parents=True, exist_ok=True)
        is_site = number % 100 == 99 and number // 100 < SITES
        text = (SITE if is_site else PLAIN).format(number=number)
        (place / f"module{number}.py").write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure patchkit on a large source tree.")
    parser.add_argument("--files", type=int, default=10_000, help="files in the tree (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="counted rounds (default: %(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        tree = folder / "tree"
        make_tree(tree, options.files)
        patchkit = Installation(folder).patchkit
        read = (sys.executable, "-c", READ_ALL, tree)
        scan = (patchkit, "apply", "yolov10-dfl", "--path", tree, "--check")
        usages = measure_in_turn([(read, 0), (scan, 1)], options.rounds)  # 1: a patch would be applied
    print(f"median of {options.rounds} rounds, {options.files} files, {SITES} of them with the expression, {machine()}")
    print(f"{'command':<30} {'CPU ms':>7} {'wall ms':>8} {'MiB':>5}")
    for title, usage in zip(("read every file", "apply --path TREE --check"), usages, strict=True):
        print(f"{title:<30} {usage.cpu_ms:>7.0f} {usage.wall_ms:>8.0f} {usage.peak_mib:>5.0f}")


if __name__ == "__main__":
    main()
