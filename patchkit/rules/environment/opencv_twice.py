"""Several distributions of OpenCV are installed together.

What         More than one of opencv-python, opencv-python-headless, opencv-contrib-python and
             opencv-contrib-python-headless is installed. All of them install the module cv2.
Why          The one that was installed last has written over the files of the others. Which one that is changes with
             every upgrade, and removing one takes files of the other away: `module 'cv2' has no attribute 'imread'`,
             or `libGL.so.1: cannot open shared object file` in an image without a display.
Example      opencv-python 4.10.0.84 and opencv-python-headless 4.10.0.84
Fix safety   the headless builds have no `cv2.imshow`. ultralytics asks for opencv-python by name: a later install of it
             brings that back.
References   README of opencv-python, Installation and Usage: "do not install multiple different packages in the same
             environment"; "uninstall them all with pip uninstall and reinstall only one package".
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity, Span
from patchkit.rule import Example, Rule
from patchkit.subjects.environment.environment import ENVIRONMENT, Environment
from patchkit.subjects.environment.machine import Machine
from patchkit.subjects.environment.package import Package
from patchkit.subjects.environment.versions import numbers

NAMES = (
    "opencv-python",
    "opencv-contrib-python",
    "opencv-python-headless",
    "opencv-contrib-python-headless",
)  # those with windows first, each plain before contrib


FILE = "cv2/__init__.py"


def check(environment: Environment, _: Machine) -> Iterator[Finding]:
    # conda-forge has metadata of several names, without files, so that pip is content with its one OpenCV.
    found = [package for name in NAMES for package in environment.all(name) if package.listed([FILE])]
    if len({package.root for package in found}) == 1 and len(found) > 1:
        message = f"{', '.join(package.label for package in found)} all install the module cv2"
        evidence = f"{', '.join(package.info.name for package in found)}; README of opencv-python"
        yield Finding(message, Span(str(found[0].metadata)), evidence, commands=_cures(environment, found))


def _cures(environment: Environment, found: list[Package]) -> tuple[str, ...]:
    """Keep one of them, with the extra modules if there were any: with windows, or without.

    Of two folders with one name, which a broken upgrade leaves, pip removes only one, and the newer release is kept.
    """
    import shlex

    commands = environment.commands
    has_contrib = any("contrib" in package.name for package in found)
    found = sorted(found, key=lambda package: numbers(package.version), reverse=True)
    named = {package.name: package for package in reversed(found)}
    stale = [f"rm -r {shlex.quote(str(package.info))}" for package in found if named[package.name] is not package]
    uninstall = " && ".join([*stale, commands.uninstall(*named.values())])
    keep = []
    for is_headless in (False, True):
        kept = [package for package in found if package.name.endswith("-headless") == is_headless]
        kept = [package for package in kept if "contrib" in package.name or not has_contrib] or kept
        if kept:
            requirement = f"{kept[0].name}=={kept[0].version}"
            keep.append(f"{uninstall} && {commands.install(requirement, force=True, no_deps=True)}")
    return tuple(keep)


_FULL = "-- site/opencv_python-4.10.0.84.dist-info/RECORD --\ncv2/__init__.py,,\n"
_HEADLESS = "-- site/opencv_python_headless-4.10.0.84.dist-info/{} --\ncv2/__init__.py,,\n"
RULE = Rule(
    __name__,
    Severity.WARNING,
    (ENVIRONMENT,),
    check,
    (Example(_FULL + _HEADLESS.format("RECORD"), _FULL + _HEADLESS.format("METADATA")),),
)
