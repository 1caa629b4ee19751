"""The command line: parse, call one pipeline function, render, exit. Only this package prints or exits."""

import gc
import io
import os
import sys
from importlib import import_module
from pathlib import Path

import patchkit

COMMANDS = (
    "patches",
    "locking",
    "sbom",
    "audit",
    "check_data",
    "doctor",
    "diagnose",
    "releases",
)  # files, in the order of the help
FOREIGN = """patchkit: the files of another distribution named 'patchkit' are mixed with those of patchkit-cv in {place}
hint: pip uninstall patchkit patchkit-cv && pip install patchkit-cv
"""


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 not as expected, 2 a known failure, 3 a bug, 130 interrupted."""
    # One short command: what is allocated lives to the end, and LibCST is imported in two thirds of the time.
    gc.disable()
    _open_streams()
    place = Path(__file__).parents[1]
    if _is_overwritten(place):
        sys.stderr.write(FOREIGN.format(place=place))
        raise SystemExit(2)
    _add_commands()
    from patchkit.cli.application import app
    from patchkit.cli.failures import output_failed

    try:
        app(prog_name="patchkit")
    except OSError as error:  # help and version are written outside of any command
        raise SystemExit(output_failed(error)) from error


def _add_commands() -> None:
    """Import the files of the commands: the one alone that is called like the command, else all."""
    named = sys.argv[1].replace("-", "_") if len(sys.argv) > 1 else ""
    for file in (named,) if named in COMMANDS else COMMANDS:
        import_module(f"patchkit.cli.{file}")


def _open_streams() -> None:
    """Give the command streams to write to, and let no file name or encoding stop it from saying what it did."""
    sys.stdout = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open to the end
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _is_overwritten(place: Path) -> bool:
    """True if the PyPI project that is called `patchkit` was installed over this package."""
    if getattr(patchkit, "DISTRIBUTION", None) != "patchkit-cv":
        return True
    return any(place.parent.glob("patchkit-[0-9]*.dist-info"))
