"""What was found, by rule and by what becomes of it: the findings section of the page, and its table of contents."""

import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from patchkit.check_data.fates import OUTCOMES
from patchkit.findings import Fate, Finding, Severity
from patchkit.output.html_markup import Markup, joined, plural, tag
from patchkit.output.html_pictures import Image, can_be_drawn, drawn
from patchkit.rule import Rule

LISTED = 2_000  # findings in full
PICTURES = 60
AT_ONCE = 12  # rows of a case that are seen before it is opened
FEW = 6  # rows that are not worth being opened
SEVERITIES = tuple(Severity)
WORDS = tuple(OUTCOMES)  # the worst first


@dataclass
class Case:
    """Findings of one rule, severity and fate."""

    rule: str
    severity: Severity
    variant: str
    fates: tuple[Fate, ...]
    count: int = 0
    findings: list[Finding] = field(default_factory=list)  # those that are listed
    pictures: int = 0  # of the first that can be drawn


@dataclass(frozen=True)
class Group:
    """Everything that one rule found."""

    anchor: str
    rule: str
    title: str
    why: str
    cases: tuple[Case, ...]

    @property
    def count(self) -> int:
        return sum(case.count for case in self.cases)

    @property
    def severity(self) -> Severity:
        return min((case.severity for case in self.cases), key=SEVERITIES.index)


def groups_of(findings: Iterable[Finding], rules: Sequence[Rule]) -> tuple[Group, ...]:
    """All findings, sorted into groups: the gravest first. LISTED of them are kept, evenly from all cases."""
    found: dict[tuple[str, Severity, str], list[Case]] = {}
    for finding in findings:
        key = (finding.rule, finding.severity or Severity.NOTE, finding.variant)
        same = found.setdefault(key, [])
        case = next((case for case in same if case.fates is finding.fates or case.fates == finding.fates), None)
        if case is None:
            case = Case(*key, finding.fates)
            same.append(case)
        case.count += 1
        if case.count <= LISTED:
            case.findings.append(finding)
    cases = [case for same in found.values() for case in same]
    for case, share in zip(cases, shares([case.count for case in cases], LISTED), strict=True):
        del case.findings[share:]
    drawable = [sum(can_be_drawn(finding.region) for finding in case.findings) for case in cases]
    for case, share in zip(cases, shares(drawable, PICTURES), strict=True):
        case.pictures = share
    by_rule: dict[str, list[Case]] = {}
    for case in sorted(cases, key=_gravity):
        by_rule.setdefault(case.rule, []).append(case)
    documents = {rule.id: rule.documentation for rule in rules if rule.id in by_rule}
    return tuple(
        Group(f"rule-{index}", rule, *_documented(rule, documents.get(rule, "")), tuple(members))
        for index, (rule, members) in enumerate(by_rule.items(), 1)
    )


def shares(counts: Sequence[int], limit: int) -> list[int]:
    """Parts of the limit, as even as the counts allow."""
    given, rest = [0] * len(counts), limit
    for left, index in zip(range(len(counts), 0, -1), sorted(range(len(counts)), key=counts.__getitem__), strict=True):
        given[index] = min(counts[index], rest // left)
        rest -= given[index]
    return given


def overview(groups: Sequence[Group], trainers: Sequence[str]) -> Markup:
    """One row for each rule, one column for each trainer: what it does in the worst case first."""
    heads = [tag("th", head, scope="col", class_="text") for head in ("", "rule")]
    heads += [tag("th", "findings", scope="col"), *(tag("th", name, scope="col", class_="text") for name in trainers)]
    rows = []
    for group in groups:
        title = tag("a", group.title, href=f"#{group.anchor}")
        code = tag("code", group.rule, class_="dim") if group.title != group.rule else ""
        cells = [tag("td", *_chips(group, trainer), class_="text") for trainer in trainers]
        name = tag("th", title, code, scope="row", class_="rule-name")
        rows.append(tag("tr", tag("td", badge(group.severity)), name, tag("td", f"{group.count:,}"), *cells))
    return tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *rows), class_="overview")


def badge(severity: Severity) -> Markup:
    return tag("span", severity.value, class_=f"severity {severity.value}")


def _chips(group: Group, trainer: str) -> list[Markup]:
    words = {fate.outcome for case in group.cases for fate in case.fates if fate.trainer == trainer}
    return [chip(word, word.replace("-", " ")) for word in sorted(words, key=_rank)] or [joined("–")]


def chip(word: str, text: str) -> Markup:
    known = word in OUTCOMES
    return tag("span", text, class_=f"chip {word}" if known else "chip", title=OUTCOMES[word] if known else None)


def section(groups: Sequence[Group], root: str, read: Callable[[str], Image]) -> Markup:
    return joined(*(_group(group, root, read) for group in groups))


