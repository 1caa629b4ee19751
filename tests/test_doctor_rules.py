"""Every rule for environments by its own examples, and its documentation."""

from pathlib import Path

import pytest

from patchkit.doctor.run import PACKAGE
from patchkit.rule import Example, Rule, load_rules
from tests.conftest import REPOSITORY, run_patchkit
from tests.data_sets import archive, write

RULES = load_rules(PACKAGE)
CASES = [
    pytest.param(rule, example, id=f"{rule.id}-{number}")
    for rule in RULES
    for number, example in enumerate(rule.examples, start=1)
]
SECTIONS = ("What", "Why", "Example", "Fix safety", "References")
HARMLESS = {"patch-not-applied"}


def found(folder: Path, text: str, example: Example) -> dict[str, list[str]]:
    """The rules that find something in an example, with their commands, as the command line tells them."""
    for name in ("site", "machine", "home"):
        (folder / name).mkdir(parents=True)
    write(folder, archive(text))
    environ = {name: str(folder / value) for name, value in example.options.items()}
    settings = {
        "HOME": str(folder / "home"),
        "UV_CACHE_DIR": "",
        "XDG_CACHE_HOME": "",
        "LD_LIBRARY_PATH": "",
        **environ,
    }
    target = ("--site-packages", folder / "site", "--root", folder / "machine")
    answer = run_patchkit("doctor", *target, "--format", "json", cwd=folder, env=settings)
    assert answer.code in (0, 1), answer.err
    return {finding["rule"]: finding["commands"] for finding in answer.json["findings"]}


@pytest.mark.parametrize(("rule", "example"), CASES)
def test_a_rule_finds_its_bad_example_and_nothing_in_the_good_one(rule: Rule, example: Example, tmp_path: Path) -> None:
    bad = found(tmp_path / "bad", example.bad, example)
    assert rule.id in bad
    assert bad[rule.id], "a finding without a command that cures it"
    good = found(tmp_path / "good", example.good, example)
    assert rule.id not in good
    assert good.keys() <= HARMLESS, "the good example has something else"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_is_documented_and_in_the_readme(rule: Rule) -> None:
    title, *sections = rule.documentation.split("\n\n")
    assert title.endswith(".")
    found = [name for name in SECTIONS if f"\n{name}  " in f"\n{sections[0]}" or f"\n{name} " in f"\n{sections[0]}"]
    assert found == list(SECTIONS)
    row = f"| `{rule.id}` | {rule.severity.value} | {title[:-1]} |"
    assert row in (REPOSITORY / "README.md").read_text()
