"""The command that looks at an installed environment."""

import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from patchkit.cli.application import Python, SitePackages, app
from patchkit.cli.audit_output import Level
from patchkit.cli.failures import guarded

if TYPE_CHECKING:
    from patchkit.doctor.run import Examined, Request


class DoctorFormat(str, Enum):
    text = "text"
    json = "json"
    sarif = "sarif"


@app.command()
@guarded
def doctor(
    python: Python = None,
    site_packages: SitePackages = None,
    path: Annotated[Path | None, typer.Option(hidden=True)] = None,
    root: Annotated[
        Path, typer.Option(metavar="DIR", help="File system that the driver and the CUDA toolkit are looked for in.")
    ] = Path("/"),
    select: Annotated[list[str] | None, typer.Option(metavar="RULE", help="Only this rule; may be repeated.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(metavar="RULE", help="Not this rule; may be repeated.")] = None,
    fail_on: Annotated[Level, typer.Option(help="The least severity that makes the exit code 1.")] = Level.warning,
    format: Annotated[
        DoctorFormat, typer.Option("--format", help="text; json for scripts; sarif for code scanning.")
    ] = DoctorFormat.text,
) -> int:
    """Find what is wrong with an installed environment, and the commands that cure it."""
    from patchkit.doctor.run import doctor as look

    examined = look(_request(python, site_packages, path, root, tuple(select or ()), tuple(ignore or ())))
    sys.stdout.write(_rendered(examined, format))
    return _code(examined, fail_on)


def _request(
    python: str | None,
    site_packages: Path | None,
    path: Path | None,
    root: Path,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
) -> "Request":
    """Raises   TargetRefused for a source tree, and where there is no such target."""
    import os

    from patchkit.doctor.run import Request
    from patchkit.errors import TargetRefused
    from patchkit.patching.executable import find_executable
    from patchkit.patching.target import find_target
    from patchkit.subjects.environment.machine import Machine

    if path is not None:
        raise TargetRefused(
            f"--path {path}: doctor looks at an environment, and a source tree has none",
            "'patchkit status --path TREE' tells its patches; name an environment with --python or --site-packages",
        )
    if not root.is_dir():
        raise TargetRefused(f"--root {root}: no such folder", "name the root of a file system")
    if python is not None:
        _refuse_dangling(Path(python))
    target = find_target(python, site_packages, fast=True)
    is_own = python is None and site_packages is None
    if python is not None:
        executable: Path | None = find_executable(python)
    else:
        executable = Path(sys.executable) if is_own else _beside(target.roots[0])
    return Request(target, Machine(root, os.environ), executable, is_own, select, ignore)


def _refuse_dangling(python: Path) -> None:
    """Raises   TargetRefused for a virtual environment whose Python was removed: its packages can still be read."""
    import os

    from patchkit.errors import TargetRefused

    # By os.path, to which no permission is a no: what may not be read is told where it is read.
    link = python / "bin/python" if os.path.isdir(python) else python  # noqa: PTH112
    if os.path.islink(link) and not os.path.exists(link):  # noqa: PTH110, PTH114
        raise TargetRefused(
            f"{link}: this link leads to {os.readlink(link)}, which is not there",  # noqa: PTH115
            "make the environment anew, or name the folder of its packages with --site-packages DIR",
        )


def _beside(site_packages: Path) -> Path | None:
    """The Python of the environment that a folder PREFIX/lib/pythonX.Y/site-packages belongs to."""
    import os

    if len(site_packages.parents) < 3 or not site_packages.parent.name.startswith("python"):
        return None
    executable = site_packages.parents[2] / "bin/python"
    return executable if os.path.isfile(executable) else None  # noqa: PTH113 - no permission is a no


def _rendered(examined: "Examined", format: DoctorFormat) -> str:
    if format is DoctorFormat.json:
        from patchkit.output.doctor_json import render_doctor as render_json

        return render_json(examined)
    if format is DoctorFormat.sarif:
        from patchkit.output.sarif import render

        return render(examined.report, examined.rules)
    from patchkit.output.doctor_text import render_doctor

    return render_doctor(examined)


def _code(examined: "Examined", fail_on: Level) -> int:
    from patchkit.findings import Severity

    counted = {Level.error: 1, Level.warning: 2, Level.note: 3}[fail_on]
    return 1 if sum(examined.report.count(severity) for severity in list(Severity)[:counted]) else 0