def _group(group: Group, root: str, read: Callable[[str], Image]) -> Markup:
    name = tag("code", group.rule) if group.title != group.rule else ""
    head = tag("h3", badge(group.severity), " ", group.title, " ", name, id=group.anchor)
    count = tag("p", plural(group.count, "finding"), class_="count")
    why = tag("p", group.why, class_="why") if group.why else ""
    several = len(group.cases) > 1
    cases = [_case(case, several, root, read) for case in group.cases]
    return tag("article", tag("header", head, count), why, *cases, class_="rule", data_rule=group.rule)


def _case(case: Case, several: bool, root: str, read: Callable[[str], Image]) -> Markup:
    head: str = ""
    if several:
        variant = tag("code", case.variant) if case.variant else "others"
        head = tag("h4", badge(case.severity), " ", variant, " ", tag("span", f"{case.count:,}", class_="dim"))
    evidence = _shared([finding.evidence for finding in case.findings])
    fix = _shared([_fix(finding) for finding in case.findings])
    facts = [
        tag("p", tag("b", name), " ", text, class_="fact") for name, text in (("Seen", evidence), ("Fix", fix)) if text
    ]
    cards: list[Markup] = []
    rows: list[Markup] = []
    for finding in case.findings:
        told = _told(finding, root, not evidence, not fix)
        if finding.region and len(cards) < case.pictures and can_be_drawn(finding.region):
            cards.append(tag("li", drawn(finding.region, read), *told, class_="finding card"))
        else:
            rows.append(tag("li", *told, class_="finding row"))
    lists = [tag("ul", *cards, class_="cards")] if cards else []
    seen = AT_ONCE if len(rows) > AT_ONCE + FEW else len(rows)
    if rows:
        lists.append(tag("ul", *rows[:seen], class_="rows"))
    if rest := rows[seen:]:
        summary = tag("summary", f"{len(rest):,} more listed")
        lists.append(tag("details", summary, tag("ul", *rest, class_="rows")))
    if left := case.count - len(case.findings):
        lists.append(tag("p", f"and {left:,} more that are not listed on this page", class_="hint unlisted"))
    # For the filters.
    fates = json.dumps([[fate.trainer, fate.outcome] for fate in case.fates])
    data = {"data_severity": case.severity.value, "data_count": case.count, "data_fates": fates}
    return tag("section", head, _fates(case.fates), *facts, *lists, class_="case", **data)


def _fates(fates: Sequence[Fate]) -> Markup:
    if not fates:
        return joined("")
    rows = [
        tag(
            "tr",
            tag("th", fate.trainer, " ", tag("span", fate.releases, class_="dim"), scope="row"),
            tag("td", chip(fate.outcome, OUTCOMES.get(fate.outcome, fate.outcome))),
            tag("td", fate.account, " ", tag("span", fate.evidence, class_="dim")),
        )
        for fate in sorted(fates, key=lambda fate: _rank(fate.outcome))
    ]
    return tag("table", tag("caption", "What each trainer does"), tag("tbody", *rows), class_="fates")


def _told(finding: Finding, root: str, with_evidence: bool, with_fix: bool) -> list[Markup]:
    place = finding.location
    path = place.path.removeprefix(root) or place.path
    folder, name = path[: path.rfind("/") + 1], path[path.rfind("/") + 1 :]
    told = [
        tag("code", tag("span", folder, class_="dim"), f"{name}:{place.line}", class_="place"),
        tag("span", finding.message, class_="message"),
    ]
    details = [finding.evidence] if with_evidence and finding.evidence else []
    if with_fix and (fix := _fix(finding)):
        details.append(f"fix: {fix}")
    return [*told, tag("span", "; ".join(details), class_="evidence dim")] if details else told


def _fix(finding: Finding) -> str:
    if finding.fix is None:
        return ""
    return finding.fix.title if finding.fix.safe else f"{finding.fix.title} (unsafe: a trainer may still train on it)"


def _shared(texts: Sequence[str]) -> str:
    """What all of several findings say; nothing if they differ, or if there is but one."""
    return texts[0] if len(texts) > 1 and len(set(texts)) == 1 else ""


def _documented(rule: str, documentation: str) -> tuple[str, str]:
    """Title and reason of a rule, from its docstring."""
    title = documentation.partition("\n")[0].strip().removesuffix(".")
    why = re.search(r"^Why +(.*(?:\n +.*)*)", documentation, re.MULTILINE)
    return title or rule or "no rule", " ".join(why[1].split()) if why else ""


def _gravity(case: Case) -> tuple[int, int, int]:
    worst = min((_rank(fate.outcome) for fate in case.fates), default=len(WORDS))
    return SEVERITIES.index(case.severity), worst, -case.count


def _rank(outcome: str) -> int:
    return WORDS.index(outcome) if outcome in WORDS else len(WORDS)


def root_of(path: str) -> str:
    """The folder that places are told from; empty for a data set of this folder."""
    folder = path if os.path.isdir(path) else os.path.dirname(path)  # noqa: PTH112, PTH120 - paths stay text
    return folder if not folder or folder.endswith("/") else f"{folder}/"
