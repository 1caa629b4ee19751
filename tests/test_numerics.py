"""`verify --numerics` on a third-party pack for code with numpy. The real frameworks are in framework_tests/."""

import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from patchkit.patching.equivalence import compare
from patchkit.patching.interpreter import own_interpreter
from patchkit.patching.state import patch_states
from patchkit.patching.target import find_target
from tests.conftest import REPOSITORY, Answer, snapshot

ORIGINAL = """\
from __future__ import annotations

import numpy as np

GREATEST = 700.0


class Activation:
    @staticmethod
    def __identity(x):
        return x

    @staticmethod
    def refused(x):
        raise TypeError(f"it is not implemented for '{x.dtype}'")

    def softplus(self, x: Unknown) -> Unknown:
        return np.log(1 + np.exp(Activation.__identity(x)))
"""
RIGHT, WRONG, WIDER = "np.logaddexp(0, x)", "np.logaddexp(0, x) * 1.001", "np.logaddexp(0, x).astype('float64')"
CODEMOD = '''
import libcst as cst
from patchkit.patching.codemod import Inspection, SiteCodemod
from patchkit.patching.sites import SiteState

NEW = "return {new}"


class Codemod(SiteCodemod):
    """Compute softplus without overflow."""

    anchors = (b"softplus",)

    def inspect(self, piece):
        if not isinstance(piece.node, cst.FunctionDef):
            return None
        return Inspection(SiteState.APPLIED if NEW in piece.code(piece.node) else SiteState.PRISTINE, (piece.name,))

    def rewrite(self, piece):
        return piece.node.with_changes(body=piece.node.body.with_changes(body=[cst.parse_statement(NEW)]))
'''
MANIFEST = """\
id: softplus-overflow
version: 1.0.0
title: softplus that does not overflow
severity: error
targets:
  - tree: "activation.py"
"""
EQUIVALENCE = """
from patchkit.numerics.cases import ByDesign, Equal, Observed, Tolerance

TOLERANCES = {"float64": Tolerance(1e-12, 0, 1e-12), "float32": Tolerance(1e-5, 0, 1e-5)}


def comparisons(files):
    for file in files:
        for symbol in file.symbols:
            original, patched = file.versions(symbol)
            site, shapes = file.site(symbol), [{"n": 0}, {"n": 7}]
            yield Equal(site, "numpy", original, patched, shapes, {"n": 99}, draw, run, TOLERANCES)
            yield ByDesign(site, "numpy", "x = 1000", lambda: observe(original, patched))


def draw(rng, shape):
    return {"x": rng.normal(0, 3, shape["n"])}


def run(version, tensors):
    return version.owner().softplus(tensors["x"])


def observe(original, patched):
    import numpy as np

    with np.errstate(over="ignore"):
        before, after = (float(run(version, {"x": np.float64(1000)})) for version in (original, patched))
    return Observed(str(before), str(after), abs(after - 1000) < 2)
"""

# Root gives up its name, and keeps what it needs to read the files of the test.
NAMELESS = ["setpriv", "--reuid", "54321", "--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"]
if os.geteuid() != 0:
    NAMELESS = []


