"""The result of a check of a data set as one page of HTML that needs nothing else: no server, no network, no script.

The script of the page adds filters and sorting. What comes from the data set is text of elements, never HTML.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from string import Template

from patchkit import __version__
from patchkit.check_data.fates import OUTCOMES
from patchkit.check_data.review import Review
from patchkit.findings import Severity
from patchkit.output import html_charts as charts
from patchkit.output import html_findings as found
from patchkit.output.html_markup import Markup, joined, number, plural, tag
from patchkit.output.html_pictures import opener


def render(review: Review, *, pillow: bool | None = None) -> str:
    """The page, in ASCII: every encoding of the output carries it.

    Images become small with Pillow, and are embedded as they are without; None: if it can be imported.

    Every finding is counted; some thousands are listed, and the page says how many are not.
    """
    groups = found.groups_of(review.findings, review.rules)
    style, script = _resource("report.css"), _resource("report.js")
    pieces = {
        "policy": _policy(style, script),
        "title": joined(f"{review.dataset.path}: patchkit check-data"),
        "style": style,
        "head": _head(review, groups),
        "found": _found(review, groups),
        "splits": _splits(review),
        "classes": _classes(review),
        "maps": charts.maps(review.dataset.splits),
        "findings": _findings(review, groups, pillow),
        "foot": _foot(review, groups),
        "script": script,
    }
    page = Template(_resource("report.html")).substitute(pieces)
    return page.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _resource(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Nothing is loaded; the one style and the one script are told by their hashes."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _head(review: Review, groups: Sequence[found.Group]) -> Markup:
    dataset = review.dataset
    tally = charts.total(dataset.splits)
    rows = charts.class_rows(dataset)
    facts = (
        ("format", dataset.format),
        ("splits", number(len(dataset.splits))),
        ("images", number(tally.images)),
        ("objects", number(tally.objects)),
        ("classes", number(charts.number_of_classes(dataset, rows))),
    )
    listed = [tag("div", tag("dt", name), tag("dd", value)) for name, value in facts]
    counts = _counts(groups)
    cards = [
        tag(
            "a",
            tag("strong", f"{counts[severity]:,}"),
            " ",
            severity.value if counts[severity] == 1 else f"{severity.value}s",
            class_=f"tile {severity.value}" if counts[severity] else "tile zero",
            href=f"#severity={severity.value}",
        )
        for severity in Severity
    ]
    title = tag("h1", tag("span", "patchkit check-data", class_="kicker"), dataset.path)
    return joined(
        title, tag("dl", *listed, class_="facts"), tag("nav", *cards, class_="tiles", aria_label="Severities")
    )


def _counts(groups: Sequence[found.Group]) -> Counter[Severity]:
    counts = Counter[Severity]()
    for group in groups:
        for case in group.cases:
            counts[case.severity] += case.count
    return counts


def _found(review: Review, groups: Sequence[found.Group]) -> Markup:
    if not groups:
        return tag("p", f"{plural(len(review.rules), 'rule')} looked at the data set and found nothing.", class_="fine")
    table = found.overview(groups, review.trainers)
    note = ""
    if review.trainers:
        present = {fate.outcome for group in groups for case in group.cases for fate in case.fates}
        words = [
            tag("span", found.chip(word, word.replace("-", " ")), f" {meaning}")
            for word, meaning in OUTCOMES.items()
            if word in present
        ]
        note = (
            tag("p", "The trainer: ", *words, tag("span", "– what it does is not known"), class_="hint key")
            if words
            else ""
        )
    return joined(tag("div", table, class_="scroll", tabindex=0, role="region", aria_label="What was found"), note)


def _splits(review: Review) -> Markup:
    if not review.dataset.splits:
        return tag("p", "The data set names no split that could be read.", class_="hint")
    return charts.split_table(review.dataset.splits)


def _classes(review: Review) -> Markup:
    rows = charts.class_rows(review.dataset)
    if not rows:
        return tag("p", "No class is declared, and none was seen.", class_="hint")
    seen = [row for row in rows if row.total]
    words = [f"{plural(len(seen), 'class')} of {len(rows):,} seen"]
    if seen:
        words.append(f"most: {seen[0].name} ({seen[0].total:,}), fewest: {seen[-1].name} ({seen[-1].total:,})")
    if unseen := len(rows) - len(seen):
        words.append(f"{unseen:,} never seen")
    order = tag(
        "div",
        tag("button", "by objects", type="button", data_sort="count", aria_pressed="true"),
        tag("button", "by id", type="button", data_sort="rank", aria_pressed="false"),
        id="order",
        hidden="",
        role="group",
        aria_label="Order of classes",
    )
    return joined(
        tag("div", tag("p", "; ".join(words)), order, class_="bar-of"), charts.class_table(review.dataset, rows)
    )


def _findings(review: Review, groups: Sequence[found.Group], pillow: bool | None) -> Markup:
    if not groups:
        return tag("p", "None.", class_="hint")
    every = sum(group.count for group in groups)
    listed = sum(len(case.findings) for group in groups for case in group.cases)
    pictures = sum(case.pictures for group in groups for case in group.cases)
    root = found.root_of(review.dataset.path)
    words = [plural(every, "finding")]
    if every > listed:
        words.append(f"{listed:,} of them are listed, evenly from all rules; the other {every - listed:,} are counted")
    if pictures:
        words.append(f"{pictures:,} with a picture, the bad box in red")
    if root:
        words.append(f"places are told from {root}")
    section = found.section(groups, root, opener(pillow))
    return joined(tag("p", "; ".join(words), ".", class_="hint"), _filters(review, groups, every, listed), section)


def _filters(review: Review, groups: Sequence[found.Group], every: int, listed: int) -> Markup:
    counts = _counts(groups)
    boxes = [
        tag(
            "label",
            tag("input", type="checkbox", name="severity", value=severity.value, checked=""),
            found.badge(severity),
            tag("span", f"{counts[severity]:,}", class_="dim"),
        )
        for severity in Severity
    ]
    fates = [fate for group in groups for case in group.cases for fate in case.fates]
    trainers = dict.fromkeys((*review.trainers, *sorted({fate.trainer for fate in fates})))
    outcomes = {fate.outcome for fate in fates}
    words = {word: meaning for word, meaning in OUTCOMES.items() if word in outcomes}
    selects = [
        _select("rule", "any rule", {group.rule: f"{group.title} ({group.count:,})" for group in groups}),
        _select("trainer", "any trainer", {name: name for name in trainers}),
        _select("outcome", "whatever it does", words),
    ]
    search = tag("input", type="search", name="text", placeholder="path, split or message", aria_label="Text")
    clear = tag("button", "clear", type="reset")
    state = tag(
        "output", plural(every, "finding"), id="matches", data_every=every, data_listed=listed, aria_live="polite"
    )
    boxes_group = tag("fieldset", tag("legend", "Severity", class_="unseen-legend"), *boxes)
    return tag("form", search, boxes_group, *selects, state, clear, id="filters", hidden="", aria_label="Filters")


def _select(name: str, every: str, options: dict[str, str]) -> Markup:
    chosen = [tag("option", every, value=""), *(tag("option", text, value=value) for value, text in options.items())]
    return tag("select", *chosen, name=name, aria_label=name)


def _foot(review: Review, groups: Sequence[found.Group]) -> Markup:
    rows = [tag("li", tag("code", skipped.rule), " ", skipped.reason) for skipped in review.skipped]
    skipped = joined(tag("h2", "Not looked at"), tag("ul", *rows, class_="skipped")) if rows else ""
    told = f"patchkit {__version__}; {plural(len(review.rules), 'rule')} run, {len(groups):,} found something"
    return joined(skipped, tag("p", told, class_="hint"))
