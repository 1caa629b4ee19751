"""A key added to a YAML mapping by offset: every other byte of the file stays."""

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from patchkit.edits import Edit, edited
from patchkit.errors import BrokenPack, SourceUnreadable
from patchkit.patching.sites import REPORT_HINT, Rewrite, Site, SiteState

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class YamlKey:
    """A key with a scalar value on a line of its own, right after another key, in the style of that line."""

    key: str
    value: str  # as YAML writes it
    kind: str  # written as `(bool) ` before the comment, where the neighbour has such a word
    comment: str
    after: str  # the key that it follows

    def rewrite_file(self, source: bytes, path: str) -> Rewrite:
        """The one site of the file, and its new bytes.

        Raises   SourceUnreadable if it is not YAML in UTF-8.
        """
        mark = codecs.BOM_UTF8 if source.startswith(codecs.BOM_UTF8) else b""
        try:
            text = source.removeprefix(mark).decode("utf-8")
            node = yaml.compose(text, Loader=_LOADER)
            before = yaml.load(text, Loader=_LOADER)
        except (UnicodeError, yaml.YAMLError) as error:
            reason = str(error).replace("\n", " ")
            raise SourceUnreadable(
                f"{path}: not valid YAML: {reason}", "repair the file, or reinstall the package that it belongs to"
            ) from error
        site = self._site(node)
        if site.state is not SiteState.PRISTINE:
            return Rewrite((site,), source, (site,))
        new = edited(text, [self._edit(text, node)])
        if yaml.load(new, Loader=_LOADER) != {**before, **self._added}:
            raise BrokenPack(f"{path}: {self.key} cannot be added after {self.after}", REPORT_HINT)
        after = self._site(yaml.compose(new, Loader=_LOADER))
        return Rewrite((site,), mark + new.encode("utf-8"), (after,))

    @property
    def _added(self) -> Mapping[str, Any]:
        return {self.key: yaml.load(self.value, Loader=_LOADER)}

    def _site(self, node: yaml.Node | None) -> Site:
        entries = node.value if isinstance(node, yaml.MappingNode) else []
        lines = {key.value: key.start_mark.line + 1 for key, _ in entries if isinstance(key, yaml.ScalarNode)}
        values = {key.value: str(value.value) for key, value in entries if isinstance(key, yaml.ScalarNode)}
        if self.key in lines:
            is_right = values[self.key].lower() == self.value.lower()
            state = SiteState.APPLIED if is_right else SiteState.DRIFTED
            failed = () if is_right else (f"`{self.key}` is {self.value}",)
            return Site(self.key, lines[self.key], state, tested=True, failed=failed)
        if self.after in lines and isinstance(node, yaml.MappingNode) and not node.flow_style:
            return Site(self.key, lines[self.after], SiteState.PRISTINE, tested=True)
        return Site(
            self.key, 1, SiteState.DRIFTED, failed=(f"the mapping has a key `{self.after}`, on a line of its own",)
        )

    def _edit(self, text: str, mapping: yaml.Node | None) -> Edit:
        """A line after the neighbour's, with its indentation, its space before the comment and its line ending."""
        assert isinstance(mapping, yaml.MappingNode)
        key, value = next(pair for pair in mapping.value if pair[0].value == self.after)
        start = text.rfind("\n", 0, key.start_mark.index) + 1
        end = text.find("\n", value.end_mark.index)
        line = text[start:] if end < 0 else text[start : end + 1]
        newline = "\r\n" if line.endswith("\r\n") or (end < 0 and "\r\n" in text) else "\n"
        comment = re.search(r"(\s*# )(\([^)]*\) )?", line)
        space, kind = (comment[1], f"({self.kind}) " if comment[2] else "") if comment else ("  # ", "")
        indentation = line[: len(line) - len(line.lstrip())]
        added = f"{indentation}{self.key}: {self.value}{space}{kind}{self.comment}"
        if end < 0:
            return Edit(len(text), len(text), newline + added)
        return Edit(end + 1, end + 1, added + newline)
