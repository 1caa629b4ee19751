"""Source trees and single files: what is found, what is left alone, and what a random layout keeps."""

import ast
import py_compile
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchkit.patching.packs import find_room
from tests.conftest import Answer, Environment, checked, run_patchkit, snapshot
from tests.test_refusals import refused, untouched

Run = Callable[..., Answer]
ID = "yolov10-dfl"
PRODUCT = "logits.view(n, k, 4, width // 4).softmax(3).matmul(self.proj.type(logits.dtype))"
SUM = "(logits.view(n, k, 4, width // 4).softmax(3) * self.proj.type(logits.dtype).view(1, 1, 1, -1)).sum(3)"
METHOD = f"""
def decode(self, points, logits):
    # logits = {PRODUCT}
    n, k, width = logits.shape
    logits = {PRODUCT}  # bins to distances
    return points, logits
"""
CLASS = "class Loss:\n" + textwrap.indent(METHOD, "    ")
NEAR = """
def decode(self, logits):
    n, k, width = logits.shape
    return F.softmax(logits.{shape}, dim=3).matmul(self.proj.to(logits.dtype))
"""


def fixed(text: str) -> str:
    """The text with every product outside comments rewritten."""
    return "".join(
        line if line.lstrip().startswith("#") else line.replace(PRODUCT, SUM) for line in text.splitlines(keepends=True)
    )


@pytest.fixture
def tree(tmp_path: Path) -> Callable[..., Path]:
    """Writes files into a tree: tree({'losses/box.py': text})."""
    return lambda files: write(tmp_path / "tree", files)


def write(root: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


# --- what is found ---------------------------------------------------------------------------------------------------


def test_every_hit_in_every_file_and_class_is_patched_reported_and_reverted(
    tree: Callable[..., Path], patchkit: Run
) -> None:
    two_classes = CLASS + CLASS.replace("Loss", "RotatedLoss") + METHOD
    root = tree({"box.py": CLASS, "deep/er/two.py": two_classes, "other.py": "x = 1\n", "notes.md": CLASS})
    before = snapshot(root)

    applied = patchkit("apply", ID, "--path", root, "--format", "json")

    assert (applied.code, applied.outcomes) == (0, ["applied"])
    result = applied.json["results"][0]
    assert result["target"] == {"kind": "tree", "distribution": None, "version": None, "root": str(root)}
    sites = {file["path"]: [(site["symbol"], site["line"]) for site in file["sites"]] for file in result["files"]}
    assert sites == {
        "box.py": [("Loss.decode", 6)],
        "deep/er/two.py": [("Loss.decode", 6), ("RotatedLoss.decode", 13), ("decode", 19)],
    }
    assert (root / "box.py").read_text() == fixed(CLASS), "only the projection changes; comments stay"
    assert (root / "deep/er/two.py").read_text() == fixed(two_classes)
    assert "untested form: Loss.decode (box.py:6)" in result["message"]

    status = patchkit("status", "--path", root, "--format", "json").json["patches"][0]
    assert [(file["path"], file["state"]) for file in status["files"]] == [(path, "applied") for path in sites]
    assert patchkit("verify", "--path", root).code == 0
    assert patchkit("apply", ID, "--path", root, "--format", "json").outcomes == ["already-applied"]
    assert patchkit("revert", ID, "--path", root).code == 0
    assert snapshot(root) == before, "every byte is back and no state folder stays"


def test_environments_caches_and_hidden_folders_are_passed_over(tree: Callable[..., Path], patchkit: Run) -> None:
    folders = [".venv", ".hidden", "env", "lib/site-packages", "lib/dist-packages", "src/__pycache__", "node_modules"]
    root = tree({"loss.py": CLASS, "env/pyvenv.cfg": ""} | {f"{folder}/loss.py": CLASS for folder in folders})
    answer = patchkit("apply", ID, "--path", root, "--format", "json")
    assert [file["path"] for file in answer.json["results"][0]["files"]] == ["loss.py"]
    assert [(root / folder / "loss.py").read_text() for folder in folders] == [CLASS] * len(folders)


def test_links_inside_the_tree_are_patched_once_and_stay_links(tree: Callable[..., Path], patchkit: Run) -> None:
    root = tree({"loss.py": CLASS, "more/box.py": CLASS})
    (root / "again.py").symlink_to("loss.py")
    (root / "loop.py").symlink_to("loop.py")
    (root / "nowhere.py").symlink_to("absent.py")
    (root / "linked").symlink_to("more")
    before = snapshot(root)
    answer = patchkit("apply", ID, "--path", root, "--format", "json")
    assert [file["path"] for file in answer.json["results"][0]["files"]] == ["loss.py", "more/box.py"]
    assert (root / "again.py").is_symlink()
    assert (root / "again.py").read_text() == fixed(CLASS)
    assert patchkit("revert", ID, "--path", root).code == 0
    assert snapshot(root) == before


def test_a_link_to_a_file_that_the_search_passes_over_is_not_dropped_in_silence(
    tree: Callable[..., Path], patchkit: Run
) -> None:
    root = tree({"loss.py": CLASS, ".store/box.py": CLASS})
    (root / "box.py").symlink_to(".store/box.py")
    assert patchkit("apply", ID, "--path", root).code == 2 or (root / "box.py").read_text() == fixed(CLASS)


def test_a_link_out_of_the_tree_is_refused_unless_allowed(
    tree: Callable[..., Path], patchkit: Run, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text(CLASS)
    root = tree({"loss.py": CLASS})
    (root / "box.py").symlink_to(outside)
    before = snapshot(tmp_path)
    with untouched(tmp_path):
        answer = patchkit("apply", ID, "--path", root)
    refused(answer, f"{root / 'box.py'} is a link to {outside}", "--allow-symlinks")
    assert patchkit("apply", ID, "--path", root, "--allow-symlinks").code == 0
    assert (outside.read_text(), (root / "box.py").read_text()) == (CLASS, fixed(CLASS))
    assert patchkit("revert", ID, "--path", root).code == 0
    assert snapshot(tmp_path) == before, "the link is a link again"


def test_git_sees_the_patched_files_only(tree: Callable[..., Path], patchkit: Run) -> None:
    root = tree({"loss.py": CLASS, "other.py": "x = 1\n"})
    git: list[str | Path] = ["git", "-C", root, "-c", "user.name=t", "-c", "user.email=t@t"]
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "t"]):
        checked([*git, *words])
    assert patchkit("apply", ID, "--path", root).code == 0
    assert (root / ".patchkit/.gitignore").read_text() == "*\n"
    assert checked([*git, "status", "--porcelain"]).stdout == " M loss.py\n"
    assert patchkit("revert", ID, "--path", root).code == 0
    assert checked([*git, "status", "--porcelain"]).stdout == ""
    assert not (root / ".patchkit").exists()


