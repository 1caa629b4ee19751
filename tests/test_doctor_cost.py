"""What a look costs: no program is started, and nothing is imported that takes time."""

import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY, Environment, wheel
from tests.support import RELEASE

pytestmark = pytest.mark.usefixtures("no_caches_of_this_machine")


def seen(env: Environment) -> str:
    """The programs that a look starts, and the modules that take time that it imports."""
    heavy = ["libcst", "yaml", "msgspec", "packaging", "importlib.metadata", "rich", "numpy", "matplotlib"]
    code = (
        "import sys; sys.argv[0] = 'patchkit'\n"
        "starts = ('subprocess.', 'os.exec', 'os.posix_spawn', 'os.fork', 'os.system', 'socket.')\n"
        "sys.addaudithook(lambda event, _: event.startswith(starts) and sys.stderr.write(event))\n"
        "from patchkit.cli import main\n"
        "try: main()\n"
        f"finally: sys.stderr.write(' '.join(name for name in {heavy} if name in sys.modules))"
    )
    command = [sys.executable, "-c", code, "doctor", "--python", str(env.python)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stderr


def test_a_look_at_a_sound_environment_starts_nothing_and_imports_nothing_that_takes_time(cuda: Environment) -> None:
    cuda.pip("install", "--no-deps", wheel(RELEASE))
    assert seen(cuda) == ""


def test_a_python_that_sees_the_packages_of_the_system_is_asked_where_they_are(cuda: Environment) -> None:
    settings = cuda.folder / "pyvenv.cfg"
    text = settings.read_text()
    assert "include-system-site-packages = false" in text
    settings.write_text(text.replace("site-packages = false", "site-packages = true"))
    assert seen(cuda).startswith("subprocess.Popen")
