"""Findings that a comment in the file silences: `# patchkit: ignore[rule, rule]`.

At the end of a line it is for that line, in a base too; on a line of its own for the whole file that is audited.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from patchkit.findings import Finding
from patchkit.subjects.yaml_file import Entry, Node, YamlFile, read_yaml, walk

_COMMENT = re.compile(r"#\s*patchkit:\s*ignore\[([\w\s,-]+)\]")


def not_suppressed(findings: Sequence[Finding], file: YamlFile) -> tuple[Finding, ...]:
    """The findings without those that a comment silences, in the file or in the one that a finding stands in."""
    own = _silenced(file)
    others = {path: _silenced(read_yaml(Path(path))) for path in _elsewhere(findings, file)}

    def is_silenced(finding: Finding) -> bool:
        comments = others.get(finding.location.path, own)
        return finding.rule in own.everywhere or finding.rule in comments.by_line.get(finding.location.line, set())

    return tuple(finding for finding in findings if not is_silenced(finding))


@dataclass(frozen=True)
class _Comments:
    everywhere: set[str]
    by_line: dict[int, set[str]]


def _silenced(file: YamlFile) -> _Comments:
    everywhere: set[str] = set()
    by_line: dict[int, set[str]] = {}
    texts = [(node.start, node.end) for node in _scalars(file.entries)]
    for match in _COMMENT.finditer(file.text):
        if any(start <= match.start() < end for start, end in texts):
            continue  # the words stand in a value
        rules = {rule.strip() for rule in match[1].split(",")}
        start = file.text.rfind("\n", 0, match.start()) + 1
        if file.text[start : match.start()].strip():
            by_line.setdefault(file.text.count("\n", 0, start) + 1, set()).update(rules)
        else:
            everywhere |= rules
    return _Comments(everywhere, by_line)


def _elsewhere(findings: Sequence[Finding], file: YamlFile) -> set[str]:
    """Other files that findings stand in: bases."""
    return {finding.location.path for finding in findings} - {str(file.path)}


def _scalars(entries: Mapping[str, Entry]) -> Iterator[Node]:
    return (entry.node for _, entry in walk(dict(entries)) if not isinstance(entry.node.value, (dict, list)))
