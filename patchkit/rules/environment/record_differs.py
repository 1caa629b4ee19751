"""An installed file was edited in place, or is gone.

What         A source of a package that patches are for has not the size that RECORD says, or a file that a patch
             changes has not its hash, or a source or library is not there; and no receipt of patchkit speaks of it.
             Tests, docs and examples may be gone: images are made smaller that way.
Why          Somebody pasted a fix into site-packages, or an install was cut short. No Dockerfile and no lock file has
             the edit, the next install takes it away, and where it was written into a file that uv or conda had linked
             to its cache, it is in other environments as well: see cache-poisoned. patchkit refuses to patch such a
             file: it is not the code that the patch was made for.
Example      sed -i s/matmul/mul/ site-packages/ultralytics/utils/loss.py
Fix safety   reinstalling takes the edit away: look at it first.
References   the specification of RECORD: https://packaging.python.org/en/latest/specifications/recording-installed-packages/;
             `pip check` does not look at files: pypa/pip#4705.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity, Skipped, Span
from patchkit.rule import Example, Rule
from patchkit.subjects.environment.environment import ENVIRONMENT, Environment
from patchkit.subjects.environment.machine import Machine
from patchkit.subjects.environment.records import Edited

SHOWN = 3


def check(environment: Environment, _: Machine) -> Iterator[Finding | Skipped]:
    for subject in environment.edits.values():
        if subject.fault is not None:
            yield Skipped.of(subject.fault)
        package, found = subject.package, subject.files
        if not found:
            continue
        edited, gone = [one for one in found if not one.is_gone], [one for one in found if one.is_gone]
        told = [*_told(edited, "not what was installed"), *_told(gone, "not there")]
        message = f"{package.label}: {'; '.join(told)}"
        evidence = f"{package.record}: {found[0].path}: {found[0].how}"
        patches = [environment.commands.patchkit("apply", id) for id in subject.patches]
        command = environment.commands.reinstall(package)
        commands = (command, *(f"{command} && {patch}" for patch in patches))
        yield Finding(message, Span(str(package.root / found[0].path)), evidence, commands=commands)


def _told(found: list[Edited], what: str) -> list[str]:
    """The first of them and their number in words; nothing if there are none."""
    more = f", and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    named = ", ".join(one.path for one in found[:SHOWN])
    return [f"{named}{more} {'is' if len(found) == 1 else 'are'} {what}"] if found else []


_FILE = (
    "-- site/ultralytics/utils/loss.py --\n{}"
    "-- site/ultralytics-8.2.50.dist-info/METADATA --\nName: ultralytics\n"
    "-- site/ultralytics-8.2.50.dist-info/RECORD --\n"
    "ultralytics/utils/loss.py,sha256=TMyMAwZJQc8W3bTdAEGTc38OGCo3bBAgXHBqBGf-i9E,7\n"
)
RULE = Rule(
    __name__,
    Severity.WARNING,
    (ENVIRONMENT,),
    check,
    (
        Example(_FILE.format("# a fix from a blog\n"), _FILE.format("# loss\n")),
        Example(_FILE.format("# LOSS\n"), _FILE.format("# loss\n")),
    ),
)
