"""Two distributions own one module.

What         The RECORDs of two distributions in one folder list the same package: ultralytics, torch, torchvision,
             paddle, ppdet, numpy, PIL or onnxruntime. For cv2 there is a rule of its own.
Why          The one that was installed last has written over the files of the other, and both are listed with their
             versions: what is told of one is true of the other. Removing one takes the files of both away. `pip check`
             says that all is well.
Example      ultralytics 8.4.190 and ultralytics-opencv-headless 8.4.190
Fix safety   safe: one of them is installed again, whole.
References   the wheels ultralytics, ultralytics-opencv-headless and dgenerate-ultralytics-headless, which all install
             the module ultralytics; pip has no check of RECORD against files: pypa/pip#4705.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from patchkit.errors import PatchkitError
from patchkit.findings import Finding, Severity, Skipped, Span
from patchkit.patching.distinfo import Record
from patchkit.rule import Example, Rule
from patchkit.subjects.environment.environment import ENVIRONMENT, Environment
from patchkit.subjects.environment.machine import Machine
from patchkit.subjects.environment.package import Package, read

MODULES = ("ultralytics", "torch", "torchvision", "paddle", "ppdet", "numpy", "PIL", "onnxruntime")


def check(environment: Environment, _: Machine) -> Iterator[Finding | Skipped]:
    for root in environment.roots:
        files = [f"{name}/__init__.py" for name in MODULES if os.path.exists(root / name / "__init__.py")]  # noqa: PTH110
        owners: dict[str, list[Package]] = {file: [] for file in files}
        for package in environment.packages if files else ():
            if package.root != root:
                continue
            try:
                for file in package.listed(files):
                    owners[file].append(package)
            except PatchkitError as error:
                yield Skipped.of(error)
        for file, found in owners.items():
            if len(found) > 1:
                yield _finding(environment, root / file, file, found)


def _finding(environment: Environment, place: Path, file: str, found: list[Package]) -> Finding:
    holders = [package for package in found if _agrees(package, place, file)]
    whose = f"the file is that of {' and '.join(one.label for one in holders)}" if holders else "the file is of neither"
    message = f"{' and '.join(one.label for one in found)} both install the module {file.partition('/')[0]}; {whose}"
    evidence = f"RECORD of {', '.join(package.info.name for package in found)}: {file}"
    kept = [*holders, *(package for package in reversed(found) if package not in holders)]
    kept.sort(key=lambda package: not package.name.endswith("-gpu"))  # who installed that one wants it
    cures = [_cure(environment, found, one, is_there=holders == [one]) for one in kept]
    return Finding(message, Span(str(place)), evidence, commands=tuple(cure for cure in cures if cure))


def _agrees(package: Package, place: Path, file: str) -> bool:
    try:
        row = Record(read(package.record) or b"", package.record).row(file)
        return row is not None and row.agrees_with(read(place) or b"")
    except PatchkitError:
        return False


def _cure(environment: Environment, found: list[Package], kept: Package, *, is_there: bool) -> str:
    """Keep one of them. Of two folders with one name, which a broken upgrade leaves, pip removes only one at a time.

    A torch that is no release can be had from no index: it is kept where its files are there, or not at all.
    """
    import shlex

    from patchkit.subjects.environment.torch_family import is_release

    stale = [one for one in found if one is not kept and one.name == kept.name]
    others = [one for one in found if one.name != kept.name]
    steps = [f"rm -r {shlex.quote(str(one.info))}" for one in stale]
    if kept.name == "torch" and not is_release(kept.version):
        return " && ".join(steps) if is_there and not others else ""
    steps += [environment.commands.uninstall(*others)] if others else []
    return " && ".join([*steps, environment.commands.reinstall(kept)])


_ONE = (
    "-- site/ultralytics/__init__.py --\n__version__ = '8.4.190'\n"
    "-- site/ultralytics-8.4.190.dist-info/METADATA --\nName: ultralytics\n"
    "-- site/ultralytics-8.4.190.dist-info/RECORD --\nultralytics/__init__.py,,\n"
)
_OTHER = (
    "-- site/ultralytics_opencv_headless-8.4.190.dist-info/METADATA --\nName: ultralytics-opencv-headless\n"
    "-- site/ultralytics_opencv_headless-8.4.190.dist-info/RECORD --\nultralytics/__init__.py,,\n"
)
RULE = Rule(__name__, Severity.WARNING, (ENVIRONMENT,), check, (Example(_ONE + _OTHER, _ONE),))
