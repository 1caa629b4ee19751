"""Every room: its manifest, its documentation and its own examples."""

import re
from importlib.metadata import entry_points
from pathlib import Path

import libcst as cst
import pytest

from patchkit.patching.codemod import fingerprint
from patchkit.patching.packs import Room, all_rooms
from patchkit.patching.sites import SiteState

ROOMS = all_rooms()
EXAMPLES = [(room, case) for room in ROOMS for case in sorted((room.folder / "examples").iterdir())]
SECTIONS = ["Symptom", "Cause", "What it changes", "When not to apply", "Undo", "References"]


def ids(value: object) -> str:
    return value.id if isinstance(value, Room) else value.name if isinstance(value, Path) else str(value)


def rewrite(room: Room, source: bytes) -> tuple[bytes, list[SiteState]]:
    done = room.codemod().rewrite_file(source, "example.py", required=(), known=frozenset(), allow_drift=False)
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


@pytest.mark.parametrize(("room", "case"), EXAMPLES, ids=ids)
def test_an_example_becomes_its_expected_text_and_then_stays(room: Room, case: Path) -> None:
    before, after = (case / "before.py").read_bytes(), (case / "after.py").read_bytes()
    source, states = rewrite(room, before)
    assert source.decode() == after.decode()
    assert set(states) == {SiteState.PRISTINE}
    source, states = rewrite(room, after)
    assert source == after
    assert set(states) == {SiteState.APPLIED}
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
        PLAIN.replace("    return", "    n = 1\n    return"),
        "async " + PLAIN.lstrip(),
    ],
)
def test_a_fingerprint_changes_with_the_code(text: str) -> None:
    assert fingerprint(function(text)) != fingerprint(function(PLAIN))


def test_a_fingerprint_is_the_same_in_every_release_of_python_and_libcst() -> None:
    assert fingerprint(function(PLAIN)) == "e84cb8358ec63300"