class Softplus:
    """A pack on PYTHONPATH, and a source tree with the function that it patches."""

    def __init__(self, folder: Path, patchkit: Callable[..., Answer]) -> None:
        self.tree, self.room = folder / "tree", folder / "pack/thirdparty/softplus_overflow"
        self.module = self.tree / "package/activation.py"
        self.module.parent.mkdir(parents=True)
        self.module.write_text(ORIGINAL)
        self.room.mkdir(parents=True)
        for package in (self.module.parent, self.room.parent, self.room):
            (package / "__init__.py").touch()
        info = folder / "pack/thirdparty-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: thirdparty\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[patchkit.packs]\nthirdparty = thirdparty\n")
        (self.room / "README.md").write_text("# softplus-overflow\n")
        (self.room / "patch.yaml").write_text(MANIFEST)
        (self.room / "equivalence.py").write_text(textwrap.dedent(EQUIVALENCE))
        self._patchkit, self.env = patchkit, {"PYTHONPATH": str(folder / "pack")}

    def apply(self, new: str) -> None:
        (self.room / "codemod.py").write_text(CODEMOD.format(new=new))
        done = self._patchkit("apply", "softplus-overflow", "--path", self.tree, env=self.env)
        assert done.code == 0, done.out + done.err

    def refuse(self, condition: str) -> None:
        """The original refuses some inputs, as frameworks do where they have no kernel."""
        statement = f"        if {condition}:\n            Activation.refused(x)\n        return np.log"
        self.module.write_text(ORIGINAL.replace("        return np.log", statement))

    def rows(self) -> list[Any]:
        return [row for check in self.verify("--format", "json").json["checks"] for row in check.get("rows", [])]

    def verify(self, *options: str | Path, cwd: Path | None = None) -> Answer:
        return self._patchkit("verify", "--numerics", "--path", self.tree, *options, env=self.env, cwd=cwd)


@pytest.fixture
def softplus(tmp_path: Path, patchkit: Callable[..., Answer]) -> Softplus:
    return Softplus(tmp_path / "softplus", patchkit)


def test_a_patch_that_keeps_the_values_passes_with_a_row_for_each_dtype(softplus: Softplus) -> None:
    softplus.apply(RIGHT)
    done = softplus.verify("--format", "json")
    assert done.code == 0, done.out + done.err
    (check,) = [check for check in done.json["checks"] if check["check"] == "numerics"]
    assert [(row["dtype"], row["by_design"], row["ok"]) for row in check["rows"]] == [
        ("float64", False, True),
        ("float32", False, True),
        ("", True, True),
    ]
    for row in check["rows"][:2]:
        assert 0 < row["forward"]["max_abs"] <= row["forward"]["tolerance"]
        assert not row["forward"]["bit_equal"]
        assert row["gradient"] is None  # numpy has none
        assert row["forward_error"]["patched"] <= row["forward"]["tolerance"]
        assert row["forward_ms"]["original"] > 0
        assert row["forward_ms"]["patched"] > 0
    assert check["rows"][2]["message"] == "original: inf; patched: 1000.0"


def test_the_table_states_the_difference_by_design(softplus: Softplus) -> None:
    softplus.apply(RIGHT)
    done = softplus.verify()
    assert done.code == 0, done.out + done.err
    assert "by design, x = 1000: original: inf; patched: 1000.0" in done.out
    assert "package/activation.py::Activation.softplus" in done.out
    assert "2 shapes, 3 seeds; measured with n 99" in done.out


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        (WRONG, "values differ by"),
        (WIDER, "gives float64, and the original float32"),
        ("x[:1]", "values differ by inf"),
    ],
)
def test_a_patch_that_changes_the_result_fails(softplus: Softplus, new: str, reason: str) -> None:
    softplus.apply(new)
    done = softplus.verify()
    assert done.code == 1, done.out
    assert reason in done.out
    assert "FAILED" in done.out


@pytest.mark.parametrize(("new", "ok"), [(RIGHT, True), ("x * 17 + 3000", False)])
def test_a_patched_form_that_runs_where_the_original_does_not_is_judged(softplus: Softplus, new: str, ok: bool) -> None:
    softplus.refuse("x.dtype == np.float32")
    softplus.apply(new)
    (row,) = [row for row in softplus.rows() if row["dtype"] == "float32"]
    assert row["ok"] == ok
    assert row["compared"]
    assert row["message"].startswith("the original raises TypeError: it is not implemented for 'float32'; ")
    assert row["forward_error"]["original"] is None


NO_FLOAT32 = f"{RIGHT} if x.dtype == np.float64 or not x.size else Activation.refused(x)"


def test_what_neither_form_can_do_is_not_counted(softplus: Softplus) -> None:
    softplus.refuse("x.dtype == np.float32 and x.size")  # the empty shape comes first, and is compared
    softplus.apply(NO_FLOAT32)
    done = softplus.verify()
    assert done.code == 0, done.out
    assert "2 comparisons of original and patched functions" in done.out
    assert "float32 on cpu: not compared: TypeError: it is not implemented for 'float32'" in done.out
    (row,) = [row for row in softplus.rows() if row["dtype"] == "float32"]
    assert not row["compared"]
    assert row["forward"] is None
    assert row["forward_error"] is None


