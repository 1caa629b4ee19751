"""The commands that concern patches."""

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from patchkit.patching.interpreter import Interpreter

Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Patches; 'patchkit list' shows them.")]
SomeIds = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Patches; by default all applied ones.")]


@app.command("list")
@guarded
def list_(format: OutputFormat = Format.text) -> int:
    """Every patch: id, version, state in this environment, title."""
    from patchkit.output import json, text
    from patchkit.patching.packs import all_rooms
    from patchkit.patching.settle import refuse_unfinished
    from patchkit.patching.state import patch_states
    from patchkit.patching.target import find_target

    target = find_target()
    for root in target.roots:
        refuse_unfinished(root)
    # The first root wins, as it does for Python.
    states = {state.receipt.patch: state.state for state in reversed(patch_states(target))}
    rows = [(room, states.get(room.id)) for room in all_rooms()]
    sys.stdout.write(json.render_list(rows) if format is Format.json else text.render_list(rows))
    return 0


@app.command()
@guarded
def show(id: Annotated[str, typer.Argument(metavar="ID")]) -> int:
    """Symptom, cause, what changes in the maths, versions, how to undo, links."""
    from patchkit.output.text import render_room
    from patchkit.patching.packs import find_room

    sys.stdout.write(render_room(find_room(id)))
    return 0


@app.command()
@guarded
def explain(name: Annotated[str, typer.Argument(metavar="RULE-OR-PATCH")]) -> int:
    """The documentation of a rule or a patch, as its room holds it."""
    from patchkit.audit.run import documentation
    from patchkit.errors import UnknownPatch
    from patchkit.patching.packs import find_room

    text = documentation(name)
    if text is None:
        try:
            text = find_room(name).readme
        except UnknownPatch as error:
            raise UnknownPatch(f"no rule and no patch is called '{name}'", error.hint) from error
    sys.stdout.write(text)
    return 0


@app.command()
@guarded
def apply(
    ids: Ids,
    python: Python = None,
    site_packages: SitePackages = None,
    path: Tree = None,
    all_envs: AllEnvs = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if a patch would be applied.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Write nothing; print the change. Exits as --check.")] = False,
    allow_drift: AllowDrift = False,
    allow_editable: AllowEditable = False,
    allow_system: AllowSystem = False,
    allow_two_owners: AllowTwoOwners = False,
    allow_shadowed: AllowShadowed = False,
    allow_symlinks: AllowSymlinks = False,
    format: OutputFormat = Format.text,
) -> int:
    """Apply patches: all of them, or none."""
    from patchkit.output import json, text
    from patchkit.patching.allowed import Allowed
    from patchkit.patching.apply import apply_each
    from patchkit.patching.results import exit_code

    allowed = Allowed(
        drift=allow_drift,
        editable=allow_editable,
        system=allow_system,
        owners=allow_two_owners,
        shadowed=allow_shadowed,
        symlinks=allow_symlinks,
    )
    targets = find_targets(python, site_packages, path, all_envs)
    each = apply_each(targets, ids, allowed, write=not (check or diff))
    results = [result for found in each for result in found]
    shown = text.under_headings(targets if all_envs else (), map(text.render_results, each))
    if format is Format.json:
        sys.stdout.write(json.render_results("apply", results, diff=diff))
    elif diff:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.render_diff(results))
        sys.stdout.flush()
        say(shown)
    else:
        sys.stdout.write(shown)
    return exit_code(results)


@app.command()
@guarded
def revert(
    ids: SomeIds = None,
    all_: Annotated[bool, typer.Option("--all", help="Revert every patch of the target.")] = False,
    python: Python = None,
    site_packages: SitePackages = None,
    path: Tree = None,
    all_envs: AllEnvs = None,
    format: OutputFormat = Format.text,
) -> int:
    """Bring the original bytes back, offline."""
    from patchkit.errors import UnknownPatch
    from patchkit.output import json, text
    from patchkit.patching.results import exit_code
    from patchkit.patching.revert import revert_each

    if bool(ids) == all_:
        raise UnknownPatch("name the patches to revert, or give --all", "'patchkit status' shows what is applied")
    targets = find_targets(python, site_packages, path, all_envs)
    each = revert_each(targets, ids or None)
    results = [result for found in each for result in found]
    if format is Format.json:
        sys.stdout.write(json.render_results("revert", results, diff=False))
    else:
        sys.stdout.write(text.under_headings(targets if all_envs else (), map(text.render_results, each)))
    return exit_code(results)


@app.command()
@guarded
def status(
    python: Python = None,
    site_packages: SitePackages = None,
    path: Tree = None,
    all_envs: AllEnvs = None,
    format: OutputFormat = Format.text,
) -> int:
    """What is applied, and whether it is still intact. Exits 1 if it is not."""
    from patchkit.output import json, text
    from patchkit.patching.settle import settle
    from patchkit.patching.state import APPLIED, patch_states

    targets = find_targets(python, site_packages, path, all_envs)
    for root in (root for target in targets for root in target.roots):
        if settle(root):
            say(f"patchkit: undid a command that was killed in {root}\n")
    each = [patch_states(target) for target in targets]
    states = [state for found in each for state in found]
    if not states:
        from patchkit.patching.unreceipted import refuse_unreceipted

        refuse_unreceipted([root for target in targets for root in target.roots])
    if format is Format.json:
        sys.stdout.write(json.render_status(states))
    else:
        shown = [text.render_status(found, to.label, to.arguments) for found, to in zip(each, targets, strict=True)]
        sys.stdout.write(text.under_headings(targets if all_envs else (), shown))
    return 0 if all(state.state == APPLIED for state in states) else 1


@app.command()
@guarded
def verify(
    ids: SomeIds = None,
    python: Python = None,
    site_packages: SitePackages = None,
    path: Tree = None,
    all_envs: AllEnvs = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="Hashes only: starts no process. For ENTRYPOINT and HEALTHCHECK.")
    ] = False,
    numerics: Annotated[
        bool,
        typer.Option("--numerics", help="Run original and patched functions and compare them; imports the target."),
    ] = False,
    format: OutputFormat = Format.text,
) -> int:
    """Prove that patches hold, and that the code that runs is the patched code. Exits 1 if it is not."""
    from patchkit.errors import TargetRefused
    from patchkit.output import json, text
    from patchkit.patching.verify import verify as run

    if fast and numerics:
        raise TargetRefused("--fast and --numerics exclude each other: one starts no process", "give one of them")
    # A folder or a tree does not always say which Python runs it, and a comparison has to run.
    runner = python if numerics and (site_packages or path) else None
    targets = find_targets(None if runner else python, site_packages, path, all_envs, fast=fast)
    interpreters: list[Interpreter | None] = [None] * len(targets)
    if numerics:
        from patchkit.patching.interpreter import find_interpreter, own_interpreter

        if runner:
            named = find_interpreter(runner)
            targets = [replace(target, named=named) for target in targets]
        interpreters = [target.named or target.interpreter or own_interpreter() for target in targets]
    each = [
        run(target, ids or [], fast=fast, numerics=interpreter)
        for target, interpreter in zip(targets, interpreters, strict=True)
    ]
    if format is Format.json:
        sys.stdout.write(json.render_checks(each, targets if all_envs else (), fast=fast))
    else:
        sys.stdout.write(text.under_headings(targets if all_envs else (), map(text.render_checks, each)))
    return 0 if all(check.ok for checks in each for check in checks) else 1
