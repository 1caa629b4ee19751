"""The command that says what is installed, and how it was patched."""

import sys
from enum import Enum
from typing import Annotated

import typer

from patchkit.cli.application import Python, SitePackages, Tree, app
from patchkit.cli.failures import guarded


class SbomFormat(str, Enum):
    json = "json"


@app.command()
@guarded
def sbom(
    python: Python = None,
    site_packages: SitePackages = None,
    path: Tree = None,
    format: Annotated[
        SbomFormat | None, typer.Option("--format", help="json, as always; failures are told as JSON too.")
    ] = None,
) -> int:
    """A CycloneDX 1.6 document (JSON) of every package, with the patches of those that are patched."""
    from patchkit.patching.target import find_target
    from patchkit.sbom.run import sbom as run

    sys.stdout.write(run(find_target(python, site_packages, path)))
    return 0
