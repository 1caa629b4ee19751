"""ultralytics is no release of an index, but a fork, a checkout or another commit.

What         ultralytics was installed from a repository, a folder or a file, or its tree is that of the YOLOv10 fork.
Why          Its version tells nothing then: the fork of THU-MIG and upstream both say 8.1.34, and their loss.py differ.
             What is known of releases is not known of it, and an upgrade by name replaces it without a word. YOLOv10
             models run in upstream from 8.2.38 on.
Example      pip install git+https://github.com/THU-MIG/yolov10
Fix safety   the release is other code than the fork: a training that is under way should keep what it began with.
References   THU-MIG/yolov10@453c6e38; PEP 610, direct_url.json; ultralytics 8.2.38, which brought YOLOv10 upstream.
"""

import os
from collections.abc import Iterator

from patchkit.findings import Finding, Severity, Span
from patchkit.rule import Example, Rule
from patchkit.subjects.environment.environment import ENVIRONMENT, ULTRALYTICS, Environment
from patchkit.subjects.environment.machine import Machine
from patchkit.subjects.environment.package import Package
from patchkit.subjects.environment.ultralytics import is_of_the_fork


def check(environment: Environment, _: Machine) -> Iterator[Finding]:
    for package in (package for name in ULTRALYTICS for package in environment.all(name)):
        origin = package.origin
        tree = origin.editable if origin and origin.editable else package.root
        is_fork = is_of_the_fork(tree)
        if origin is None and not is_fork:
            continue
        what = "the YOLOv10 fork of THU-MIG" if is_fork else "no release of an index"
        how = ""
        if origin is not None:
            how = f", editable, in {origin.editable}" if origin.editable else f", from {origin.url}"
            how += f" at {origin.commit}" if origin.commit else ""
        place = package.info / "direct_url.json" if origin else package.metadata
        shown = place if os.path.exists(place) else package.info  # noqa: PTH110
        evidence = str(shown) if origin else f"{tree / 'ultralytics/models/yolov10'} is there, which no release has"
        commands = _cures(environment, package)
        yield Finding(f"{package.label} is {what}{how}", Span(str(shown)), evidence, commands=commands)


def _cures(environment: Environment, package: Package) -> tuple[str, ...]:
    install = environment.commands.install("ultralytics>=8.2.38", force=True, no_deps=True)
    return (f"{environment.commands.uninstall(package)} && {install}",)


RULE = Rule(
    __name__,
    Severity.NOTE,
    (ENVIRONMENT,),
    check,
    (
        Example(
            "-- site/ultralytics-8.1.34.dist-info/METADATA --\nName: ultralytics\n"
            "-- site/ultralytics-8.1.34.dist-info/direct_url.json --\n"
            '{"url": "https://github.com/THU-MIG/yolov10", "vcs_info": {"vcs": "git", "commit_id": "453c6e38"}}\n',
            "-- site/ultralytics-8.1.34.dist-info/METADATA --\nName: ultralytics\n",
        ),
        Example(
            "-- site/ultralytics-8.1.34.dist-info/METADATA --\nName: ultralytics\n"
            "-- site/ultralytics/models/yolov10/__init__.py --\n# the fork\n",
            "-- site/ultralytics-8.1.34.dist-info/METADATA --\nName: ultralytics\n",
        ),
    ),
)