def test_a_site_of_which_nothing_is_compared_fails(softplus: Softplus) -> None:
    softplus.refuse("x.dtype == np.float32")
    softplus.apply(NO_FLOAT32)
    without_others = EQUIVALENCE.replace('"float64": Tolerance(1e-12, 0, 1e-12), ', "")
    without_others = without_others.replace(
        '            yield ByDesign(site, "numpy", "x = 1000", ', "            ident = ("
    )
    (softplus.room / "equivalence.py").write_text(without_others)
    done = softplus.verify()
    assert done.code == 1
    assert "0 comparisons" in done.out
    assert "nothing is compared of package/activation.py::Activation.softplus" in done.out


def test_an_original_without_reference_fails(softplus: Softplus) -> None:
    softplus.refuse("True")
    softplus.apply(RIGHT)
    first = softplus.rows()[0]
    assert not first["ok"]
    assert not first["compared"]
    assert first["message"].startswith("not compared: the reference, the original in float64 on the CPU, raises TypeE")


def test_a_patched_form_that_changes_its_inputs_is_not_its_own_reference(softplus: Softplus) -> None:
    text = EQUIVALENCE.replace('rng.normal(0, 3, shape["n"])', 'rng.integers(-3, 3, shape["n"])')
    (softplus.room / "equivalence.py").write_text(text)
    softplus.apply("np.logaddexp(0, np.add(x, 1, out=x))")
    rows = softplus.rows()[:2]
    assert [row["dtype"] for row in rows] == ["float64", "float32"]
    for row in rows:
        assert not row["ok"]
        assert row["forward_error"]["original"] == 0
        assert row["forward_error"]["patched"] > 0.01


def test_a_difference_that_a_framework_cannot_show_is_told_and_not_counted(softplus: Softplus) -> None:
    observed = EQUIVALENCE.replace(
        "def observe(original, patched):", "def observe(original, patched):\n    raise Missing"
    )
    missing = (
        'from patchkit.numerics.cases import NotComparable\n\nMissing = NotComparable("numpy 1 has no such mode")\n'
    )
    (softplus.room / "equivalence.py").write_text(missing + observed)
    softplus.apply(RIGHT)
    done = softplus.verify()
    assert done.code == 0, done.out
    assert "2 comparisons of original and patched functions" in done.out
    assert "x = 1000: not compared: numpy 1 has no such mode" in done.out


def test_every_tolerance_is_stated(softplus: Softplus) -> None:
    tolerances = '{"float64": Tolerance(1e-12, 3e-9, 2e-11)}'
    text = EQUIVALENCE.replace(EQUIVALENCE.partition("TOLERANCES = ")[2].partition("\n")[0], tolerances)
    (softplus.room / "equivalence.py").write_text(text)
    softplus.apply(RIGHT)
    out = softplus.verify().out
    (line,) = [line for line in out.splitlines() if line.split()[:2] == ["float64", "cpu"]]
    assert "(1e-12)" in line
    assert "(2e-11)" in line
    assert softplus.rows()[0]["error_tolerance"] == 2e-11


def test_what_is_not_as_designed_fails(softplus: Softplus) -> None:
    softplus.apply("np.log1p(np.exp(x))")  # as good on the random inputs, and overflows as before
    done = softplus.verify("--format", "json")
    assert done.code == 1
    (row,) = [row for check in done.json["checks"] for row in check.get("rows", []) if not row["ok"]]
    assert row["by_design"]
    assert row["message"] == "original: inf; patched: inf"


def test_a_patch_that_raises_on_what_it_is_for_fails_that_row_alone(softplus: Softplus) -> None:
    softplus.apply("np.logaddexp(0, x) if np.ndim(x) else x.tensor()")
    done = softplus.verify("--format", "json")
    assert done.code == 1
    rows = [row for check in done.json["checks"] for row in check.get("rows", [])]
    assert [row["ok"] for row in rows] == [True, True, False]
    assert "the patched form raises AttributeError" in rows[2]["message"]


