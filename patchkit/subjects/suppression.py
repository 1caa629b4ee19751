"""Findings that a comment in the file silences: `# patchkit: ignore[rule, rule]`.

At the end of a line it is for that line; on a line of its own for the whole file.
"""

import re
from collections.abc import Sequence

from patchkit.findings import Finding
from patchkit.subjects.yaml_file import YamlFile

_COMMENT = re.compile(r"#\s*patchkit:\s*ignore\[([\w\s,-]+)\]")


def not_suppressed(findings: Sequence[Finding], file: YamlFile) -> tuple[Finding, ...]:
    """The findings without those that a comment silences."""
    everywhere: set[str] = set()
    by_line: dict[int, set[str]] = {}
    for number, line in enumerate(file.text.splitlines(), 1):
        for match in _COMMENT.finditer(line):
            rules = {rule.strip() for rule in match[1].split(",")}
            if line[: match.start()].strip():
                by_line.setdefault(number, set()).update(rules)
            else:
                everywhere |= rules
    return tuple(
        finding
        for finding in findings
        if finding.rule not in everywhere
        and not (finding.location.path == str(file.path) and finding.rule in by_line.get(finding.location.line, set()))
    )
