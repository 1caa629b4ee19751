"""paddle is a release whose masked_select gave wrong values on GPUs.

What         A GPU build of paddle 2.3, or a Windows build from 2.3 to before 2.6.1.
Why          `paddle.masked_select` returned values that were not in its input. PP-YOLOE selects its positive samples
             with it: training stops with `Target -1 is out of lower bound`, or goes on with absurd box losses. Every
             report that names a system is of Windows, and maintainers found Linux and the CPU right: on Linux this is
             no more than a note.
Example      paddlepaddle-gpu 2.3.2
Fix safety   the patch gives the same values as a masked_select that works. The message also comes from a learning rate
             that is too high, and from amp on paddle 2.3: see to these first on Linux.
References   Paddle#43001 (2.3.0, Windows), #44721 (2.3.1: wrong on Windows, right on Ubuntu), #45007, #45464 (2.3.2),
             #53603 (Windows, Python 3.7); PaddleDetection#6723 ("on Linux the release is fine"), #6093, #8963.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity, Span
from patchkit.rule import Example, Rule
from patchkit.subjects.environment.environment import ENVIRONMENT, Environment
from patchkit.subjects.environment.frameworks import Build
from patchkit.subjects.environment.machine import Machine
from patchkit.subjects.environment.versions import numbers

PATCH = "ppyoloe-masked-select"
FIXED = (2, 6, 1)


def check(environment: Environment, _: Machine) -> Iterator[Finding]:
    build = environment.paddle
    if build is None or build.cuda is None or any(state.receipt.patch == PATCH for state in environment.patches):
        return
    release = numbers(build.version)
    is_windows = build.package.is_for_windows
    if not ((2, 3) <= release < FIXED if is_windows else release[:2] == (2, 3)):
        return
    where = "on Windows" if is_windows else "on Windows, not on Linux"
    message = f"{build.label}, {build.kind}: masked_select of such releases was reported to return wrong values {where}"
    evidence = f"{build.file}:{build.line}; Paddle#43001, #44721, #45464; PaddleDetection#6723, #8963"
    severity = Severity.WARNING if is_windows else Severity.NOTE
    commands = _cure(environment, build)
    yield Finding(message, Span(str(build.file), build.line), evidence, severity=severity, commands=commands)


def _cure(environment: Environment, build: Build) -> tuple[str, ...]:
    upgrade = environment.commands.install(f"{build.package.name}>=2.6.1")
    return (environment.commands.patchkit("apply", PATCH), upgrade) if environment.find("paddledet") else (upgrade,)


_PADDLE = (
    "-- site/paddle/version/__init__.py --\nfull_version = '{0}'\ncuda_version = '11.2'\n"
    "-- site/paddlepaddle_gpu-{0}.dist-info/METADATA --\nName: paddlepaddle-gpu\n"
    "-- site/paddlepaddle_gpu-{0}.dist-info/WHEEL --\nTag: cp37-cp37m-{1}\n"
)
RULE = Rule(
    __name__,
    Severity.WARNING,
    (ENVIRONMENT,),
    check,
    (
        Example(_PADDLE.format("2.3.2", "manylinux1_x86_64"), _PADDLE.format("2.6.1", "manylinux1_x86_64")),
        Example(_PADDLE.format("2.4.2", "win_amd64"), _PADDLE.format("2.4.2", "manylinux1_x86_64")),
    ),
)
