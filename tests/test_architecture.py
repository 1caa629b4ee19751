"""What keeps the design: import directions, one writer, one printer, and a fast start."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, Environment

PACKAGE = REPOSITORY / "patchkit"
SOURCES = sorted(PACKAGE.rglob("*.py"))
LAYERS = [
    "errors",
    "edits",
    "findings",
    "numerics",
    "patching",
    "locking",
    "sbom",
    "rule",
    "subjects",
    "recipes",
    "rules",
    "audit",
    "check_data",
    "diagnose",
    "doctor",
    "output",
    "cli",
]
# Each may import itself and what stands before it; recipes and subjects know each other.
# `output` renders values of `patching`; nothing in `patching` knows how it is shown.
WRITERS = {"transaction.py", "journal.py", "files.py", "memory.py"}  # the last one to /proc
WRITING = {"write_bytes", "write_text", "unlink", "rename", "replace", "mkdir", "rmdir", "symlink_to", "chmod", "touch"}
HEAVY = ["libcst", "yaml", "msgspec", "packaging", "importlib.metadata", "rich", "numpy", "matplotlib"]


def layer(module: str) -> int:
    parts = module.split(".")
    return LAYERS.index(parts[1]) if len(parts) > 1 and parts[1] in LAYERS else -1


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_from_the_command_line_to_the_errors(path: Path) -> None:
    own = layer("patchkit." + path.relative_to(PACKAGE).as_posix().replace("/", ".").removesuffix(".py"))
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("patchkit."):
            assert layer(node.module or "") <= own or path.name == "__main__.py", f"{path}:{node.lineno}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_transaction_writes_and_only_the_command_line_prints(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        is_method = isinstance(function, ast.Attribute) and (name != "replace" or len(node.args) == 1)
        if path.name not in WRITERS and is_method:
            assert name not in WRITING, f"{path}:{node.lineno} writes"
        if path.parent.name != "cli" and path.name != "probe.py":
            assert name not in {"print", "exit", "echo"}, f"{path}:{node.lineno} prints or exits"


ROOMS = [path for name in ("equivalence", "inputs") for path in sorted((REPOSITORY / "patches").glob(f"*/{name}.py"))]


@pytest.mark.parametrize("path", [*sorted((PACKAGE / "numerics").glob("*.py")), *ROOMS], ids=lambda path: path.stem)
def test_what_runs_in_the_target_is_python_3_7_and_imports_nothing_else_of_patchkit(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(), feature_version=(3, 7))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("patchkit"):
            assert (node.module or "").startswith("patchkit.numerics."), f"{path}:{node.lineno}"


@pytest.mark.parametrize("command", [["status"], ["verify", "--fast"], ["apply", "yolov10-dfl"]], ids=" ".join)
def test_a_command_on_an_applied_patch_imports_nothing_heavy(command: list[str], yolo: Environment) -> None:
    target = ["--site-packages", str(yolo.site)]
    subprocess.run([sys.executable, "-m", "patchkit", "apply", "yolov10-dfl", *target], check=True, cwd="/")
    assert heavy_imports([*command, *target], Path("/")) == (0, "")


@pytest.mark.parametrize("options", [[], ["--locked"]], ids=" ".join)
def test_a_sync_that_finds_all_in_order_imports_nothing_heavy(
    options: list[str], yolo: Environment, tmp_path: Path
) -> None:
    (tmp_path / "patchkit.toml").write_text(
        '[[patch]]\nid = "yolov10-dfl"\n[[patch]]\nid = "ppyoloe-masked-select"\noptional = true\n'
    )
    command = ["sync", "--site-packages", str(yolo.site)]
    subprocess.run([sys.executable, "-m", "patchkit", *command], check=True, cwd=tmp_path)
    assert heavy_imports([*command, *options], tmp_path) == (0, "")


def heavy_imports(command: list[str], folder: Path) -> tuple[int, str]:
    """Exit code of a command, and what it imported that takes long."""
    code = (
        "import sys; sys.argv[0] = 'patchkit'\n"
        "from patchkit.cli import main\n"
        "try: main()\n"
        f"finally: sys.stderr.write(' '.join(name for name in {HEAVY} if name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *command], capture_output=True, text=True, check=False, cwd=folder
    )
    return done.returncode, done.stderr


def test_a_room_is_one_folder_that_nothing_else_names() -> None:
    rooms = [folder.name for folder in (REPOSITORY / "patches").iterdir() if (folder / "patch.yaml").exists()]
    # A rule may name the patch that cures what it finds.
    for path in (path for path in SOURCES if "rules" not in path.relative_to(PACKAGE).parts):
        text = path.read_text()
        for room in rooms:
            assert room not in text, f"{path} knows {room}"
            assert room.replace("_", "-") not in text, f"{path} knows {room}"
