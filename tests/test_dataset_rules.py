"""Every rule for data sets by its own examples, and what is proved about sound labels."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchkit.check_data.request import LEAST, Part
from patchkit.check_data.rules import found_in
from patchkit.rule import Example, Rule, load_rules
from patchkit.subjects.dataset.tally import Tally
from patchkit.subjects.dataset.yolo_batch import count_sound, sound
from patchkit.subjects.dataset.yolo_rows import Columns, read_rows
from tests.conftest import REPOSITORY
from tests.data_sets import BASE, archive, check, rules, write

RULES = load_rules("patchkit.rules.dataset")
CASES = [pytest.param(rule, example, id=rule.id) for rule in RULES for example in rule.examples]
HARMLESS = ("label-empty", "carriage-return")
SECTIONS = ("What", "Why", "Example", "Fix safety", "References")


def found(folder: Path, text: str, example: Example, rule: Rule, *, is_good: bool = False) -> set[str]:
    files = archive(text)
    names = set(files)
    tops = {"coco.json": "coco.json", "folders": "folders", "coco/": "coco"}
    top = next((place for place in tops if any(name.startswith(place) for name in names)), "data.yaml")
    write(folder, {**BASE, **files} if top == "data.yaml" else files)
    if "older" in example.options and not is_good:
        (folder / example.options["older"]).touch()
        os.utime(folder / example.options["older"], (1, 1))
    options = {"images": True} if "--images" in example.options.get("arguments", ()) else {}
    if rule.id == "class-rare":
        options["least"] = 1 if is_good else LEAST
    return rules(check(folder / tops.get(top, top), **options)[0])


@pytest.mark.parametrize(("rule", "example"), CASES)
def test_a_rule_finds_its_bad_example_and_nothing_in_the_good_one(rule: Rule, example: Example, tmp_path: Path) -> None:
    assert rule.id in found(tmp_path / "bad", example.bad, example, rule)
    good = found(tmp_path / "good", example.good, example, rule, is_good=True)
    assert rule.id not in good
    assert good <= {*HARMLESS, "class-never-seen"}, "the good example has something else"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_is_documented_and_in_the_readme(rule: Rule) -> None:
    title, *sections = rule.documentation.split("\n\n")
    assert title.endswith(".")
    assert [
        name for name in SECTIONS if f"\n{name}  " in f"\n{sections[0]}" or f"\n{name} " in f"\n{sections[0]}"
    ] == list(SECTIONS)
    row = f"| `{rule.id}` | {rule.severity.value} | {title[:-1]} |"
    assert row in (REPOSITORY / "README.md").read_text()


numbers = st.one_of(
    st.floats(0, 1).map(lambda number: f"{number:.6f}"),
    st.sampled_from(
        ["0", "1", "1.5", "-0.1", "320.5", "nan", "inf", "0.0001", "1e-3", "1e400", "x", "0,5", "[", "]", '"']
    ),
    st.floats().map(str),
)
labels = st.one_of(st.integers(-2, 90).map(str), st.sampled_from(["3.0", "3.5", "16777217", "person", "nan", "007"]))
lines = st.builds(lambda label, rest: " ".join([label, *rest]), labels, st.lists(numbers, max_size=9))
separators = st.sampled_from(["\n", "\n", "\n", "\r\n", "\n\n", " \n", "\t\n", ""])
files = st.lists(st.tuples(lines, separators), max_size=6).map(
    lambda rows: "".join(line + end for line, end in rows).encode()
)


@settings(max_examples=400, deadline=None)
@given(st.lists(files, min_size=1, max_size=4), st.sampled_from([Columns(), Columns(8, 3), Columns(9, 2)]))
def test_what_is_counted_at_once_is_what_no_rule_finds_anything_in(texts: list[bytes], columns: Columns) -> None:
    tally = Tally()
    odd = count_sound(texts, sound(80, columns), tally, detailed=True)
    part = Part(None, 80, "nc", None, 0, False)
    for index, text in enumerate(texts):
        read = read_rows("a.txt", text, columns)
        if index not in odd:
            assert not found_in(read, part), text
    assert tally.files == len(texts) - len(odd)
    assert tally.objects == sum(len(read_rows("a", text, columns).rows) for i, text in enumerate(texts) if i not in odd)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 98), min_size=1, max_size=9, unique=True), st.integers(0, 79))
def test_sound_rows_of_any_kind_are_counted_at_once(places: list[int], label: int) -> None:
    boxes = "".join(f"{label} 0.{place:02d} 0.5 0.01 0.5\n" for place in places)
    polygons = "".join(f"{label} 0.{place:02d} 0.1 0.99 0.1 0.99 0.9\n" for place in places)
    tally = Tally()
    assert count_sound([boxes.encode(), polygons.encode()], sound(80, Columns()), tally, detailed=True) == []
    assert tally.classes == {label: 2 * len(places)}
    assert tally.forms == {"box": len(places), "polygon": len(places)}


SOUND_FILES = [b"1 0.5 0.5 0.1 0.1\n2 0.4 0.5 0.1 0.1\n", b"3 0.5 0.5 0.2 0.2", b"4 0.1 0.1 0.9 0.1 0.9 0.9\n"]
ODD_FILES = [
    *(b"", b"\n", b"80 0.5 0.5 0.1 0.1\n", b"1 0.5 0.5 0.1 0.1\n1 0.99 0.5 0.1 0.1\n", b"1 0.5 0.5 0.1 0.1\r\n"),
    *(b"1 0.5 0.5 0.1 0.1\n" * 2, b"1 0.5 0.5 0.1\n", b'1 "a 0.5 0.5 0.5\n', b"1 nan 0.5 0.5 0.5\n"),
    *(b"4 0.1 0.1 0.1 0.1 0.1 0.9\n", b"1 0.5 0.5 0.1 0.1\n2 0.1 0.1 0.9 0.1 0.9 0.9\n", b"9" * 400 + b" 1 1 1 1\n"),
]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(SOUND_FILES + ODD_FILES), max_size=12))
def test_odd_files_do_not_keep_their_neighbours_from_being_counted(texts: list[bytes]) -> None:
    odd = count_sound(texts, sound(80, Columns()), Tally(), detailed=False)
    assert odd == [index for index, text in enumerate(texts) if text in ODD_FILES]
