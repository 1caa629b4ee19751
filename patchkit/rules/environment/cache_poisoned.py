"""The cache of uv or conda holds a file that was edited in place.

What         A package of the cache, of a distribution that patches are for and that is installed here, has a source
             which is not what its RECORD says. Of uv only what an entry still points to: no environment is made of what
             a reinstall left behind, and `uv cache prune` takes that away.
Why          uv and conda link the files of environments to their cache. What is written into such a file, by
             `open(path, "w")`, by `cp` over it or by an editor that saves into the same file, is then in every
             environment that has the package, and in every new one, whatever is reinstalled there from the cache. What
             puts a new file in its place, as GNU `sed -i` and patchkit do, leaves the cache as it is.
Example      cp loss.py .venv/lib/python3.11/site-packages/ultralytics/utils/, in an environment that uv made by links
Fix safety   safe: the package is fetched again. Environments that are linked to the entry keep the edit until it is
             reinstalled in them.
References   astral-sh/uv#10579, #15700: in-place edits and the cache of uv; conda/conda#1535; reproduced with uv.
"""

import shlex
from collections.abc import Iterator

from patchkit.errors import PatchkitError
from patchkit.findings import Finding, Severity, Skipped, Span
from patchkit.rule import Example, Rule
from patchkit.subjects.environment.caches import Entry, poisoned
from patchkit.subjects.environment.environment import ENVIRONMENT, Environment
from patchkit.subjects.environment.machine import Machine

SHOWN = 3


def check(environment: Environment, machine: Machine) -> Iterator[Finding | Skipped]:
    names = {concern.package.name for concern in environment.concerns}
    hashed = {file for concern in environment.concerns for file in concern.files}
    tops = {file.partition("/")[0] for file in hashed}
    if not names:
        return
    for entry in poisoned(machine, environment.prefix, names, tops, hashed):
        if isinstance(entry, PatchkitError):
            yield Skipped.of(entry)
            continue
        first = entry.edited[0]
        more = f", and {len(entry.edited) - SHOWN} more" if len(entry.edited) > SHOWN else ""
        named = ", ".join(one.path for one in entry.edited[:SHOWN])
        message = f"the cache of {entry.tool} holds {entry.package.label} with edited files: {named}{more}"
        linked = ", and is the file of this environment" if _is_linked(environment, entry) else ""
        evidence = f"{entry.package.record}: {first.path}: {first.how}{linked}"
        yield Finding(message, Span(str(entry.root / first.path)), evidence, commands=_cures(environment, entry))


def _is_linked(environment: Environment, entry: Entry) -> bool:
    package = environment.find(entry.package.name)
    if package is None:
        return False
    try:
        return (package.root / entry.edited[0].path).samefile(entry.root / entry.edited[0].path)
    except OSError:
        return False


def _cures(environment: Environment, entry: Entry) -> tuple[str, ...]:
    """Empty the cache of it, then install it anew where its files came from there."""
    installed = environment.find(entry.package.name)
    if entry.tool == "uv":
        clean = f"uv cache clean {shlex.quote(entry.package.name)}"
    else:
        clean = f"rm -r {shlex.quote(str(entry.place))}"
    is_same = installed is not None and installed.version == entry.package.version and _is_linked(environment, entry)
    return (f"{clean} && {environment.commands.reinstall(installed)}",) if installed and is_same else (clean,)


_INSTALLED = (
    "-- site/ultralytics-8.2.50.dist-info/METADATA --\nName: ultralytics\n"
    "-- site/ultralytics/utils/loss.py --\n# loss\n"
    "-- site/ultralytics-8.2.50.dist-info/RECORD --\n"
    "ultralytics/utils/loss.py,sha256=TMyMAwZJQc8W3bTdAEGTc38OGCo3bBAgXHBqBGf-i9E,7\n"
)
_UV = (
    "-- home/.cache/uv/wheels-v8/pypi/ultralytics/8.2.50-py3-none-any.http --\n9Gqcm98pnwn-Au6B\n"
    "-- home/.cache/uv/archive-v0/9Gqcm98pnwn-Au6B/ultralytics-8.2.50.dist-info/RECORD --\n"
    "ultralytics/utils/loss.py,sha256=TMyMAwZJQc8W3bTdAEGTc38OGCo3bBAgXHBqBGf-i9E,7\n"
    "-- home/.cache/uv/archive-v0/9Gqcm98pnwn-Au6B/ultralytics/utils/loss.py --\n{}"
)
_CONDA = (
    "-- home/.conda/pkgs/ultralytics-8.2.50-pyh/site-packages/ultralytics-8.2.50.dist-info/RECORD --\n"
    "ultralytics/utils/loss.py,sha256=TMyMAwZJQc8W3bTdAEGTc38OGCo3bBAgXHBqBGf-i9E,7\n"
    "-- home/.conda/pkgs/ultralytics-8.2.50-pyh/site-packages/ultralytics/utils/loss.py --\n{}"
)
RULE = Rule(
    __name__,
    Severity.WARNING,
    (ENVIRONMENT,),
    check,
    (
        Example(_INSTALLED + _UV.format("# a fix from a blog\n"), _INSTALLED + _UV.format("# loss\n")),
        Example(_INSTALLED + _CONDA.format("# LOSS\n"), _INSTALLED + _CONDA.format("# loss\n")),
    ),
)
