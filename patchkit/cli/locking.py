"""The commands that work by a list of patches: `lock` and `sync`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from patchkit.cli.application import (
    AllEnvs,
    AllowDrift,
    AllowEditable,
    AllowShadowed,
    AllowSymlinks,
    AllowSystem,
    AllowTwoOwners,
    Format,
    OutputFormat,
    Python,
    SitePackages,
    Tree,
    app,
    find_targets,
)
from patchkit.cli.failures import guarded, say

ListFile = Annotated[
    Path | None,
    typer.Option("--file", metavar="F", help="The list of patches [default: patchkit.toml, or pyproject.toml]."),
]


@app.command()
@guarded
def lock(
    file: ListFile = None,
    python: Python = None,
    site_packages: SitePackages = None,
    path: Tree = None,
    all_envs: AllEnvs = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if the lock is out of date.")] = False,
    allow_drift: AllowDrift = False,
    allow_editable: AllowEditable = False,
    allow_system: AllowSystem = False,
    allow_two_owners: AllowTwoOwners = False,
    allow_shadowed: AllowShadowed = False,
    allow_symlinks: AllowSymlinks = False,
    format: OutputFormat = Format.text,
) -> int:
    """Record in patchkit.lock what the listed patches make of the target, which is not touched."""
    from patchkit.locking.lock import lock as run
    from patchkit.locking.report import STALE
    from patchkit.locking.wanted import find_wanted
    from patchkit.output import json, lock_text
    from patchkit.patching.allowed import Allowed

    allowed = Allowed(
        drift=allow_drift,
        editable=allow_editable,
        system=allow_system,
        owners=allow_two_owners,
        shadowed=allow_shadowed,
        symlinks=allow_symlinks,
    )
    wanted = find_wanted(file)
    targets = find_targets(python, site_packages, path, all_envs)
    locked = run(wanted, targets, allowed, check=check)
    say(lock_text.render_changes(locked.report))
    if format is Format.json:
        sys.stdout.write(json.render_lock(locked))
    else:
        sys.stdout.write(lock_text.render_lock(locked, targets if all_envs else ()))
    if locked.lock is None:
        return 2
    return 1 if locked.report.state == STALE else 0


@app.command()
@guarded
def sync(
    locked: Annotated[
        bool, typer.Option("--locked", help="Never write the lock; refuse whatever differs from it.")
    ] = False,
    file: ListFile = None,
    python: Python = None,
    site_packages: SitePackages = None,
    path: Tree = None,
    all_envs: AllEnvs = None,
    allow_drift: AllowDrift = False,
    allow_editable: AllowEditable = False,
    allow_system: AllowSystem = False,
    allow_two_owners: AllowTwoOwners = False,
    allow_shadowed: AllowShadowed = False,
    allow_symlinks: AllowSymlinks = False,
    format: OutputFormat = Format.text,
) -> int:
    """Apply the listed patches and revert all others: all of it, or nothing."""
    from patchkit.locking.sync import sync as run
    from patchkit.locking.wanted import find_wanted
    from patchkit.output import json, lock_text, text
    from patchkit.patching.allowed import Allowed
    from patchkit.patching.results import exit_code

    allowed = Allowed(
        drift=allow_drift,
        editable=allow_editable,
        system=allow_system,
        owners=allow_two_owners,
        shadowed=allow_shadowed,
        symlinks=allow_symlinks,
    )
    wanted = find_wanted(file)
    targets = find_targets(python, site_packages, path, all_envs)
    synced = run(wanted, targets, allowed, locked=locked)
    say(lock_text.render_changes(synced.report))
    results = [result for found in synced.results for result in found]
    if format is Format.json:
        sys.stdout.write(json.render_results("sync", results, diff=False, lock=json.lock_report(synced.report)))
    else:
        sys.stdout.write(text.under_headings(targets if all_envs else (), map(text.render_results, synced.results)))
    return exit_code(results)
