"""The page of `check-data --format html`: it needs nothing else, shows what was found, and escapes what it is given."""

import base64
import hashlib
import io
import math
import os
import re
import struct
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from patchkit.check_data.fates import OUTCOMES
from patchkit.check_data.review import Review
from patchkit.findings import Fate, Finding, Fix, Region, Severity, Skipped, Span
from patchkit.output.html import render
from patchkit.output.html_charts import CLASSES, MAPS, class_rows
from patchkit.output.html_findings import LISTED, PICTURES, shares
from patchkit.output.html_markup import percent, tag, visible
from patchkit.output.html_pictures import LIMIT, SIDE, drawn, measured, opener
from patchkit.rule import load_rules
from patchkit.subjects.dataset.dataset import DataSet, Split
from patchkit.subjects.dataset.tally import BINS, Extent, Tally

RULES = tuple(load_rules("patchkit.rules.dataset"))
DROPS = Fate("ultralytics", "==8.4.190", "drops-image", "the image is left out", "ultralytics/data/utils.py:287")
STOPS = Fate("paddledetection", "==2.9.0", "crash", "the loss fails", "ppdet/data/source/coco.py:198")
EXTENT = Extent(10, 2.0, 0.1, 0.4)
TRAIN = Tally(
    images=100,
    files=98,
    empty=3,
    objects=1234,
    classes=Counter({0: 1000, 1: 234}),
    forms=Counter(box=1230, polygon=4),
    width=EXTENT,
    height=EXTENT,
    objects_per_image=Counter({0: 3, 12: 97}),
    places=Counter({0: 5, BINS * BINS - 1: 1}),
    sizes=Counter({BINS + 2: 6}),
)
VAL = Tally(images=10, files=10, objects=20, classes=Counter({1: 20}), forms=Counter(box=20))
SPLITS = (Split("train", TRAIN, Span("data.yaml", 2)), Split("val", VAL, Span("data.yaml", 3)))
DATASET = DataSet("data.yaml", "yolo", SPLITS, {0: "car", 1: "bus", 2: "tram"}, nc=3)
ZERO = Finding(
    "the width is 0",
    Span("labels/train/a.txt", 7),
    "row: 0 0.5 0.5 0 0.1",
    Fix("move the row to quarantine"),
    Severity.ERROR,
    "size-zero",
    region=Region("", (0.5, 0.5, 0.0, 0.1)),
    fates=(DROPS, STOPS),
)
TINY = Finding("the box is tiny", Span("labels/val/b.txt", 2), "measured", None, Severity.NOTE, "size-tiny")
VOIDS = {"meta", "link", "input"}


def reviewed(findings: Sequence[Finding] = (ZERO, TINY), dataset: DataSet = DATASET, **values: Any) -> Review:
    whole: dict[str, Any] = {"skipped": (), "rules": RULES, "trainers": ("ultralytics", "paddledetection")}
    return Review(dataset, findings, **(whole | values))


