"""The page of `check-data --format html` in Chromium: what is seen, what the filters leave, and what is never run.

A script that the test adds drives the page: its hash joins those that the page allows.
"""

import html
import json
import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import ImageChops

from framework_tests.chromium import browse, found_chromium, screenshot, with_driver
from framework_tests.streets import CLASSES, street
from patchkit.check_data.fates import with_fates
from patchkit.check_data.review import Review
from patchkit.findings import Fate, Finding, Fix, Region, Severity, Skipped, Span
from patchkit.output.html import render
from patchkit.rule import load_rules
from patchkit.subjects.dataset.dataset import DataSet, Split
from patchkit.subjects.dataset.tally import BINS, Tally

RULES = {rule.id: rule for rule in load_rules("patchkit.rules.dataset")}
TRAINERS = ("ultralytics", "yolov10", "mlcommons", "torchvision")


def counted(seed: int, images: int, unseen: set[int]) -> Tally:
    """A split of plausible counts."""
    draw_with = random.Random(seed)
    tally = Tally(images=images, files=images - images // 90, empty=images // 34)
    for index in range(len(CLASSES)):
        count = int(images * 3.4 * draw_with.uniform(0.8, 1.2) / (index + 1) ** 1.45) if index not in unseen else 0
        if count:
            tally.classes[index] = count
    tally.objects = sum(tally.classes.values())
    tally.forms["box"] = tally.objects
    for _ in range(images):
        tally.objects_per_image[min(int(draw_with.gammavariate(2.2, 2.7)), 40)] += 1
    for _ in range(min(tally.objects, 20_000)):
        x, y = draw_with.betavariate(1.6, 1.6), min(max(draw_with.gauss(0.57, 0.11), 0), 0.999)
        tally.places[BINS * int(y * BINS) + int(min(x, 0.999) * BINS)] += 1
        width = min(draw_with.lognormvariate(-2.9, 0.8), 0.99)
        height = min(width * draw_with.lognormvariate(0.15, 0.4), 0.99)
        tally.sizes[BINS * int(height * BINS) + int(width * BINS)] += 1
        for extent, side in ((tally.width, width), (tally.height, height)):
            extent.count, extent.total = extent.count + 1, extent.total + side
            extent.least, extent.greatest = min(extent.least, side), max(extent.greatest, side)
    return tally


def demo(folder: Path) -> Review:
    """A data set of three splits, twenty classes and some hundred defects, with images for those that are drawn."""
    draw_with = random.Random(7)
    data = str(folder / "data.yaml")
    tallies = {
        "train": counted(1, 8214, {19}),
        "val": counted(2, 1026, {15, 18, 19}),
        "test": counted(3, 1043, {17, 19}),
    }
    tallies["test"].classes[18] = 6
    tallies["test"].objects = tallies["test"].classes.total()
    splits = tuple(Split(name, tally, Span(data, 3 + line)) for line, (name, tally) in enumerate(tallies.items()))
    dataset = DataSet(data, "yolo", splits, dict(enumerate(CLASSES)), nc=20)
    findings: list[Finding] = []

    def add(
        rule: str,
        times: int,
        told: Callable[[], tuple[str, tuple[float, float, float, float] | None]],
        variant: str = "",
    ) -> None:
        for _ in range(times):
            split = draw_with.choices(("train", "val", "test"), (8, 1, 1))[0]
            stem = f"{draw_with.choice(('berlin', 'munich', 'aachen', 'ulm'))}_{draw_with.randrange(10**6):06}"
            message, box = told()
            image = folder / "images" / split / f"{stem}.jpg"
            if box is not None:
                pending.append((rule, image))
            row = " ".join(f"{side:.6g}" for side in box) if box else ""
            findings.append(
                Finding(
                    message,
                    Span(str(folder / "labels" / split / f"{stem}.txt"), draw_with.randint(1, 14)),
                    f"row: {draw_with.randrange(12)} {row}" if box else "the images of the split",
                    Fix("move the row to quarantine") if box else None,
                    RULES[rule].severity,
                    rule,
                    variant,
                    Region(str(image), box) if box else None,
                )
            )

    pending: list[tuple[str, Path]] = []
    uniform = draw_with.uniform

    def edge() -> tuple[str, tuple[float, float, float, float]]:
        width, height = uniform(0.15, 0.3), uniform(0.12, 0.25)
        beyond = uniform(0.02, 0.055)
        side = draw_with.choice(("left", "right", "bottom"))
        x = {"left": width / 2 - beyond, "right": 1 - width / 2 + beyond}.get(side, uniform(0.3, 0.7))
        y = 1 - height / 2 + beyond if side == "bottom" else uniform(0.5, 0.8)
        return f"the box reaches out of the image: {side} by {beyond:.3g} of the image", (x, y, width, height)

    def pixels() -> tuple[str, tuple[float, float, float, float]]:
        x, y = float(draw_with.randrange(200, 1200)), float(draw_with.randrange(300, 650))
        return f"coordinates are pixels: {x:g}", (x, y, float(draw_with.randrange(20, 300)), 80.0)

    def inside(width: float, height: float) -> tuple[float, float, float, float]:
        return (uniform(0.2, 0.8), uniform(0.5, 0.8), width, height)

    add(
        "class-too-large",
        23,
        lambda: ("class 20 is not below 20, the number of classes", inside(uniform(0.08, 0.2), uniform(0.08, 0.2))),
        "equal",
    )
    add(
        "class-too-large",
        4,
        lambda: (
            f"class {draw_with.randrange(21, 80)} is not below 20, the number of classes",
            inside(uniform(0.08, 0.2), 0.14),
        ),
    )
    add("coordinate-in-pixels", 11, pixels)
    add("coordinate-not-finite", 3, lambda: ("a coordinate is nan", (float("nan"), 0.5, 0.1, 0.1)))
    add("size-zero", 38, lambda: ("the width is 0", inside(0.0, uniform(0.02, 0.1))))
    add("class-not-integer", 2, lambda: ("class 3.5 is no whole number", inside(0.16, 0.12)))
    add("edge-outside", 246, edge)
    add("row-duplicate", 61, lambda: ("the row stands twice", inside(uniform(0.08, 0.25), uniform(0.08, 0.2))))
    add("label-missing", 114, lambda: ("the image has no label file", None))
    add("image-in-two-splits", 17, lambda: ("val has the image, and train has it too", None))
    add("size-tiny", 88, lambda: ("the box is 0.0006 wide", inside(0.0006, 0.002)))
    findings.append(
        Finding(
            "class 19 (ambulance) has no object",
            Span(data),
            "no label of any split has it",
            None,
            Severity.WARNING,
            "class-never-seen",
        )
    )
    findings.append(
        Finding(
            "class 18 (deer) has 6 objects in test", Span(data, 5), "fewer than 10", None, Severity.NOTE, "class-rare"
        )
    )
    seen: dict[str, int] = {}
    for number, (rule, image) in enumerate(pending):
        seen[rule] = seen.get(rule, 0) + 1
        if seen[rule] <= 28:  # more than any rule gets pictures
            street(image, number)
    return reviewed(dataset, findings)


def reviewed(dataset: DataSet, findings: list[Finding]) -> Review:
    """With what the trainers do, from the table."""
    ran = tuple(RULES.values())
    skipped = (Skipped("--images is not given", "image-unreadable"),)
    told = tuple(map(with_fates(TRAINERS, dataset.format), findings))
    return Review(dataset, told, skipped, ran, TRAINERS)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Chromium of the system; root installs it."""
    return found_chromium()


@pytest.fixture(scope="session")
def review(tmp_path_factory: pytest.TempPathFactory) -> Review:
    return demo(tmp_path_factory.mktemp("street"))


@pytest.fixture(scope="session")
def page(review: Review) -> str:
    return render(review)


@pytest.fixture
def ask(chromium: str, tmp_path: Path) -> Callable[..., Any]:
    """Opens a page, runs a driver on it and gives its answer; the page must have had nothing refused."""

    def run(page: str, driver: str, fragment: str = "", width: int = 1280) -> Any:
        file = tmp_path / "report.html"
        file.write_text(with_driver(page, driver), encoding="utf-8")
        dom, log = browse(chromium, f"{file.as_uri()}{fragment}", "--dump-dom", width=width)
        assert "CONSOLE" not in log, log
        answer = re.search('data-answer="([^"]*)"', dom)
        assert answer, dom[:2000]
        return json.loads(html.unescape(answer[1]))

    return run


SEEN = """
  await later(200);
  const visible = (found) => [...document.querySelectorAll(found)].filter((one) => !one.closest("[hidden]"));
  const seen = () => ({
    state: document.getElementById("matches").textContent,
    rules: visible(".rule").map((rule) => rule.dataset.rule),
    rows: visible(".finding").length,
    hash: location.hash,
  });
"""


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("", {None}),
        ("#severity=error", {"error"}),
        ("#severity=warning,note", {"warning", "note"}),
    ],
)
def test_a_link_chooses_severities(
    ask: Callable[..., Any], review: Review, page: str, fragment: str, expected: set[str | None]
) -> None:
    of = [finding for finding in review.findings if expected == {None} or finding.severity.value in expected]
    answer = ask(page, f"{SEEN} return seen();", fragment)
    assert answer["state"] == f"{len(of)} of {len(review.findings)} findings match"
    assert answer["rows"] == len(of)
    assert set(answer["rules"]) == {finding.rule for finding in of}


@pytest.mark.parametrize(
    ("fragment", "matches"),
    [
        ("#rule=edge-outside", lambda finding: finding.rule == "edge-outside"),
        ("#trainer=mlcommons&outcome=crash", lambda finding: ("mlcommons", "crash") in told(finding)),
        ("#outcome=wrong-class", lambda finding: "wrong-class" in {outcome for _, outcome in told(finding)}),
        (
            "#text=labels/val%20LEFT",
            lambda finding: "labels/val" in finding.location.path and "left" in finding.message,
        ),
        ("#rule=no-such-rule&severity=note", lambda finding: finding.severity is Severity.NOTE),
        ("#text=%3Cb%3E", lambda finding: False),
    ],
)
def test_a_link_chooses_rule_trainer_outcome_and_text(
    ask: Callable[..., Any], review: Review, page: str, fragment: str, matches: Callable[[Finding], bool]
) -> None:
    of = [finding for finding in review.findings if matches(finding)]
    answer = ask(page, f"{SEEN} return seen();", fragment)
    assert answer["state"] == f"{len(of)} of {len(review.findings)} findings match"
    assert answer["rows"] == len(of)
    assert set(answer["rules"]) == {finding.rule for finding in of}


def told(finding: Finding) -> set[tuple[str, str]]:
    return {(fate.trainer, fate.outcome) for fate in finding.fates}


def test_filters_are_used_by_hand_and_make_a_link(ask: Callable[..., Any], review: Review, page: str) -> None:
    answer = ask(
        page,
        SEEN
        + """
        const form = document.getElementById("filters");
        const changed = async (element) => {
          element.dispatchEvent(new Event("input", {bubbles: true}));
          await later(200);
          return seen();
        };
        const steps = [];
        form.elements.text.value = "berlin";
        steps.push(await changed(form.elements.text));
        form.elements.severity[1].click();
        await later(200);
        steps.push(seen());
        form.elements.rule.value = "size-zero";
        steps.push(await changed(form.elements.rule));
        form.querySelector("button[type=reset]").click();
        await later(200);
        steps.push(seen());
        return steps;
        """,
    )
    berlin = [finding for finding in review.findings if "berlin" in finding.location.path]
    grave = [finding for finding in berlin if finding.severity is not Severity.WARNING]
    zero = [finding for finding in grave if finding.rule == "size-zero"]
    assert [step["rows"] for step in answer] == [len(berlin), len(grave), len(zero), len(review.findings)]
    assert [step["hash"] for step in answer] == [
        "#text=berlin",
        "#severity=error%2Cnote&text=berlin",
        "#severity=error%2Cnote&text=berlin&rule=size-zero",
        "#findings",
    ]


def test_findings_that_are_not_listed_are_counted_by_filters(ask: Callable[..., Any]) -> None:
    many = [
        Finding(f"row {number}", Span("a.txt", number), "", None, Severity.ERROR, "size-zero") for number in range(2500)
    ]
    many += [Finding("one", Span("b.txt"), "", None, Severity.NOTE, "size-tiny")]
    page = render(reviewed(DataSet("d", "yolo", ()), many))
    assert ask(page, f"{SEEN} return seen();", "#severity=error")["state"] == "2,500 of 2,501 findings match"
    assert ask(page, f"{SEEN} return seen();", "#text=one")["state"] == "1 of 2,000 listed findings match"


def test_a_link_to_a_rule_that_filters_hide_shows_it(ask: Callable[..., Any], page: str) -> None:
    driver = """
        const links = [...document.querySelectorAll(".overview a")];
        const last = links[links.length - 1];
        last.click();
        await later(300);
        return {shown: !document.querySelector(last.getAttribute("href")).closest("[hidden]")};
    """
    assert ask(page, SEEN + driver, "#severity=error")["shown"]


def test_classes_are_sorted_by_id(ask: Callable[..., Any], page: str) -> None:
    driver = """
        const rows = () => [...document.querySelectorAll("#classes tbody tr")];
        const ids = () => rows().map((row) => Number(row.cells[0].textContent));
        const before = ids();
        document.querySelector("#order [data-sort=rank]").click();
        const by_id = ids();
        document.querySelector("#order [data-sort=count]").click();
        return {before, by_id, again: ids()};
    """
    answer = ask(page, driver)
    assert answer["by_id"] == list(range(20))
    assert answer["before"] == answer["again"] != answer["by_id"]


@pytest.mark.parametrize("width", [500, 1280])
def test_the_page_is_not_wider_than_the_window(ask: Callable[..., Any], page: str, width: int) -> None:
    answer = ask(page, "const root = document.documentElement; return [root.scrollWidth, innerWidth];", width=width)
    assert answer[0] <= answer[1] == width


def test_everything_that_can_be_used_is_reached_by_keyboard(ask: Callable[..., Any], page: str) -> None:
    driver = """
        const used = [...document.querySelectorAll("a, button, input, select, summary, .scroll")];
        return [used.filter((one) => one.tabIndex < 0).length, used[0].className];
    """
    assert ask(page, driver) == [0, "skip"]


def test_pictures_are_decoded(ask: Callable[..., Any], page: str) -> None:
    """A canvas decodes at once; `Image.decode` answers in real time, which the page's virtual time may outrun."""
    driver = """
        const canvas = document.createElement("canvas");
        canvas.width = canvas.height = 240;
        const context = canvas.getContext("2d", {willReadFrequently: true});
        const decoded = (image) => {
          context.clearRect(0, 0, 240, 240);
          context.drawImage(image, 0, 0);
          return context.getImageData(0, 0, image.naturalWidth, image.naturalHeight).data.every(
            (value, index) => index % 4 !== 3 || value === 255);
        };
        const sources = [...document.querySelectorAll(".shot image")].map((one) => one.getAttribute("href"));
        return Promise.all(sources.map((source) => new Promise((done, failed) => {
          const image = new Image();
          image.onload = () => done([Math.max(image.naturalWidth, image.naturalHeight), decoded(image)]);
          image.onerror = () => failed(`no picture: ${source.slice(0, 80)}`);
          image.src = source;
        })));
    """
    assert ask(page, driver) == [[240, True]] * 60


HOSTILE = [
    "</script><script>document.title='run'</script>",
    "<img src=x onerror=\"document.title='run'\">",
    "\"'><svg onload=document.title='run'>",
    "</style><style>*{display:none}</style>",
    "\u2028\u202e\udcff\ud800\x00\x1b[31m${title}$title",
]


def test_nothing_in_a_data_set_becomes_html_or_runs(ask: Callable[..., Any]) -> None:
    tally = Tally(images=3, objects=5, classes=Counter(HOSTILE), forms=Counter(HOSTILE))
    splits = tuple(Split(name, tally, Span(name), same_as=name) for name in HOSTILE)
    findings = [
        Finding(
            name, Span(name), name, Fix(name), Severity.ERROR, name, name, fates=(Fate(name, name, name, name, name),)
        )
        for name in HOSTILE
    ]
    dataset = DataSet(HOSTILE[0], HOSTILE[1], splits, {name: name for name in HOSTILE})
    page = render(Review(dataset, findings, tuple(Skipped(name, name) for name in HOSTILE), (), tuple(HOSTILE)))
    driver = f"""{SEEN}
        const count = (what) => document.querySelectorAll(what).length;
        return {{title: document.title, bad: count("img, [onerror], [onload], iframe, object"),
                 scripts: count("script"), styles: count("style"), ...seen()}};
    """
    answer = ask(page, driver, "#text=onerror")
    assert answer["title"].endswith("patchkit check-data")
    assert answer["bad"] == 0
    assert (answer["scripts"], answer["styles"]) == (2, 1)  # the driver is one
    assert answer["rows"] == 1


@pytest.mark.parametrize(("scheme", "ground"), [(1, (255, 255, 255)), (0, (18, 21, 26))], ids=["light", "dark"])
def test_the_page_follows_the_colour_scheme(
    chromium: str, page: str, tmp_path: Path, scheme: int, ground: tuple[int, int, int]
) -> None:
    file = tmp_path / "report.html"
    file.write_text(page, encoding="utf-8")
    pixels = screenshot(chromium, file.as_uri(), f"--blink-settings=preferredColorScheme={scheme}")
    assert pixels.getpixel((3, 3)) == ground
    assert len(pixels.getcolors(1 << 24) or ()) > 500


def test_the_page_is_whole_without_script(chromium: str, page: str, tmp_path: Path) -> None:
    """Beside the order of classes it is the same picture, from the head to the maps."""
    page = page.replace('id="order" hidden=""', 'id="order"')
    file = tmp_path / "report.html"
    pictures = []
    for text in (page, re.sub("script-src '[^']*'", "script-src 'none'", page, count=1)):
        file.write_text(text, encoding="utf-8")
        pictures.append(screenshot(chromium, file.as_uri()))
    dom, _ = browse(chromium, file.as_uri(), "--dump-dom")
    assert re.search('<form[^>]* hidden=""', dom)  # the script did not run
    assert ImageChops.difference(*pictures).getbbox() is None  # the box within which they differ