# --- outcomes --------------------------------------------------------------------------------------------------------


def test_a_tree_without_the_code_is_not_applicable(tree: Callable[..., Path], patchkit: Run) -> None:
    root = tree({"loss.py": "def softmax(view, proj):\n    return view @ proj\n"})
    with untouched(root):
        refused(patchkit("apply", ID, "--path", root), "not-applicable", "does not exist there")


@pytest.mark.parametrize("shape", ["view(n, k, 4, width // 4)", "reshape(n, k, 4, -1)"])
def test_a_near_miss_in_one_file_is_a_conflict_and_no_file_is_written(
    shape: str, tree: Callable[..., Path], patchkit: Run
) -> None:
    root = tree({"a.py": CLASS, "near.py": NEAR.format(shape=shape), "z.py": CLASS})
    for options in ([], ["--allow-drift"]):
        with untouched(root):
            answer = patchkit("apply", ID, "--path", root, *options)
        nearest = f"nearest match: F.softmax(logits.{shape}, dim=3).matmul(self.proj.to(logits.dtype))"
        refused(answer, "conflict", "decode has drifted (near.py:4)", "precondition failed: ", nearest, "--path FILE")


def test_a_fixed_file_is_upstreamed_and_beside_an_unfixed_one_it_stays_as_it_is(
    tree: Callable[..., Path], patchkit: Run
) -> None:
    root = tree({"fixed.py": fixed(CLASS)})
    with untouched(root):
        answer = patchkit("apply", ID, "--path", root, "--format", "json")
    assert (answer.code, answer.outcomes) == (0, ["upstreamed"])

    tree({"loss.py": CLASS})
    mixed = patchkit("apply", ID, "--path", root, "--format", "json")
    assert (mixed.code, mixed.outcomes) == (0, ["applied"])
    states = {file["path"]: file["before_sha256"] == file["after_sha256"] for file in mixed.json["results"][0]["files"]}
    assert states == {"fixed.py": True, "loss.py": False}
    assert patchkit("revert", ID, "--path", root).code == 0
    assert (root / "fixed.py").read_text() == fixed(CLASS), "revert gives back what patchkit changed, nothing else"


def test_a_file_that_comes_after_the_patch_is_patched_by_the_next_apply(
    tree: Callable[..., Path], patchkit: Run
) -> None:
    root = tree({"loss.py": CLASS})
    before = snapshot(root)
    assert patchkit("apply", ID, "--path", root).code == 0
    tree({"new.py": CLASS})
    assert patchkit("apply", ID, "--path", root).code == 0
    assert (root / "new.py").read_text() == fixed(CLASS), "what was asked for and not done never exits 0"
    assert patchkit("revert", ID, "--path", root).code == 0
    (root / "new.py").unlink()
    assert snapshot(root) == before


def test_a_patched_file_that_is_gone_leaves_the_receipt_with_the_next_apply(
    tree: Callable[..., Path], patchkit: Run
) -> None:
    root = tree({"a/loss.py": CLASS, "b/loss.py": CLASS})
    assert patchkit("apply", ID, "--path", root).code == 0
    for source in (root / "a/loss.py", root / "b/loss.py"):
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        py_compile.compile(str(source), invalidation_mode=mode, doraise=True)
    (root / "b/loss.py").unlink()
    answer = patchkit("verify", "--fast", "--path", root)
    assert (answer.code, "b/loss.py: lost: the file is gone" in " ".join(answer.out.split())) == (1, True)
    assert patchkit("apply", ID, "--path", root, "--check").code == 1
    answer = patchkit("apply", ID, "--path", root)
    assert answer.code == 0
    assert "no longer there, and left out of the receipt: b/loss.py" in answer.out
    assert patchkit("verify", "--fast", "--path", root).code == 0
    answer = patchkit("apply", ID, "--path", root, "--format", "json")
    assert (answer.code, answer.outcomes) == (0, ["already-applied"])
    assert patchkit("revert", ID, "--path", root).code == 0
    assert (root / "a/loss.py").read_text() == CLASS


# --- single files ----------------------------------------------------------------------------------------------------


def test_a_single_file_keeps_its_state_beside_it_and_nothing_else_is_touched(
    tree: Callable[..., Path], patchkit: Run
) -> None:
    root = tree({"sub/loss.py": CLASS, "sub/other.py": CLASS})
    before = snapshot(root)
    answer = patchkit("apply", ID, "--path", root / "sub/loss.py", "--format", "json")
    assert (answer.code, answer.outcomes) == (0, ["applied"])
    assert answer.json["results"][0]["target"]["kind"] == "file"
    assert (root / "sub/other.py").read_text() == CLASS
    assert sorted(path.name for path in (root / "sub").iterdir()) == [".patchkit", "loss.py", "other.py"]
    assert patchkit("status", "--path", root / "sub/loss.py").code == 0
    assert patchkit("verify", "--path", root / "sub/loss.py").code == 0
    assert patchkit("verify", "--path", root / "sub/other.py").code == 1, "the other file has no patch"
    assert patchkit("revert", ID, "--path", root / "sub/loss.py").code == 0
    assert snapshot(root) == before


def test_two_single_files_of_one_folder_are_patched_and_reverted_each_for_itself(
    tree: Callable[..., Path], patchkit: Run
) -> None:
    root = tree({"a.py": CLASS, "b.py": CLASS})
    before = snapshot(root)
    for name in ("a.py", "b.py"):
        assert patchkit("apply", ID, "--path", root / name).code == 0
    assert [(root / name).read_text() for name in ("a.py", "b.py")] == [fixed(CLASS)] * 2
    assert patchkit("revert", ID, "--path", root / "a.py").code == 0
    assert [(root / name).read_text() for name in ("a.py", "b.py")] == [CLASS, fixed(CLASS)]
    assert patchkit("revert", ID, "--path", root / "b.py").code == 0
    assert snapshot(root) == before


def test_a_single_file_of_a_patched_tree_is_reverted_alone(tree: Callable[..., Path], patchkit: Run) -> None:
    root = tree({"a.py": CLASS, "b.py": CLASS})
    assert patchkit("apply", ID, "--path", root).code == 0
    patchkit("revert", ID, "--path", root / "a.py")
    assert (root / "b.py").read_text() == fixed(CLASS), "a target that was not named is not touched"


# --- forms of source -------------------------------------------------------------------------------------------------

FORMS: dict[str, str | bytes] = {
    "plain": CLASS,
    "tabs": CLASS.replace("    ", "\t"),
    "CRLF": CLASS.replace("\n", "\r\n"),
    "mixed line ends": CLASS.replace("shape\n", "shape\r\n"),
    "a BOM": "\ufeff" + CLASS,
    "a BOM and CRLF": "\ufeff" + CLASS.replace("\n", "\r\n"),
    "a BOM right before the function": "\ufeff" + METHOD.lstrip(),
    "no line end at the end": CLASS.replace("    return points, logits\n", "").rstrip(),
    "a form feed": CLASS.replace("    def", "\f\n    def"),
    "decorators": CLASS.replace("    def", "    @staticmethod\n    @torch.no_grad(\n        # why\n    )\n    def"),
    "an async method": CLASS.replace("    def", "    async def"),
    "a nested function": "def outer(self):\n" + textwrap.indent(METHOD, "    ") + "    return decode\n",
    "a nested class": "class Outer:\n" + textwrap.indent(CLASS, "    "),
    "a class in a condition": "if True:\n" + textwrap.indent(CLASS, "  ") + "else:\n  x = 1\n",
    "latin-1 with its cookie": ("# -*- coding: latin-1 -*-\n# é\n" + CLASS).encode("latin-1"),
    "gbk with its cookie": ("# coding: gbk\n" + CLASS.replace("bins to", "距离")).encode("gbk"),
}


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[bytes, bytes]]:
    """Each form after apply, and after revert: all of them are files of one tree."""
    root = tmp_path_factory.mktemp("forms")
    places = {form: root / f"{number}.py" for number, form in enumerate(FORMS)}
    write(root, {path.name: FORMS[form] for form, path in places.items()})
    assert run_patchkit("apply", ID, "--path", root).code == 0
    patched = {form: path.read_bytes() for form, path in places.items()}
    assert run_patchkit("revert", ID, "--path", root).code == 0
    return {form: (patched[form], path.read_bytes()) for form, path in places.items()}


@pytest.mark.parametrize("form", FORMS)
def test_any_form_of_source_is_patched_keeps_every_other_byte_and_comes_back(
    form: str, forms: dict[str, tuple[bytes, bytes]]
) -> None:
    text = FORMS[form]
    source = text if isinstance(text, bytes) else text.encode()
    patched, reverted = forms[form]
    kept, product, total = b"# logits = " + PRODUCT.encode(), PRODUCT.encode(), SUM.encode()
    assert patched == source.replace(kept, b"\0").replace(product, total).replace(b"\0", kept)
    assert reverted == source


UNREADABLE = {
    "bytes that are not UTF-8": CLASS.encode() + b"# \xe9\n",
    "an unknown encoding": b"# coding: klingon\n" + CLASS.encode(),
    "a syntax error": CLASS.encode() + b"def (:\n",
    "a null byte": CLASS.encode() + b"\0\n",
}


@pytest.mark.parametrize("fault", UNREADABLE)
def test_source_that_python_cannot_read_is_refused_with_its_place_and_no_file_is_written(
    fault: str, tree: Callable[..., Path], patchkit: Run
) -> None:
    root = tree({"a.py": CLASS, "broken.py": UNREADABLE[fault]})
    with untouched(root):
        answer = patchkit("apply", ID, "--path", root)
    refused(answer, f"patchkit: {root}/broken.py:", "hint: repair the file")


def test_an_installed_file_that_python_cannot_read_is_refused(yolo: Environment, patchkit: Run) -> None:
    for fault in (b"# \xe9\n", b"def (:\n"):
        yolo.loss.write_bytes(yolo.loss.read_bytes() + fault)
        with untouched(yolo.site):
            answer = patchkit("apply", ID, "--site-packages", yolo.site)
        refused(answer, f"patchkit: {yolo.loss}:", "reinstall the package that it belongs to")


# --- random layouts --------------------------------------------------------------------------------------------------

CODEMOD = find_room(ID).codemod()
NAMES = st.sampled_from(["x", "pred_dist", "logits", "b", "anchors", "c", "_w", "größe"])
LINES = st.sampled_from(["pass", "y = 1", "# note", "", "y = z.softmax(3)", "if y:\n    pass", "'''proj'''"])
HEADERS = [["def f({}):"], ["class A:", "def f({}):"], ["@wrap", "async def f({}):"], ["if 1:", "def f({}):"]]


@st.composite
def layouts(draw: st.DrawFn) -> tuple[str, str, str, str]:
    """The text before a product, the product in some layout, the sum that it should become, the text after it."""
    tensor, batch, boxes, bins, target = draw(st.lists(NAMES, min_size=5, max_size=5, unique=True))
    view, cast = (
        f"{tensor}.view({batch}, {boxes}, 4, {bins} // 4)",
        f"{draw(st.sampled_from(['self', 'self.head', 'loss_of[0]']))}.proj.type({tensor}.dtype)",
    )
    product = f"{view}.softmax(3).matmul({cast})"
    if draw(st.booleans()):
        first, second = (draw(st.sampled_from(["\n  ", " ", "", " \\\n"])) for _ in range(2))
        opened, closed = draw(st.sampled_from([("", ""), ("\n   ", "\n"), (" ", ", ")]))
        product = f"(\n{view}{first}.softmax(3){second}.matmul({opened}{cast}{closed})\n)"
    body = [
        *draw(st.lists(LINES, max_size=3)),
        f"{batch}, {boxes}, {bins} = {tensor}.shape{draw(st.sampled_from(['', '  # shape']))}",
        *draw(st.sampled_from([[], ["# between"], [""]])),
        f"{draw(st.sampled_from([tensor, target]))} = @{draw(st.sampled_from(['', '  # end']))}",
        *draw(st.lists(LINES, max_size=3)),
    ]
    text = "\n".join(body)
    indent = draw(st.sampled_from([" ", "  ", "    ", "\t"]))
    for header in reversed(draw(st.sampled_from(HEADERS))):
        inner = text if header.startswith("@") else textwrap.indent(text, indent, lambda line: True)
        text = header.format(f"self, {tensor}") + "\n" + inner
    text = "\n".join([*draw(st.lists(LINES, max_size=2)), text, *draw(st.lists(LINES, max_size=2)), ""])
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    before, after = text.replace("@wrap", "$").replace("\n", newline).rsplit("@", 1)
    total = f"({view}.softmax(3) * {cast}.view(1, 1, 1, -1)).sum(3)"
    return before.replace("$", "@wrap"), product.replace("\n", newline), total, after


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(layouts())
def test_in_any_layout_only_the_projection_changes(layout: tuple[str, str, str, str]) -> None:
    before, product, total, after = layout
    done = CODEMOD.rewrite_file(
        (before + product + after).encode(), "x.py", required=(), known=frozenset(), allow_drift=False
    )
    text = done.source.decode()
    assert [site.state.value for site in done.sites] == ["pristine"]
    assert text.startswith(before), "what stands before the projection keeps its bytes"
    assert text.endswith(after), "what stands after it does, too"
    assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(before + total + after))
    assert "\n" not in product or text.count("\n") - (before + after).count("\n") >= 2, "the outer parentheses stay"
    again = CODEMOD.rewrite_file(done.source, "x.py", required=(), known=frozenset(), allow_drift=False)
    assert again.source == done.source, "a second run changes nothing"
    assert [site.state.value for site in again.sites] == ["applied"]


def test_comments_inside_a_projection_over_several_lines_stay(tree: Callable[..., Path], patchkit: Run) -> None:
    parts = PRODUCT.replace(".softmax", "|.softmax").replace(".matmul(", "|.matmul(|").split("|")
    wrapped = "(" + "".join(f"  # {number}\n{part}" for number, part in enumerate(parts)) + "  # 4\n)"
    root = tree({"loss.py": CLASS.replace("= " + PRODUCT + "  # bins", "= " + wrapped + "  # bins")})
    assert patchkit("apply", ID, "--path", root).code == 0
    text = (root / "loss.py").read_text()
    assert [number for number in range(5) if f"  # {number}\n" not in text] == []
