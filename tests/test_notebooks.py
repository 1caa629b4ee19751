"""Notebooks: any codemod on code cells, and every byte outside the edited source line as it was."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchkit.patching.notebook import NotebookCodemod
from patchkit.patching.packs import find_room
from patchkit.patching.sites import SiteState
from tests.conftest import Answer, snapshot
from tests.support import assert_refused
from tests.test_trees import METHOD, fixed

Run = Callable[..., Answer]
ID = "cross-entropy-ignore-index"
IMPORT = "import torch.nn as nn\n%matplotlib inline\n"
TRAIN = '!pip install tqdm\n# 损失 é\ncriterion = nn.CrossEntropyLoss()  # "loss"\nprint("a\\n")\n'
FIXED = TRAIN.replace("CrossEntropyLoss()", "CrossEntropyLoss(ignore_index=-1)")


def cell(source: str, *, as_list: bool = True, kind: str = "code") -> dict[str, Any]:
    lines: str | list[str] = source.splitlines(keepends=True) if as_list else source
    if kind == "markdown":
        return {"cell_type": kind, "metadata": {}, "source": lines}
    output = {"name": "stdout", "output_type": "stream", "text": ["nn.CrossEntropyLoss()\n"]}
    return {"cell_type": kind, "execution_count": 7, "metadata": {}, "outputs": [output], "source": lines}


def notebook(*cells: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {
        "cells": list(cells),
        "metadata": {"kernelspec": {"language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 4,
    } | keys


def written(path: Path, content: dict[str, Any], **style: Any) -> Path:
    path.write_text(json.dumps(content, **{"indent": 1, "ensure_ascii": False, **style}) + "\n", encoding="utf-8")
    return path


def sources(path: Path) -> list[str]:
    return ["".join(item["source"]) for item in json.loads(path.read_bytes())["cells"]]


STYLES: list[dict[str, Any]] = [
    {},
    {"indent": 2},
    {"indent": "\t"},
    {"indent": None},
    {"ensure_ascii": True},
    {"indent": None, "separators": (",", ":"), "ensure_ascii": True},
]


@pytest.mark.parametrize("as_list", [True, False])
@pytest.mark.parametrize("style", STYLES, ids=str)
def test_only_the_edited_source_line_changes_and_comes_back(
    style: dict[str, Any], as_list: bool, tmp_path: Path, patchkit: Run
) -> None:
    content = notebook(
        cell(IMPORT, as_list=as_list), cell("# nn.CrossEntropyLoss()", kind="markdown"), cell(TRAIN, as_list=as_list)
    )
    path = written(tmp_path / "train.ipynb", content, **style)
    before = path.read_bytes()

    applied = patchkit("apply", ID, "--path", path, "--format", "json")

    assert (applied.code, applied.outcomes) == (0, ["applied"])
    site = applied.json["results"][0]["files"][0]["sites"][0]
    assert (site["symbol"], site["state"]) == ("cells[2].criterion", "applied")
    assert "CrossEntropyLoss(ignore_index=-1)" in path.read_text().splitlines()[site["line"] - 1]
    assert path.read_bytes() == before.replace(
        b"criterion = nn.CrossEntropyLoss()", b"criterion = nn.CrossEntropyLoss(ignore_index=-1)"
    )
    assert sources(path)[2] == FIXED
    assert patchkit("apply", ID, "--path", path, "--format", "json").outcomes == ["already-applied"]
    assert patchkit("verify", "--path", path).code == 0
    assert patchkit("revert", ID, "--path", path).code == 0
    assert path.read_bytes() == before


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_line_endings_and_byte_order_mark_are_kept(mark: bytes, newline: bytes, tmp_path: Path, patchkit: Run) -> None:
    path = written(tmp_path / "train.ipynb", notebook(cell(IMPORT), cell(TRAIN)))
    path.write_bytes(mark + path.read_bytes().replace(b"\n", newline))
    before = path.read_bytes()
    assert patchkit("apply", ID, "--path", path).code == 0
    assert path.read_bytes() == before.replace(b"= nn.CrossEntropyLoss()", b"= nn.CrossEntropyLoss(ignore_index=-1)")


def test_a_codemod_that_adds_lines_adds_elements_to_the_list_of_lines(tmp_path: Path, patchkit: Run) -> None:
    loss = "losses = []\n"
    head = (
        "import torch, warnings\n"
        "class RetinaNetClassificationHead:\n"
        "    def compute_loss(self, targets, outputs, matched):\n"
        f"        {loss}"
        "        cls_logits = outputs['cls_logits']\n"
        "        for target, logits, match in zip(targets, cls_logits, matched):\n"
        "            foreground = match >= 0\n"
        "            hot = torch.zeros_like(logits)\n"
        "            hot[foreground, target['labels'][match[foreground]]] = 1.0\n"
        "            losses.append(focal(logits, hot))\n"
        "        return _sum(losses) / len(targets)"
    )
    path = written(tmp_path / "retinanet.ipynb", notebook(cell("# 标签\n"), cell(head)))
    answer = patchkit("apply", "retinanet-label-guard", "--path", path, "--format", "json")
    assert answer.outcomes == ["applied"]
    lines = json.loads(path.read_bytes())["cells"][1]["source"]
    assert all(line.endswith("\n") and "\n" not in line[:-1] for line in lines[:-1])
    assert not lines[-1].endswith("\n")
    assert "".join(lines).count("continue") == 1
    compile("".join(lines), "cell", "exec")
    text = path.read_text()
    assert text == json.dumps(json.loads(text), indent=1, ensure_ascii=False) + "\n", "laid out as Jupyter writes it"
    assert patchkit("revert", "--all", "--path", path).code == 0


def test_any_codemod_runs_on_a_notebook(tmp_path: Path, patchkit: Run) -> None:
    path = written(tmp_path / "loss.ipynb", notebook(cell(METHOD)))
    answer = patchkit("apply", "yolov10-dfl", "--path", path, "--format", "json")
    assert answer.outcomes == ["applied"]
    assert answer.json["results"][0]["files"][0]["sites"][0]["symbol"] == "cells[0].decode"
    assert sources(path) == [fixed(METHOD)]


MAGICS = [
    "%matplotlib inline",
    "%load_ext autoreload\n%autoreload 2",
    "!pip install -q torch \\\n    torchvision",
    "files = !ls *.jpg",
    "x = %timeit -o pass",
    "nn.CrossEntropyLoss?",
    "?nn.CrossEntropyLoss",
    "if True:\n    !echo 'it''s'\n    %cd ..",
    "def f():\n    !ls {path}\n    return 1",
    'text = ("%s"\n        % nn)',
    'shell = """\n!ls\n%cd\n"""',
    "await asyncio.sleep(0)",
]


@pytest.mark.parametrize("magic", MAGICS)
def test_magics_and_shell_lines_stay_as_they_are(magic: str, tmp_path: Path, patchkit: Run) -> None:
    source = f"{magic}\ncriterion = nn.CrossEntropyLoss()\n{magic}\n"
    path = written(tmp_path / "n.ipynb", notebook(cell(IMPORT), cell(source)))
    assert patchkit("apply", ID, "--path", path).code == 0
    assert sources(path)[1] == source.replace("= nn.CrossEntropyLoss()", "= nn.CrossEntropyLoss(ignore_index=-1)")


@pytest.mark.parametrize("magic", ["%%time", "%%capture out", "%%writefile 'my train.py'", "%%memit", "\n%%time"])
def test_a_cell_magic_with_a_python_body_is_read(magic: str, tmp_path: Path, patchkit: Run) -> None:
    source = f"{magic}\nloss = nn.CrossEntropyLoss()"
    path = written(tmp_path / "n.ipynb", notebook(cell(IMPORT), cell(source)))
    assert patchkit("apply", ID, "--path", path).code == 0
    assert sources(path)[1] == f"{magic}\nloss = nn.CrossEntropyLoss(ignore_index=-1)"


@pytest.mark.parametrize("magic", ["%%bash", "%%html", "%%javascript", "%%writefile notes.md"])
def test_a_cell_magic_of_another_language_is_left_alone(magic: str, tmp_path: Path, patchkit: Run) -> None:
    path = written(tmp_path / "n.ipynb", notebook(cell(IMPORT), cell(f"{magic}\nloss = nn.CrossEntropyLoss()")))
    answer = patchkit("apply", ID, "--path", path, "--format", "json")
    assert (answer.code, answer.outcomes) == (2, ["not-applicable"])


@pytest.mark.parametrize(
    "source",
    [
        "%%timeit loss = nn.CrossEntropyLoss()\nloss(x, y)",
        "%timeit -n 3 nn.CrossEntropyLoss()(x, y)",
        "r = %timeit -o nn.CrossEntropyLoss()(x, y)",
        "loss = CE()\n$broken line",
    ],
)
def test_code_that_cannot_be_edited_is_never_passed_over(source: str, tmp_path: Path, patchkit: Run) -> None:
    head = IMPORT + "from torch.nn import CrossEntropyLoss as CE\n"
    path = written(tmp_path / "n.ipynb", notebook(cell(head), cell(TRAIN), cell(source)))
    before = path.read_bytes()
    answer = patchkit("apply", ID, "--path", path)
    assert_refused(answer, "cells[2]")
    assert path.read_bytes() == before


def test_a_line_magic_that_runs_one_statement_is_edited(tmp_path: Path, patchkit: Run) -> None:
    path = written(
        tmp_path / "n.ipynb", notebook(cell(IMPORT), cell("%time loss = nn.CrossEntropyLoss()  # once\nx = 1"))
    )
    assert patchkit("apply", ID, "--path", path).code == 0
    assert sources(path)[1] == "%time loss = nn.CrossEntropyLoss(ignore_index=-1)  # once\nx = 1"


def test_text_that_looks_like_a_mask_stays(tmp_path: Path, patchkit: Run) -> None:
    source = "!ls\nc = nn.CrossEntropyLoss()\npass  # patchkit masks line 0\n"
    path = written(tmp_path / "n.ipynb", notebook(cell(IMPORT), cell(source)))
    assert patchkit("apply", ID, "--path", path).code == 0
    assert sources(path)[1] == source.replace("Loss()", "Loss(ignore_index=-1)")


def test_notebooks_and_source_files_of_a_tree_are_one_patch(tmp_path: Path, patchkit: Run) -> None:
    tree = tmp_path / "course"
    (tree / ".ipynb_checkpoints").mkdir(parents=True)
    one = written(tree / "one.ipynb", notebook(cell(IMPORT), cell(TRAIN)))
    hidden = written(tree / ".ipynb_checkpoints/one-checkpoint.ipynb", notebook(cell(IMPORT), cell(TRAIN)))
    (tree / "train.py").write_text("from torch import nn\ncriterion = nn.CrossEntropyLoss(weight=w)\n")
    before = snapshot(tree)
    answer = patchkit("apply", ID, "--path", tree, "--format", "json")
    assert [file["path"] for file in answer.json["results"][0]["files"]] == ["one.ipynb", "train.py"]
    assert answer.json["results"][0]["message"] == "", "a form that was tested"
    assert sources(one)[1] == FIXED
    assert sources(hidden)[1] == TRAIN
    assert patchkit("revert", ID, "--path", tree).code == 0
    assert snapshot(tree) == before


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"CrossEntropyLoss", ("not a notebook",)),
        (b'{"cells": [CrossEntropyLoss]}', ("not a notebook", "line 1 column 12")),
        (b'["CrossEntropyLoss"]', ("names no nbformat",)),
        (b'{"nbformat": "CrossEntropyLoss"}', ("names no nbformat",)),
        (b'{"nbformat": 4, "x": "CrossEntropyLoss"}', ("not a valid notebook",)),
        (b'{"nbformat": 4, "cells": [{"x": "CrossEntropyLoss"}]}', ("not a valid notebook",)),
        (b'{"nbformat": 5, "x": "CrossEntropyLoss"}', ("nbformat 5",)),
        (b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": 3, "x": "CrossEntropyLoss"}]}', ("not a valid",)),
        (b'{"nbformat": 3, "worksheets": ["CrossEntropyLoss"]}', ("nbformat 3", "jupyter nbconvert", "--nbformat 4")),
        ('{"nbformat": 4, "x": "CrossEntropyLoss"}'.encode("utf-16"), ("not a notebook",)),
        (b'{"nbformat": 4, "cells": ' + b"[" * 100_000 + b'"CrossEntropyLoss"', ("not a notebook",)),
    ],
    ids=[
        "text",
        "json",
        "array",
        "nbformat",
        "no-cells",
        "no-type",
        "nbformat-5",
        "source",
        "nbformat-3",
        "utf-16",
        "deep",
    ],
)
def test_what_is_no_notebook_is_refused_and_left_as_it_is(
    data: bytes, words: tuple[str, ...], tmp_path: Path, patchkit: Run
) -> None:
    path = tmp_path / "bad.ipynb"
    path.write_bytes(data)
    assert_refused(patchkit("apply", ID, "--path", path), "bad.ipynb", *words)
    assert path.read_bytes() == data


def test_a_cell_that_does_not_parse_is_refused_only_if_the_code_may_be_in_it(tmp_path: Path, patchkit: Run) -> None:
    path = written(tmp_path / "n.ipynb", notebook(cell(IMPORT), cell("def broken(:\n"), cell(TRAIN)))
    assert patchkit("apply", ID, "--path", path).code == 0
    assert sources(path)[1:] == ["def broken(:\n", FIXED]
    broken = "x = 1\ndef broken(nn.CrossEntropyLoss():\n"
    path = written(tmp_path / "m.ipynb", notebook(cell(IMPORT), cell(broken), cell(TRAIN)))
    before = path.read_bytes()
    assert_refused(patchkit("apply", ID, "--path", path), "m.ipynb, cells[1]:2: not valid Python")
    assert path.read_bytes() == before


def test_a_notebook_of_another_language_is_not_applicable(tmp_path: Path, patchkit: Run) -> None:
    content = notebook(cell("loss <- CrossEntropyLoss()"), metadata={"kernelspec": {"language": "R"}})
    answer = patchkit("apply", ID, "--path", written(tmp_path / "r.ipynb", content), "--format", "json")
    assert (answer.code, answer.outcomes) == (2, ["not-applicable"])


@pytest.mark.parametrize(
    ("source", "outcome"),
    [
        ("loss = nn.CrossEntropyLoss(ignore_index=-1)", "upstreamed"),
        ("loss = nn.CrossEntropyLoss(None, None, -1)", "upstreamed"),
        ("loss = nn.CrossEntropyLoss(ignore_index=255)", "conflict"),
        ("loss = nn.CrossEntropyLoss(w, None, 0)", "conflict"),
        ("loss = nn.CrossEntropyLoss(**options)", "conflict"),
        ("losses = {'ce': nn.CrossEntropyLoss}", "conflict"),
        ("loss = paddle.nn.CrossEntropyLoss()", "not-applicable"),
        ("assert isinstance(loss, nn.CrossEntropyLoss)", "not-applicable"),
    ],
)
def test_an_argument_that_is_given_is_never_changed(source: str, outcome: str, tmp_path: Path, patchkit: Run) -> None:
    path = written(tmp_path / "n.ipynb", notebook(cell(IMPORT + "import paddle\n"), cell(source)))
    before = path.read_bytes()
    answer = patchkit("apply", ID, "--path", path, "--format", "json")
    assert answer.outcomes == [outcome]
    assert answer.code == (0 if outcome == "upstreamed" else 2)
    assert path.read_bytes() == before


# --- open-ended input ------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
LINES = st.lists(
    st.sampled_from(
        ["x = 1", "!ls", "%cd ..", "# nn.CrossEntropyLoss()", "print('é损')", "s = '''\n!no\n'''", "", 'y = "\\n\\\\"']
    ),
    max_size=4,
)
CODEMOD = NotebookCodemod(find_room(ID).codemod())


@settings(max_examples=150, deadline=None)
@given(
    before=LINES,
    after=LINES,
    as_list=st.booleans(),
    ascii_only=st.booleans(),
    indent=st.sampled_from([None, 1, 4, "\t"]),
    output=TEXT,
    key=TEXT,
)
def test_whatever_stands_around_it_only_the_call_changes(
    before: list[str],
    after: list[str],
    as_list: bool,
    ascii_only: bool,
    indent: int | str | None,
    output: str,
    key: str,
) -> None:
    code = "\n".join([*before, "criterion = nn.CrossEntropyLoss()", *after])
    code_cell = cell(code, as_list=as_list)
    code_cell["outputs"][0]["text"] = [output]
    content = notebook(cell(IMPORT), code_cell, metadata={key: output})
    source = json.dumps(content, indent=indent, ensure_ascii=ascii_only).encode()
    done = CODEMOD.rewrite_file(source, "n.ipynb", required=(), known=frozenset(), allow_drift=False)
    assert [site.state for site in done.sites] == [SiteState.PRISTINE]
    assert done.source == source.replace(
        b"criterion = nn.CrossEntropyLoss()", b"criterion = nn.CrossEntropyLoss(ignore_index=-1)"
    )
    again = CODEMOD.rewrite_file(done.source, "n.ipynb", required=(), known=frozenset(), allow_drift=False)
    assert again.source == done.source
    assert [site.state for site in again.sites] == [SiteState.APPLIED]
