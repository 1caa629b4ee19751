"""Changes of text by offset: what is not named in an edit keeps its characters."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher


@dataclass(frozen=True)
class Edit:
    """`text` in place of the characters from `start` up to `end`."""

    start: int
    end: int
    text: str


def line_starts(text: str) -> list[int]:
    """Where each line starts, as Python source is divided into lines, and the end of the text."""
    starts = [0, *(match.end() for match in re.finditer("\r\n|\r|\n", text))]
    return starts if starts[-1] == len(text) else [*starts, len(text)]


def edits_between(old: str, new: str) -> list[Edit]:
    """Small edits that turn one text into the other, in order, none of which touch."""
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    starts = [0]
    for line in before:
        starts.append(starts[-1] + len(line))
    codes = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    return [
        _trimmed(old, Edit(starts[i1], starts[i2], "".join(after[j1:j2])))
        for tag, i1, i2, j1, j2 in codes
        if tag != "equal"
    ]


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text after edits that do not overlap."""
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def changed_lines(path: str, before: bytes, after: bytes) -> bytes:
    """A unified diff of one file, as git prints it: bytes, because source has many encodings."""
    from difflib import diff_bytes, unified_diff

    # Lines as git counts them: other separators stay inside a line.
    old, new = (re.findall(rb"[^\n]*\n|[^\n]+", data) for data in (before, after))
    name = os.fsencode(path)
    lines = diff_bytes(unified_diff, old, new, b"a/" + name, b"b/" + name)
    return b"".join(line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n" for line in lines)


def _trimmed(old: str, edit: Edit) -> Edit:
    """The edit without what both sides have in common at its ends."""
    start, end, text = edit.start, edit.end, edit.text
    while start < end and text and old[start] == text[0]:
        start, text = start + 1, text[1:]
    while start < end and text and old[end - 1] == text[-1]:
        end, text = end - 1, text[:-1]
    return Edit(start, end, text)