def test_nothing_is_written_and_nothing_in_the_working_directory_is_run(softplus: Softplus, tmp_path: Path) -> None:
    softplus.apply(RIGHT)
    here = tmp_path / "here"
    here.mkdir()
    for name in ("json", "numpy", "types", "importlib", "package"):
        (here / f"{name}.py").write_text("open('ran', 'w')\n")
    before = snapshot(softplus.tree, here, softplus.room.parents[1])
    assert softplus.verify(cwd=here).code == 0
    assert snapshot(softplus.tree, here, softplus.room.parents[1]) == before


@pytest.mark.parametrize(
    ("name", "text", "reason", "hint"),
    [
        (
            "equivalence.py",
            "raise OSError('broken room')",
            "equivalence.py:1 (<module>) raises OSError: broken",
            "is written in",
        ),
        (
            "equivalence.py",
            "def comparisons(files):\n yield {}[7]",
            "equivalence.py:2 (comparisons) raises KeyError: 7",
            "is written in",
        ),
        ("equivalence.py", "raise SystemExit(0)", "equivalence.py:1 (<module>) raises SystemExit: 0", "is written in"),
        (
            "equivalence.py",
            "def comparisons(files): return iter(())",
            "the room compares nothing of these files",
            "is written in",
        ),
        ("equivalence.py", "import os; os._exit(7)", "the process ended with exit code 7", "-c 'import torch'"),
        (
            "equivalence.py",
            "import os; os.kill(os.getpid(), 9)",
            "the process was killed by signal 9",
            "memory runs out",
        ),
        ("equivalence.py", "import os; os.kill(os.getpid(), 15)", "killed by signal 15", "-c 'import torch'"),
        (
            "equivalence.py",
            "import torch_that_is_not_there",
            "No module named 'torch_that_is_not_there'",
            "names another Python",
        ),
    ],
)
def test_a_room_that_compares_nothing_fails(softplus: Softplus, name: str, text: str, reason: str, hint: str) -> None:
    softplus.apply(RIGHT)
    (softplus.room / name).write_text(text)
    done = softplus.verify()
    assert done.code == 1
    assert reason in done.out
    assert hint in done.out
    assert ("--python names another Python" in done.out) == ("torch_that" in reason)


def test_a_patch_without_a_comparison_fails_where_it_is_named(softplus: Softplus) -> None:
    softplus.apply(RIGHT)
    (softplus.room / "equivalence.py").unlink()
    named = softplus.verify("softplus-overflow")
    assert named.code == 1
    assert "the room of this patch has no equivalence.py" in named.out
    one_of_all = softplus.verify()
    assert one_of_all.code == 0, one_of_all.out
    assert "changes no maths: nothing to compare" in one_of_all.out


def test_a_room_may_import_what_lies_beside_its_comparison(softplus: Softplus) -> None:
    softplus.apply(RIGHT)
    text = (softplus.room / "equivalence.py").read_text()
    before, draw, after = text.partition('def draw(rng, shape):\n    return {"x": rng.normal(0, 3, shape["n"])}\n')
    (softplus.room / "inputs.py").write_text(draw)
    (softplus.room / "equivalence.py").write_text(f"from .inputs import draw\n{before}{after}")
    done = softplus.verify()
    assert done.code == 0, done.out


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version": (3, 6, 9)}, "Python 3.6.9: comparisons need Python 3.7 or newer"),
        ({"executable": "/nowhere/python"}, "/nowhere/python cannot be run: No such file or directory"),
    ],
)
def test_a_python_that_cannot_compare_is_told_with_the_next_step(
    softplus: Softplus, change: dict[str, Any], reason: str
) -> None:
    softplus.apply(RIGHT)
    (state,) = patch_states(find_target(path=softplus.tree))
    found = compare(replace(own_interpreter(), **change), state, softplus.room, on_path=False)
    assert found.error == reason
    assert "--python names another Python" in found.hint


