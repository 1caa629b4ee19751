"""The executable that --python names."""

import shutil
from pathlib import Path

from patchkit.errors import TargetRefused


def find_executable(text: str) -> Path:
    """The Python at a path, of a command on PATH, or in the folder of a virtual environment.

    Links are not resolved: the link itself is what makes a virtual environment of a Python.

    Raises   TargetRefused if there is none.
    """
    given = Path(text)
    if given.is_dir():
        found = next((str(p) for p in (given / "bin/python", given / "python") if p.is_file()), None)
    else:
        found = shutil.which(text)
    if found is None:
        raise TargetRefused(f"no Python interpreter at '{text}'", "name an executable, e.g. --python .venv/bin/python")
    return Path(found).absolute()
