"""Tables and drawings of what a data set holds: splits, classes, maps of boxes."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from patchkit.output.html_markup import Markup, joined, number, percent, plural, tag
from patchkit.subjects.dataset.dataset import DataSet, Split
from patchkit.subjects.dataset.tally import BINS, Extent, Label, Tally

LEVELS = 8  # of colour
COLOURS = 6  # of splits; then they come again
CLASSES = 2_000  # rows of the table
MAPS = 5  # splits that get maps of their own
COLUMNS = 24  # of the small histograms


@dataclass(frozen=True)
class ClassRow:
    """One class and its objects in each split."""

    label: Label
    name: str
    counts: tuple[int, ...]
    is_declared: bool

    @property
    def total(self) -> int:
        return sum(self.counts)


def total(splits: Iterable[Split]) -> Tally:
    """The tallies of all splits in one."""
    whole = Tally()
    for split in splits:
        whole.merge(split.tally)
    return whole


def class_rows(dataset: DataSet) -> list[ClassRow]:
    """Every class that is declared or seen: the most frequent first, then by label."""
    declared: Iterable[Label] = dataset.names or range(min(dataset.nc or 0, CLASSES))
    labels = dict.fromkeys(declared, True)
    is_undeclared = not labels  # nobody says which classes there are
    for split in dataset.splits:
        for label in split.tally.classes:
            labels.setdefault(label, is_undeclared)
    rows = [
        ClassRow(
            label, _name(label, dataset.names), tuple(split.tally.classes[label] for split in dataset.splits), known
        )
        for label, known in labels.items()
    ]
    return sorted(rows, key=lambda row: (-row.total, _order(row.label)))


def number_of_classes(dataset: DataSet, rows: Sequence[ClassRow]) -> int:
    return len(rows) if dataset.nc is None else dataset.nc


def split_table(splits: Sequence[Split]) -> Markup:
    """One row for each split, and one for all of them."""
    heads = (
        *("split", "images", "label files", "without objects", "objects", "per image", "", "classes seen"),
        *("mean width", "mean height", "forms"),
    )
    columns = [tag("th", head, scope="col", class_="text" if head in ("split", "forms") else None) for head in heads]
    rows = [_split_row(_split_name(index, split), split.tally) for index, split in enumerate(splits)]
    if len(splits) > 1:
        rows.append(_split_row(joined("all"), total(splits), class_="all"))
    table = tag("table", tag("thead", tag("tr", *columns)), tag("tbody", *rows))
    note = "Widths and heights of boxes are parts of the image: mean (least–greatest), of sound boxes only."
    return joined(_scrolled(table, "Splits"), tag("p", note, class_="hint"))


def _split_name(index: int, split: Split) -> Markup:
    twin = tag("span", f"same files as {split.same_as}", class_="badge bad") if split.same_as else ""
    return joined(_swatch(index), split.name, twin)


def _split_row(name: Markup, tally: Tally, class_: str | None = None) -> Markup:
    mean = tally.objects / tally.images if tally.images else 0.0
    only = len(tally.forms) == 1
    forms = ", ".join(form if only else f"{form} {count:,}" for form, count in tally.forms.most_common()) or "–"
    cells = (
        number(tally.images),
        number(tally.files),
        f"{tally.empty:,} ({percent(tally.empty, tally.images)})" if tally.empty else "0",
        number(tally.objects),
        f"{mean:.1f}",
        _columns(tally.objects_per_image),
        number(len([label for label, count in tally.classes.items() if count])),
        _extent(tally.width),
        _extent(tally.height),
    )
    numbers = [tag("td", cell) for cell in cells]
    return tag("tr", tag("th", name, scope="row"), *numbers, tag("td", forms, class_="text"), class_=class_)


def _extent(extent: Extent) -> Markup:
    if not extent.count:
        return joined("–")
    reach = tag("span", f" ({extent.least:.2g}–{extent.greatest:.2g})", class_="dim")
    return joined(f"{extent.mean:.3f}", reach)


def _columns(counts: Counter[int]) -> Markup:
    """A small histogram of objects per image."""
    largest = max((value for value, count in counts.items() if count), default=0)
    if largest < 1:
        return joined("")
    step = math.ceil((largest + 1) / COLUMNS)
    bins = Counter[int]()
    for value, count in counts.items():
        bins[max(value, 0) // step] += count
    highest = max(bins.values())
    bars = "".join(f"M{x * 4} 22v-{max(0.8, 21 * count / highest):.1f}h3V22z" for x, count in bins.items() if count)
    label = f"objects per image: 0 to {largest:,}"
    view = f"0 0 {COLUMNS * 4} 22"
    return tag("svg", tag("title", label), tag("path", d=bars), class_="columns", viewBox=view, role="img")


def class_table(dataset: DataSet, rows: Sequence[ClassRow]) -> Markup:
    """The histogram of classes, and the share that each has of each split."""
    splits = dataset.splits
    most = max((row.total for row in rows), default=0)
    sums = [sum(row.counts[index] for row in rows) for index in range(len(splits))]
    largest = max((share for row in rows for share in _shares(row, sums)), default=0.0)
    heads = [
        tag("th", "id", scope="col"),
        tag("th", "class", scope="col", class_="text"),
        tag("th", "objects", scope="col", colspan=2, class_="text wide"),
        *(tag("th", _swatch(index), split.name, scope="col") for index, split in enumerate(splits)),
        tag("th", "share of each split", scope="col", class_="text wide"),
    ]
    ranks = {row.label: rank for rank, row in enumerate(sorted(rows, key=lambda row: _order(row.label)))}
    body = [_class_row(row, ranks[row.label], most, sums, largest, splits) for row in rows[:CLASSES]]
    table = tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *body), id="classes")
    rest = rows[CLASSES:]
    more = f"{plural(len(rest), 'more class')}, {plural(sum(row.total for row in rest), 'object')}"
    return joined(_scrolled(table, "Classes", "tall"), tag("p", more, class_="hint") if rest else "")


def _class_row(
    row: ClassRow, rank: int, most: int, sums: Sequence[int], largest: float, splits: Sequence[Split]
) -> Markup:
    badges = [] if row.total else [tag("span", "never seen", class_="badge bad")]
    if not row.is_declared:
        badges.append(tag("span", "not declared", class_="badge bad"))
    cells = [
        tag("td", percent(count, whole), class_="none" if row.total and whole and not count else None)
        for count, whole in zip(row.counts, sums, strict=True)
    ]
    return tag(
        "tr",
        tag("td", str(row.label), class_="dim"),
        tag("th", row.name, *badges, scope="row"),
        tag("td", number(row.total)),
        tag("td", _stacked(row.counts, most), class_="wide"),
        *cells,
        tag("td", _side_by_side(_shares(row, sums), largest), class_="wide"),
        class_=None if row.total else "unseen",
        data_count=row.total,
        data_rank=rank,
    )


def _shares(row: ClassRow, sums: Sequence[int]) -> list[float]:
    return [count / whole if whole else 0.0 for count, whole in zip(row.counts, sums, strict=True)]


def _stacked(counts: Sequence[int], most: int) -> Markup:
    """One bar, with a piece for each split."""
    bars, left = [], 0.0
    for index, count in enumerate(counts):
        if count:
            width = max(100 * count / most, 0.3)  # a single object is seen
            bars.append(_bar(index, left, width, 0, 10))
            left += width
    return tag("svg", *bars, class_="bar", width="100%", height=10, aria_hidden="true")


def _side_by_side(shares: Sequence[float], largest: float) -> Markup:
    """A thin bar for each split."""
    bars = [
        _bar(index, 0, max(100 * share / largest, 0.3), 5 * index, 4) for index, share in enumerate(shares) if share
    ]
    return tag("svg", *bars, class_="bar", width="100%", height=max(5 * len(shares) - 1, 4), aria_hidden="true")


def _bar(index: int, x: float, width: float, y: int, height: int) -> Markup:
    fill = f"s{index % COLOURS}"
    return tag("rect", class_=fill, x=f"{x:.2f}%", y=y, width=f"{width:.2f}%", height=height)


def maps(splits: Sequence[Split]) -> Markup:
    """Where the centres of boxes are, and how large the boxes are: for all and for each split."""
    tallies = [(split.name, split.tally) for split in splits[:MAPS]]
    if len(splits) > 1:
        tallies.insert(0, ("all", total(splits)))
    if not any(tally.places or tally.sizes for _, tally in tallies):
        return tag("p", "No map was counted: there is no sound box.", class_="hint")
    rows = [
        tag("h3", "Centres of boxes"),
        tag("div", *(_map(name, tally.places, ("x", "y"), False) for name, tally in tallies), class_="maps"),
        tag("h3", "Sizes of boxes"),
        tag("div", *(_map(name, tally.sizes, ("width", "height"), True) for name, tally in tallies), class_="maps"),
        tag("p", "Colours go by the cube root of the count: few boxes are seen beside many.", class_="hint"),
    ]
    if len(splits) > MAPS:
        rows.append(tag("p", f"{plural(len(splits) - MAPS, 'more split')} without a map here.", class_="hint"))
    return joined(*rows)


def _map(name: str, counts: Counter[int], axes: tuple[str, str], is_upward: bool) -> Markup:
    """One map as SVG. Sizes grow upward; places are as in the image, from the top left."""
    most = max(counts.values(), default=0)
    levels: dict[int, list[str]] = {}
    for place, count in sorted(counts.items()):
        if count > 0 and 0 <= place < BINS * BINS:
            row, column = divmod(place, BINS)
            row = BINS - 1 - row if is_upward else row
            levels.setdefault(_level(count, most), []).append(f"M{column} {row}h1v1h-1z")
    ends = ("1", "0") if is_upward else ("0", "1")
    parts = [
        tag("rect", class_="ground", width=BINS, height=BINS),
        *(tag("path", class_=f"h{level}", d="".join(cells)) for level, cells in sorted(levels.items())),
        tag("path", class_="grid", d=f"M0 {BINS / 2:g}H{BINS}M{BINS / 2:g} 0V{BINS}"),
        *(_text(x, BINS + 2, text, "middle") for x, text in ((0.4, "0"), (BINS / 2, axes[0]), (BINS - 0.4, "1"))),
        *(_text(-0.6, y, text, "end") for y, text in ((1.2, ends[0]), (BINS / 2 + 0.4, axes[1]), (BINS, ends[1]))),
    ]
    label = f"{name}: {plural(sum(counts.values()), 'box')} by {axes[0]} and {axes[1]}"
    picture = tag("svg", *parts, class_="map", viewBox="-6 -0.5 39 35.5", role="img", aria_label=label)
    boxes = tag("span", plural(sum(counts.values()), "box"), class_="dim")
    return tag("figure", tag("figcaption", tag("b", name), " ", boxes), picture, _legend(most))


def _level(count: int, most: int) -> int:
    """1 to LEVELS, by the cube root: few boxes are seen beside many."""
    return max(1, math.ceil(LEVELS * math.pow(count / most, 1 / 3) - 1e-9))


def _legend(most: int) -> Markup:
    swatches = [tag("rect", class_=f"h{level}", x=level - 1, width=1, height=1) for level in range(1, LEVELS + 1)]
    ramp = tag("svg", *swatches, viewBox=f"0 0 {LEVELS} 1", preserveAspectRatio="none", aria_hidden="true")
    few, many = ("1", number(most)) if most else ("0", "0")
    return tag("div", few, ramp, f"{many} in a cell", class_="legend")


def _text(x: float, y: float, text: str, anchor: str) -> Markup:
    return tag("text", text, x=f"{x:g}", y=f"{y:g}", text_anchor=anchor)


def _name(label: Label, names: Mapping[Label, str]) -> str:
    return str(names.get(label, label if isinstance(label, str) else f"class {label}"))


def _order(label: Label) -> tuple[bool, int, str]:
    return (True, 0, label) if isinstance(label, str) else (False, label, "")


def _swatch(index: int) -> Markup:
    return tag(
        "svg",
        tag("rect", class_=f"s{index % COLOURS}", width=10, height=10, rx=2),
        class_="swatch",
        viewBox="0 0 10 10",
        aria_hidden="true",
    )


def _scrolled(table: Markup, label: str, class_: str = "") -> Markup:
    """A table that may be wider than the page, within reach of the keyboard."""
    return tag("div", table, class_=f"scroll {class_}".strip(), tabindex=0, role="region", aria_label=label)