def test_a_comparison_that_does_not_end_is_told_in_one_line(
    softplus: Softplus, monkeypatch: pytest.MonkeyPatch
) -> None:
    softplus.apply(RIGHT)
    (softplus.room / "equivalence.py").write_text("import time\ntime.sleep(600)\n")
    (state,) = patch_states(find_target(path=softplus.tree))
    monkeypatch.setattr("patchkit.patching.equivalence.TIMEOUT_S", 0.5)
    found = compare(own_interpreter(), state, softplus.room, on_path=False)
    assert found.error == "it took longer than 0.5 s"
    assert found.hint


def test_a_lost_original_is_told_beside_every_other_check(softplus: Softplus) -> None:
    softplus.apply(RIGHT)
    (blob,) = (softplus.tree / ".patchkit/blobs").iterdir()
    blob.unlink()
    done = softplus.verify("--format", "json")
    assert done.code == 1
    checks = {(check["check"], check["ok"]) for check in done.json["checks"]}
    assert {("integrity", True), ("integrity", False), ("numerics", False)} <= checks
    (numerics,) = [check for check in done.json["checks"] if check["check"] == "numerics"]
    assert numerics["message"].startswith("not compared: ")
    assert blob.name[:12] in numerics["message"]
    assert numerics["hint"]


def test_a_user_without_home_and_name_can_compare(patchkit: Callable[..., Answer]) -> None:
    """As in a container that is started with --user."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # those of pytest are for their owner alone
        softplus = Softplus(folder, patchkit)
        softplus.apply(RIGHT)
        env = {key: value for key, value in {**os.environ, **softplus.env}.items() if key != "HOME"}
        command = [*NAMELESS, sys.executable, "-m", "patchkit", "verify", "--numerics", "--path", str(softplus.tree)]
        done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=folder, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_module_that_cannot_be_imported_fails(softplus: Softplus) -> None:
    softplus.apply(RIGHT)
    (softplus.module.parent / "__init__.py").write_text("import not_installed\n")
    done = softplus.verify()
    assert done.code == 1
    assert "package.activation cannot be imported: ModuleNotFoundError: No module named 'not_installed'" in done.out


def test_a_tree_is_run_by_the_python_that_is_named(softplus: Softplus, tmp_path: Path) -> None:
    softplus.apply(RIGHT)
    without_numpy = shutil.which("python3", path="/usr/bin:/bin")
    assert without_numpy is not None
    done = softplus.verify("--python", without_numpy)
    assert done.code == 1
    assert "numpy" in done.out
    missing = softplus.verify("--python", tmp_path / "nowhere")
    assert missing.code == 2


def test_a_tree_whose_package_lies_deeper_is_found(softplus: Softplus) -> None:
    inner = softplus.tree / "src"
    inner.mkdir()
    softplus.module.parent.rename(inner / "package")
    softplus.apply(RIGHT)
    assert softplus.verify().code == 0


def test_a_patch_that_is_not_applied_fails(softplus: Softplus, patchkit: Callable[..., Answer]) -> None:
    done = patchkit("verify", "yolov10-dfl", "--numerics", "--path", softplus.tree)
    assert done.code == 1
    assert "yolov10-dfl is not applied" in done.out


def test_fast_and_numerics_exclude_each_other(patchkit: Callable[..., Answer]) -> None:
    done = patchkit("verify", "--fast", "--numerics")
    assert done.code == 2
    assert "exclude each other" in done.err


def test_the_cost_of_a_loss_is_printed_where_the_kernel_tells_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(REPOSITORY / "benchmarks")
    loss_cost = importlib.import_module("loss_cost")
    times = {"original": 2.0, "patched": 3.0}
    for peak in (None, {"original": None, "patched": None}):
        rows = [{"forward_ms": times, "backward_ms": times, "peak_bytes": peak}]
        cell = "2.0 → 3.0 ms, 1.50x"
        assert loss_cost.line("decode, b 1", rows) == f"| decode, b 1 | {cell} | {cell} | - |"