class Page(HTMLParser):
    """Elements, attributes and text of a page; every element must be closed in its order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[tuple[str, str]] = []
        self.texts: list[tuple[str, str]] = []  # class or name of the element, and its text
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        assert len(attributes) == len(attrs), f"an attribute of {tag} is given twice"
        self.elements.append((tag, attributes))
        if tag not in VOIDS:
            self.open.append((tag, attributes.get("class") or tag))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1][1] if self.open else "", data))

    def text(self, name: str) -> list[str]:
        return [text for of, text in self.texts if of == name]

    def count(self, name: str) -> int:
        """Elements of a name or with a class."""
        return sum(name == tag or name in (attributes.get("class") or "").split() for tag, attributes in self.elements)

    @property
    def everything(self) -> str:
        return "".join(text for of, text in self.texts if of not in ("style", "script"))


def read(review: Review, **options: Any) -> Page:
    page = render(review, **options)
    assert page.isascii()
    return Page(page)


# It needs nothing else.


def test_the_policy_allows_the_style_and_the_script_of_the_page_and_nothing_else() -> None:
    page = Page(render(reviewed()))
    policies = [values["content"] for name, values in page.elements if values.get("http-equiv")]
    (style,), (script,) = page.text("style"), page.text("script")
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    assert policies == [
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    ]
    names = [name for name, _ in page.elements]
    assert names.index("meta") < names.index("style") < names.index("script")


def test_nothing_is_loaded_and_nothing_runs_from_attributes(tmp_path: Path) -> None:
    page = render(reviewed([replace(ZERO, region=Region(str(picture(tmp_path / "a.png")), (0.5, 0.5, 0.1, 0.1)))]))
    assert not re.search(r"https?:|//[a-z]|@import|url\(", page)
    for name, values in Page(page).elements:
        assert name not in {"iframe", "object", "embed", "base", "img", "audio", "video"}
        assert not any(key.startswith("on") or key in {"style", "src", "srcset"} for key in values), values
        if "href" in values:
            assert (values["href"] or "").startswith(("#", "data:image/", "data:,"))


def test_it_is_the_same_page_for_the_same_review() -> None:
    assert render(reviewed()) == render(reviewed())


# What it shows, without a script.


def test_the_head_counts_everything() -> None:
    page = read(reviewed([ZERO, ZERO, TINY]))
    assert page.text("h1") == ["data.yaml"]
    assert page.text("dd") == ["yolo", "2", "110", "1,254", "3"]
    assert page.text("strong") == ["2", "0", "1"]


def test_a_finding_is_told_with_its_place_and_what_each_trainer_does() -> None:
    page = read(reviewed())
    assert "labels/train/a.txt:7" in page.everything
    assert "the width is 0" in page.text("message")
    assert "row: 0 0.5 0.5 0 0.1; fix: move the row to quarantine" in page.text("evidence dim")
    told = page.everything
    for fate in (DROPS, STOPS):
        assert OUTCOMES[fate.outcome] in page.text(f"chip {fate.outcome}")
        for word in (fate.trainer, fate.releases, fate.account, fate.evidence):
            assert word in told
    rule = next(rule for rule in RULES if rule.id == ZERO.rule)
    title, why = rule.documentation.splitlines()[0].removesuffix("."), rule.documentation.split("Why ")[1].split()
    assert any(title in text for text in page.text("h3"))
    assert page.text("why")[0].startswith(" ".join(why[:8]))


def test_what_all_findings_of_a_rule_share_is_told_once() -> None:
    page = read(reviewed([ZERO, replace(ZERO, location=Span("c.txt"))]))
    assert page.everything.count("move the row to quarantine") == 1
    assert page.everything.count("row: 0 0.5 0.5 0 0.1") == 1
    unsafe = Fix("clip the box", safe=False)
    assert (
        "clip the box (unsafe: a trainer may still train on it)"
        in read(reviewed([replace(ZERO, fix=unsafe)])).everything
    )


def test_findings_of_one_rule_with_different_fates_are_apart() -> None:
    other = replace(ZERO, variant="equal", fates=(STOPS,))
    later = replace(ZERO, fates=(DROPS,))
    page = read(reviewed([ZERO, other, later, replace(ZERO, fates=(DROPS, STOPS))]))
    assert (page.count("rule"), page.count("case"), page.count("fates")) == (1, 3, 3)
    assert "equal" in page.text("code")


def test_the_gravest_rule_comes_first() -> None:
    crash = replace(TINY, severity=Severity.ERROR, rule="coordinate-not-finite", fates=(STOPS,))
    page = read(reviewed([TINY, replace(ZERO, fates=(DROPS,)), crash, replace(ZERO, fates=(DROPS,))]))
    rules = [values["data-rule"] for _, values in page.elements if values.get("data-rule")]
    assert rules == ["coordinate-not-finite", "size-zero", "size-tiny"]


def test_places_are_told_from_the_folder_of_the_data_set(tmp_path: Path) -> None:
    data = str(tmp_path / "data.yaml")
    found = replace(ZERO, location=Span(str(tmp_path / "labels/a.txt"), 3))
    page = read(reviewed([found], replace(DATASET, path=data)))
    assert "labels/a.txt:3" in page.everything
    assert f"places are told from {tmp_path}/" in page.everything
    page = read(reviewed([found], replace(DATASET, path=str(tmp_path))))
    assert f"places are told from {tmp_path}/" in page.everything


def test_classes_are_there_by_count_and_those_never_seen_are_marked() -> None:
    page = read(reviewed())
    rows = [values for name, values in page.elements if name == "tr" and "data-rank" in values]
    assert [(row["data-count"], row["data-rank"]) for row in rows] == [("1000", "0"), ("254", "1"), ("0", "2")]
    assert rows[2]["class"] == "unseen"
    assert page.text("badge bad") == ["never seen"]
    assert page.text("none") == ["0"]  # cars of val
    assert "2 classes of 3 seen; most: car (1,000), fewest: bus (254); 1 never seen" in page.everything


def test_classes_that_nobody_declared_are_marked() -> None:
    tally = Tally(classes=Counter({0: 2, 7: 1, "word": 3}), objects=6)
    dataset = DataSet("d", "yolo", (Split("train", tally, Span("d")),), nc=2)
    assert [(row.label, row.is_declared) for row in class_rows(dataset)] == [
        ("word", False),
        (0, True),
        (7, False),
        (1, True),
    ]
    assert read(reviewed([], dataset)).text("badge bad") == ["not declared", "not declared", "never seen"]
    assert all(row.is_declared for row in class_rows(replace(dataset, nc=None)))


def test_a_very_long_tail_ends_with_a_sum() -> None:
    tally = Tally(classes=Counter(dict.fromkeys(range(CLASSES + 5), 1)), objects=CLASSES + 5)
    page = read(reviewed([], DataSet("d", "yolo", (Split("train", tally, Span("d")),), nc=1 << 40)))
    assert "5 more classes, 5 objects" in page.everything
    assert sum("data-rank" in values for _, values in page.elements) == CLASSES


def test_splits_are_side_by_side() -> None:
    twin = replace(SPLITS[1], name="test", same_as="val")
    page = read(reviewed([], replace(DATASET, splits=(*SPLITS, twin))))
    assert "same files as val" in page.text("badge bad")
    assert "3 (3.0%)" in page.everything
    assert "0.200 (0.1–0.4)" in page.everything
    assert "box 1,230, polygon 4" in page.everything
    assert page.count("all") == 1


def test_maps_are_there_for_all_and_for_each_split() -> None:
    page = read(reviewed())
    assert page.count("map") == 6
    labels = [values["aria-label"] for name, values in page.elements if values.get("class") == "map"]
    assert labels[:2] == ["all: 6 boxes by x and y", "train: 6 boxes by x and y"]
    cells = [values["d"] for _, values in page.elements if values.get("class") == "h8" and "d" in values]
    assert cells.count("M0 0h1v1h-1z") == 2  # a centre at the top left, of all and of train
    assert cells.count(f"M2 {BINS - 2}h1v1h-1z") == 2  # sizes grow upward
    many = tuple(replace(SPLITS[0], name=str(index)) for index in range(MAPS + 2))
    page = read(reviewed([], replace(DATASET, splits=many)))
    assert page.count("map") == 2 * (MAPS + 1)
    assert "2 more splits without a map" in page.everything


def test_an_empty_data_set_is_a_page_too() -> None:
    page = read(
        reviewed([], DataSet("d", "folder", ()), skipped=(Skipped("--images is not given", "image-unreadable"),))
    )
    for words in ("found nothing", "no split", "No class", "No map", "--images is not given"):
        assert words in page.everything
    read(reviewed([], DataSet("d", "coco", (Split("train", Tally(), Span("d")),), nc=0)))
    read(reviewed([replace(ZERO, rule="", severity=None, message="", fates=())], rules=(), trainers=()))


def test_what_is_not_looked_at_and_unknown_outcomes_are_told() -> None:
    page = read(reviewed([replace(ZERO, fates=(replace(DROPS, outcome="melts"),))]))
    assert "melts" in page.text("chip")
    assert "Fix" not in read(reviewed([TINY])).text("b")


# Limits.


def test_every_finding_is_counted_and_a_part_is_listed_evenly() -> None:
    many = [replace(ZERO, location=Span("a.txt", line)) for line in range(1, 5001)]
    few = [replace(TINY, location=Span("b.txt", line)) for line in range(1, 301)]
    page = read(reviewed([*many, *few]))
    assert page.count("finding") == LISTED
    assert page.count("card") == PICTURES
    assert "and 3,300 more that are not listed on this page" in page.everything
    assert "5,300 findings; 2,000 of them are listed" in page.everything
    assert page.text("strong") == ["5,000", "0", "300"]
    assert [values["data-count"] for _, values in page.elements if "data-fates" in values] == ["5000", "300"]


def test_pictures_are_shared_between_rules() -> None:
    many = [replace(ZERO, location=Span("a.txt", line)) for line in range(1, 101)]
    few = [replace(ZERO, rule="size-negative", location=Span("b.txt", line)) for line in range(1, 11)]
    page = read(reviewed([*many, *few]))
    assert page.count("shot") == page.count("card") == PICTURES
    assert sum("b.txt" in text for text in page.text("place")) == 10


@settings(deadline=None)
@given(st.lists(st.integers(0, 50), max_size=9), st.integers(0, 120))
def test_shares_are_even(counts: list[int], limit: int) -> None:
    given_ = shares(counts, limit)
    assert sum(given_) == min(sum(counts), limit)
    assert all(part <= count for part, count in zip(given_, counts, strict=True))
    short = [part for part, count in zip(given_, counts, strict=True) if part < count]
    assert not short or max(given_) - min(short) <= 1


def test_a_page_of_many_findings_is_made_fast() -> None:
    many = [
        replace(ZERO, location=Span(f"labels/{line}.txt", line), evidence=str(line), region=None)
        for line in range(2000)
    ]
    render(reviewed(many))
    begin = time.process_time()
    render(reviewed(many))
    assert time.process_time() - begin < 2  # 0.1 s on a quiet machine


# Pictures.


def picture(path: Path, size: tuple[int, int] = (400, 300), **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.effect_noise(size, 60).convert("RGB").save(path, **options)
    return path


def embedded(uri: str) -> bytes:
    return base64.b64decode(uri.partition("base64,")[2])


@pytest.mark.parametrize(("size", "small"), [((1600, 900), (240, 135)), ((90, 160), (90, 160)), ((30, 3000), (2, 240))])
def test_a_thumbnail_is_small(tmp_path: Path, size: tuple[int, int], small: tuple[int, int]) -> None:
    image = opener(True)(str(picture(tmp_path / "a.png", size)))
    assert image.uri.startswith("data:image/jpeg;base64,")
    with Image.open(io.BytesIO(embedded(image.uri))) as opened:
        assert opened.size == small
        assert max(opened.size) <= SIDE
    assert (image.width, image.height) == size


def test_a_thumbnail_is_turned_as_the_camera_was(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = opener(True)(str(picture(tmp_path / "a.jpg", (400, 300), exif=exif)))
    assert (image.width, image.height) == (300, 400)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.png", {}),
        ("a.gif", {}),
        ("a.jpg", {"quality": 60}),
        ("b.jpg", {"progressive": True, "comment": b"x" * 300}),
        ("a.webp", {}),
        ("b.webp", {"lossless": True}),
        ("c.webp", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}),
    ],
)
def test_without_pillow_an_image_is_embedded_as_it_is(tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    path = picture(tmp_path / name, (120, 61), **options)
    image = opener(False)(str(path))
    kind = {"jpg": "jpeg"}.get(path.suffix[1:], path.suffix[1:])
    assert image.uri.startswith(f"data:image/{kind};base64,")
    assert embedded(image.uri) == path.read_bytes()
    assert (image.width, image.height) == (120, 61)


def test_without_pillow_large_and_other_images_are_a_frame(tmp_path: Path) -> None:
    large = picture(tmp_path / "a.png", (640, 480))
    assert large.stat().st_size > LIMIT
    image = opener(False)(str(large))
    assert (image.uri, image.width, image.height) == ("", 640, 480)
    assert opener(False)(str(picture(tmp_path / "a.bmp"))).uri == ""
    assert opener(True)(str(tmp_path / "a.bmp")).uri


@pytest.mark.parametrize("pillow", [True, False])
@pytest.mark.parametrize(
    "content", [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xff", b"GIF89a", b"RIFF1234WEBPVP8 ", b"?" * 99]
)
def test_an_unreadable_image_is_a_frame(tmp_path: Path, pillow: bool, content: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    page = read(reviewed([replace(ZERO, region=Region(str(path), (0.5, 0.5, 0.2, 0.2)))]), pillow=pillow)
    assert (page.count("shot"), page.count("empty"), page.count("image")) == (1, 1, 0)


@pytest.mark.parametrize("pillow", [True, False])
def test_what_is_no_file_is_a_frame(tmp_path: Path, pillow: bool) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "none.png", "\0", "\udcff.png"):
        assert opener(pillow)(str(path)).uri == ""


def test_an_image_that_would_fill_the_memory_is_not_decoded(tmp_path: Path) -> None:
    data = picture(tmp_path / "a.png", (8, 8)).read_bytes()
    (tmp_path / "b.png").write_bytes(data[:16] + struct.pack(">II", 20_000, 10_000) + data[24:])
    assert opener(True)(str(tmp_path / "b.png")).uri == ""


@settings(deadline=None)
@given(
    st.binary(max_size=64),
    st.sampled_from([b"\x89PNG\r\n\x1a\n", b"GIF87a", b"\xff\xd8\xff", b"RIFF0000WEBPVP8X", b""]),
)
def test_any_bytes_are_measured_or_refused(data: bytes, head: bytes) -> None:
    try:
        kind, *size = measured(head + data)
    except (ValueError, IndexError, struct.error):
        return
    assert kind in ("jpeg", "png", "gif", "webp")
    assert min(size) >= 0


@pytest.mark.parametrize("side", [math.nan, math.inf, -math.inf, 1e300])
def test_a_box_that_is_no_place_has_no_picture(side: float) -> None:
    page = read(reviewed([replace(ZERO, region=Region("", (0.5, side, 0.1, 0.1)))]))
    assert page.count("shot") == 0
    assert "the width is 0" in page.text("message")


BOXES = {
    "inside": (0.5, 0.5, 0.2, 0.2),
    "outside": (0.95, 0.5, 0.3, 0.2),
    "all over": (0.5, 0.5, 40.0, 40.0),
    "point": (0.5, 0.5, 0.0, 0.0),
    "negative": (0.5, 0.5, -0.2, -0.1),
    "pixels": (320.0, 240.0, 20.0, 20.0),
    "left of it": (-20.0, 0.5, 0.1, 0.1),
}


@pytest.mark.parametrize("name", BOXES)
def test_a_box_is_drawn_where_it_can_be_seen(name: str) -> None:
    page = Page(drawn(Region("", BOXES[name]), opener(False)))
    x, y, width, height = map(float, (page.elements[0][1]["viewbox"] or "").split())
    assert x < 0 < 240 < x + width  # the whole image
    assert y < 0 < 180 < y + height
    assert width < 1.9 * 240
    assert page.count("arrow") == (name in ("pixels", "left of it"))
    assert page.count("ring") == (name == "point")
    for values in (values for _, values in page.elements if values.get("class") == "box"):
        left, top, w, h = (float(values[key] or "") for key in ("x", "y", "width", "height"))
        assert w > 0
        assert h > 0
        if name != "all over":
            assert x <= left <= left + w <= x + width
            assert y <= top <= top + h <= y + height


def test_numbers_of_a_drawing_are_read_by_its_label() -> None:
    page = Page(drawn(Region("", (0.5, 0.25, 0.1, 0.2)), opener(False)))
    assert page.elements[0][1]["aria-label"] == (
        "box: centre 0.5, 0.25, size 0.1 by 0.2 of the image; the image is not shown"
    )


# What is text stays text.

HOSTILE = [
    "</script><script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "\"' onmouseover='alert(1)' x=\"",
    "</style></title></textarea><!--",
    "$title ${script} %s {0} &lt; &#x3c;script>",
    "\u2028\u2029\u202e\x00\x1b[31m\x7f\x85\ufeff",
    "caf\udce9 \ud800 \udfff",
]


def everywhere(text: str, image: str = "") -> Review:
    """A review in which every text is this one."""
    fates = (Fate(text, text, text, text, text), Fate(text, text, "crash", text, text))
    finding = Finding(
        text, Span(text), text, Fix(text), Severity.ERROR, text, text, Region(image, (0.5, 0.5, 0.1, 0.1)), fates
    )
    tally = Tally(1, 1, 0, 1, Counter({text: 1}), Counter({text: 1}), places=Counter({1: 1}))
    splits = (Split(text, tally, Span(text), same_as=text), Split(text, tally, Span(text)))
    dataset = DataSet(text, text, splits, {text: text, 1: text})
    return Review(dataset, [finding, replace(finding, severity=Severity.NOTE)], (Skipped(text, text),), (), (text,))


def skeleton(page: Page) -> list[tuple[str, tuple[str, ...]]]:
    return [(name, tuple(values)) for name, values in page.elements]


PLAIN = skeleton(Page(render(everywhere("plain"), pillow=False)))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_adds_no_element_and_no_attribute(text: str) -> None:
    page = read(everywhere(text), pillow=False)
    assert skeleton(page) == PLAIN
    assert visible(text) in page.text("message")
    assert len(page.text("script")) == 1


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=()), min_size=1).filter(lambda text: "/" not in text and text.strip()))
def test_any_text_adds_no_element_and_no_attribute(text: str) -> None:
    page = read(everywhere(text), pillow=False)
    assert skeleton(page) == PLAIN or text in OUTCOMES
    assert visible(text) in page.text("message")


def test_what_cannot_be_seen_is_written_as_an_escape() -> None:
    assert visible("a\tb\nc\x00\x1b\u2028\u202e\udcff\ud800") == "a\tb\nc\\x00\\x1b\\u2028\\u202e\\xff\\ud800"
    assert visible("naïve 日本語 🚗") == "naïve 日本語 🚗"


def test_attributes_are_quoted() -> None:
    assert tag("a", "<", data_x="\"'<&", title=None, class_="c") == (
        '<a data-x="&quot;&#x27;&lt;&amp;" class="c">&lt;</a>'
    )


def test_small_shares_are_not_nothing() -> None:
    assert [percent(part, 10_000) for part in (0, 1, 10, 10_000)] == ["0", "<0.1%", "0.1%", "100.0%"]
    assert percent(0, 0) == "0"
