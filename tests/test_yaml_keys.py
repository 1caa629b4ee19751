"""A key added to YAML by offset: one line more, in the style of its neighbour, and every other byte as it was."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from patchkit.errors import SourceUnreadable
from patchkit.patching.sites import Rewrite, SiteState
from patchkit.patching.yaml_key import YamlKey

KEY = YamlKey(key="sync", value="False", kind="bool", comment="share statistics", after="seeded")
PLAIN = "# Settings 🚀\n\ntask: detect  # what\nseeded: True  # repeatable\nother: 1e-3\n"
TYPED = "task: # (str) what\nseeded: True # (bool) repeatable\nother: [1, 2] # (list)\n"


def rewritten(text: str | bytes) -> Rewrite:
    return KEY.rewrite_file(text.encode() if isinstance(text, str) else text, "default.yaml")


@pytest.mark.parametrize(
    ("text", "after", "line"),
    [
        (PLAIN, "seeded: True  # repeatable\n", "sync: False  # share statistics\n"),
        (TYPED, "seeded: True # (bool) repeatable\n", "sync: False # (bool) share statistics\n"),
        (
            "seeded: 1 # (bool, optional) x\n",
            "seeded: 1 # (bool, optional) x\n",
            "sync: False # (bool) share statistics\n",
        ),
        ("  seeded: True\n  b: 2\n", "  seeded: True\n", "  sync: False  # share statistics\n"),
        ("seeded: '#'\n", "seeded: '#'\n", "sync: False  # share statistics\n"),
        ("seeded:\nb: 2\n", "seeded:\n", "sync: False  # share statistics\n"),
    ],
)
def test_the_line_follows_its_neighbour_in_the_same_style(text: str, after: str, line: str) -> None:
    done = rewritten(text)
    assert done.source.decode() == text.replace(after, after + line)
    assert [site.state for site in done.sites] == [SiteState.PRISTINE]
    assert [(site.state, site.line) for site in done.after] == [
        (SiteState.APPLIED, done.source.decode().split(line)[0].count("\n") + 1)
    ]
    assert rewritten(done.source).source == done.source


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
def test_line_endings_and_byte_order_mark_are_kept(mark: bytes) -> None:
    source = mark + PLAIN.replace("\n", "\r\n").encode()
    line = b"seeded: True  # repeatable\r\n"
    assert rewritten(source).source == source.replace(line, line + b"sync: False  # share statistics\r\n")


def test_a_last_line_without_an_end_gets_one() -> None:
    assert rewritten("a: 1\nseeded: True").source == b"a: 1\nseeded: True\nsync: False  # share statistics"


@pytest.mark.parametrize(
    ("text", "state"),
    [
        (TYPED + "sync: False # theirs\n", SiteState.APPLIED),
        (TYPED + "sync: True\n", SiteState.DRIFTED),
        (TYPED + "sync: maybe\n", SiteState.DRIFTED),
        ("task: detect\n", SiteState.DRIFTED),
        ("nested:\n  seeded: True\n", SiteState.DRIFTED),
        ("{seeded: True, b: 1}\n", SiteState.DRIFTED),
        ("- seeded\n", SiteState.DRIFTED),
        ("", SiteState.DRIFTED),
    ],
)
def test_where_the_key_is_or_its_neighbour_is_not_nothing_is_changed(text: str, state: SiteState) -> None:
    done = rewritten(text)
    assert [site.state for site in done.sites] == [state]
    assert done.source == text.encode()
    assert bool(done.sites[0].failed) == (state is SiteState.DRIFTED)


@pytest.mark.parametrize("data", [b"a: [1\n", b"a: 1\n b: 2\n", b"\xff\xfe\x00", b"a: \x00\n", b"a: !foo b\n"])
def test_what_is_no_yaml_is_refused_by_name(data: bytes) -> None:
    with pytest.raises(SourceUnreadable, match=r"default\.yaml: not valid YAML"):
        rewritten(data)


SCALARS = st.one_of(
    st.booleans(),
    st.none(),
    st.integers(),
    st.text(st.characters(min_codepoint=32, exclude_categories=("Cs",)), max_size=12),
)


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=8), SCALARS, max_size=6), st.booleans(), SCALARS)
def test_every_other_key_keeps_its_value(others: dict[str, object], first: bool, value: object) -> None:
    ordered = {"seeded": value, **others} if first else {**others, "seeded": value}
    text = yaml.safe_dump(ordered, sort_keys=False, allow_unicode=True, width=10_000)
    done = rewritten(text)
    if done.sites[0].state is SiteState.PRISTINE:
        # The values of the file: PyYAML does not read back each line end that it writes.
        assert yaml.safe_load(done.source) == {**yaml.safe_load(text), "sync": False}
        lines = done.source.decode().splitlines()
        assert [line for line in lines if not line.startswith("sync:")] == text.splitlines()
