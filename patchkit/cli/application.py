"""The application that every command belongs to, and what commands share."""

import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

import patchkit

app = typer.Typer(
    help="Versioned, checked and reversible patches for installed object-detection frameworks.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Format(str, Enum):
    text = "text"
    json = "json"


OutputFormat = Annotated[Format, typer.Option("--format", help="text, or json for scripts.")]
Python = Annotated[str | None, typer.Option(metavar="EXE", help="Interpreter or environment that holds the packages.")]
SitePackages = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder that the packages are installed in.")]


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"patchkit {patchkit.__version__}\n")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass
