"""Every room: its manifest, its documentation and its own examples."""

import re
from importlib.metadata import entry_points
from pathlib import Path

import libcst as cst
import pytest

from patchkit.patching.fingerprint import fingerprint
from patchkit.patching.notebook import SUFFIX, NotebookCodemod
from patchkit.patching.packs import Room, all_rooms
from patchkit.patching.sites import SiteState

ROOMS = all_rooms()
EXAMPLES = [(room, before) for room in ROOMS for before in sorted((room.folder / "examples").glob("*/before.*"))]
SECTIONS = ["Symptom", "Cause", "What it changes", "When not to apply", "Undo", "References"]


def ids(value: object) -> str:
    return value.id if isinstance(value, Room) else value.parent.name if isinstance(value, Path) else str(value)


def rewrite(room: Room, source: bytes, suffix: str = ".py") -> tuple[bytes, list[SiteState]]:
    codemod = NotebookCodemod(room.codemod()) if suffix == SUFFIX else room.codemod()
    done = codemod.rewrite_file(source, f"example{suffix}", required=(), known=frozenset(), allow_drift=False)
    return done.source, [site.state for site in done.sites]


def test_our_own_pack_comes_through_the_entry_point() -> None:
    assert "patchkit.patches" in {point.value for point in entry_points(group="patchkit.packs")}
    assert "yolov10-dfl" in {room.id for room in ROOMS}


@pytest.mark.parametrize("room", ROOMS, ids=ids)
def test_a_room_is_documented_in_full(room: Room) -> None:
    assert re.findall(r"^## (.+)$", room.readme, re.MULTILINE) == SECTIONS
    assert room.readme.startswith(f"# {room.id}\n")
    assert f"patchkit revert {room.id}" in room.readme
    assert room.manifest.references
    assert room.manifest.symptoms
    assert type(room.codemod()).__doc__


@pytest.mark.parametrize("room", ROOMS, ids=ids)
def test_a_room_has_examples_and_each_is_a_pair(room: Room) -> None:
    cases = sorted((room.folder / "examples").iterdir())
    assert cases
    for case in cases:
        before, after = sorted(case.iterdir(), reverse=True)
        assert (before.stem, after.stem) == ("before", "after")
        assert before.suffix == after.suffix


@pytest.mark.parametrize(("room", "example"), EXAMPLES, ids=ids)
def test_an_example_becomes_its_expected_text_and_then_stays(room: Room, example: Path) -> None:
    suffix = example.suffix
    after = example.with_name(f"after{suffix}").read_bytes()
    source, states = rewrite(room, example.read_bytes(), suffix)
    assert source.decode() == after.decode()
    assert set(states) == {SiteState.PRISTINE}
    source, states = rewrite(room, after, suffix)
    assert source == after
    assert set(states) == {SiteState.APPLIED}
    if suffix == ".py":
        compile(after, "after.py", "exec")


def function(text: str) -> cst.FunctionDef:
    node = cst.parse_module(text).body[0]
    assert isinstance(node, cst.FunctionDef)
    return node


PLAIN = """
def decode(self, points, logits):
    n, k, width = logits.shape
    return logits.view(n, k, 4, width // 4), "a"
"""


@pytest.mark.parametrize(
    "text",
    [
        PLAIN.replace("    return", "    # a comment\n\n    return"),
        PLAIN.replace("    n, k", '    """A docstring."""\n    n, k'),
        PLAIN.replace('"a"', "'a'"),
        PLAIN.replace("    ", "  "),
        PLAIN.replace("view(n, k, 4, width // 4)", "view(\n        n, k,\n        4, width//4,\n    )"),
        PLAIN.replace(
            'return logits.view(n, k, 4, width // 4), "a"', 'return (logits.view(n, k, 4, (width // 4)), "a")'
        ),
        PLAIN.replace("(self, points, logits)", "(\n    self,\n    points,\n    logits,\n)"),
    ],
)
def test_a_fingerprint_ignores_layout_comments_docstring_and_quotes(text: str) -> None:
    assert fingerprint(function(text)) == fingerprint(function(PLAIN))


@pytest.mark.parametrize(
    "text",
    [
        PLAIN.replace("width // 4", "width / 4"),
        PLAIN.replace("4, width", "8, width"),
        PLAIN.replace("logits", "values"),
        PLAIN.replace('"a"', '"b"'),
        PLAIN.replace("points,", "points: int,"),
        PLAIN.replace("4, width // 4", "4, width[1:]"),
        PLAIN.replace("    return", "    if n:\n        k = 1\n        n = 1\n    return"),
        PLAIN.replace("    return", "    n = 1\n    return"),
        "async " + PLAIN.lstrip(),
    ],
)
def test_a_fingerprint_changes_with_the_code(text: str) -> None:
    assert fingerprint(function(text)) != fingerprint(function(PLAIN))


def test_a_fingerprint_sees_blocks_and_slices() -> None:
    def of(text: str) -> str:
        return fingerprint(function(f"def f(x, c):\n{text}"))

    assert of("    if c:\n        x()\n    c()\n") != of("    if c:\n        x()\n        c()\n")
    assert of("    return x[1:]\n") != of("    return x[:1]\n")


def test_every_hit_of_a_function_is_rewritten_and_reported() -> None:
    room = next(room for room in ROOMS if room.id == "yolov10-dfl")
    line = "    {0} = {0}.view(b, a, 4, c // 4).softmax(3).matmul(self.proj.type({0}.dtype))\n"
    source = "def f(self, x, y):\n" + "".join(
        f"    b, a, c = {name}.shape\n" + line.format(name) for name in ("x", "y")
    )
    done = room.codemod().rewrite_file(source.encode(), "f.py", required=(), known=frozenset(), allow_drift=False)
    assert [site.line for site in done.after] == [3, 5]
    assert b"matmul" not in done.source


@pytest.mark.parametrize(
    "text",
    [
        "return F.linear((q @ k.mT).softmax(-1) @ v, self.proj.weight, self.proj.bias)",
        "return self.proj((q @ k.transpose(-2, -1)).softmax(-1) @ v)",
        "x = torch.einsum('bij,bjk->bik', attn.softmax(-1), self.proj(v))",
    ],
)
def test_attention_with_a_layer_called_proj_is_not_a_near_miss(text: str) -> None:
    room = next(room for room in ROOMS if room.id == "yolov10-dfl")
    _, states = rewrite(room, f"def forward(self, q, k, v, attn):\n    {text}\n".encode())
    assert states == []


def test_a_projection_in_two_statements_is_drift() -> None:
    room = next(room for room in ROOMS if room.id == "yolov10-dfl")
    source = (
        "def f(self, x):\n    b, a, c = x.shape\n    x = x.view(b, a, 4, c // 4).softmax(3)\n"
        "    return x.matmul(self.proj.type(x.dtype))\n"
    )
    assert rewrite(room, source.encode()) == (source.encode(), [SiteState.DRIFTED])


def test_a_fingerprint_is_the_same_in_every_release_of_python_and_libcst() -> None:
    assert fingerprint(function(PLAIN)) == "f9252a69da13c9b9"
