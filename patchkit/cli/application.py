"""The application that every command belongs to, and what commands share."""

import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import patchkit

if TYPE_CHECKING:
    from patchkit.patching.target import Target

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
Tree = Annotated[Path | None, typer.Option("--path", metavar="TREE-OR-FILE", help="Source tree, or one file of it.")]
AllEnvs = Annotated[Path | None, typer.Option(metavar="DIR", help="Every virtual environment below this folder.")]
AllowDrift = Annotated[
    bool, typer.Option("--allow-drift", help="Patch code that differs from its release, where its core matches.")
]
AllowEditable = Annotated[
    bool, typer.Option("--allow-editable", help="Patch the source tree behind an editable install.")
]
AllowSystem = Annotated[bool, typer.Option("--allow-system", help="Patch files of system packages.")]
AllowTwoOwners = Annotated[
    bool, typer.Option("--allow-two-owners", help="Patch a file that two distributions installed differently.")
]
AllowShadowed = Annotated[
    bool, typer.Option("--allow-shadowed", help="Patch a file though Python would load another copy from here.")
]
AllowSymlinks = Annotated[
    bool, typer.Option("--allow-symlinks", help="Replace links in a source tree by patched files.")
]


def find_targets(
    python: str | None, site_packages: Path | None, path: Path | None, all_envs: Path | None, *, fast: bool = False
) -> "list[Target]":
    """The one target that the options name, or every environment below a folder.

    Raises   TargetRefused if there is none, or both are named.
    """
    from patchkit.patching.target import find_target

    if all_envs is None:
        return [find_target(python, site_packages, path, fast=fast)]
    from patchkit.errors import TargetRefused
    from patchkit.patching.environments import find_environments

    if python is not None or site_packages is not None or path is not None:
        raise TargetRefused("--all-envs excludes --python, --site-packages and --path", "give one of them")
    return find_environments(all_envs, fast=fast)


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
