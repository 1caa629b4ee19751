"""The command line: parse, call one pipeline function, render, exit. Only this package prints or exits."""

import gc
import sys
from pathlib import Path

import patchkit

FOREIGN = """patchkit: the files of another distribution named 'patchkit' are mixed with those of patchkit-cv in {place}
hint: pip uninstall patchkit patchkit-cv && pip install patchkit-cv
"""


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 not as expected, 2 a known failure, 3 a bug, 130 interrupted."""
    # One short command: what is allocated lives to the end, and LibCST is imported in two thirds of the time.
    gc.disable()
    place = Path(__file__).parents[1]
    if _is_overwritten(place):
        sys.stderr.write(FOREIGN.format(place=place))
        raise SystemExit(2)
    from patchkit.cli.patches import app

    app(prog_name="patchkit")


def _is_overwritten(place: Path) -> bool:
    """True if the PyPI project that is called `patchkit` was installed over this package."""
    if getattr(patchkit, "DISTRIBUTION", None) != "patchkit-cv":
        return True
    return any(place.parent.glob("patchkit-[0-9]*.dist-info"))
