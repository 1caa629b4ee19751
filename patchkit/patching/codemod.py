"""The base of a room's codemod for Python source: it sees one function at a time, parsed by LibCST.

`ast` finds the functions of a file, because it takes 20 ms where LibCST takes 1,400; LibCST parses only the functions
that hold the anchors. What stands outside them keeps its bytes.
"""

import ast
import codecs
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from patchkit.errors import BrokenPack, PatchkitError, SourceUnreadable
from patchkit.patching.fingerprint import fingerprint
from patchkit.patching.outline import Outline, encoding_of, functions, lines_of, without_warnings
from patchkit.patching.sites import Rewrite, Site, SiteState

REPORT_HINT = "report this to the authors of the patch"


@dataclass(frozen=True)
class Inspection:
    """What a codemod sees in one function."""

    state: SiteState
    nodes: tuple[cst.CSTNode, ...] = ()  # every place: the lines reported; the first is shown as the nearest match
    failed: tuple[str, ...] = ()  # preconditions that do not hold, for DRIFTED
    rewritable: bool = False  # for DRIFTED: the core still matches, so --allow-drift can rewrite it


class SiteCodemod(ABC):
    """A codemod over functions: says what stands in one, and rewrites it."""

    anchors: tuple[bytes, ...]  # every file that holds a site holds all of these

    def may_hold(self, function: ast.AST) -> bool:
        """False if a function cannot hold a site: a cheap look, before LibCST parses it."""
        return True

    @abstractmethod
    def inspect(self, function: cst.FunctionDef) -> Inspection | None:
        """The state of a function; None if it has nothing to do with this patch."""

    @abstractmethod
    def rewrite(self, function: cst.FunctionDef) -> cst.FunctionDef:
        """The function with every occurrence rewritten."""

    def rewrite_file(
        self, source: bytes, path: str, *, required: tuple[str, ...], known: frozenset[str], allow_drift: bool
    ) -> Rewrite:
        """The sites of a Python file and its rewritten bytes.

        Raises   SourceUnreadable if the file cannot be decoded or parsed; BrokenPack if the codemod breaks its word.
        """
        mark = codecs.BOM_UTF8 if source.startswith(codecs.BOM_UTF8) else b""
        encoding = encoding_of(source.removeprefix(mark), path)
        lines = source.removeprefix(mark).splitlines(keepends=True)
        outlines = functions(source, path)
        found: list[Site] = []
        after: list[Site] = []
        added_lines = 0
        for outline in outlines:
            piece = b"".join(lines[outline.first - 1 : outline.last])
            with _as_failures(path, outline.symbol):
                if outline.symbol not in required and not self._is_candidate(piece, outline):
                    continue
                function = _Function.parse(piece.decode(encoding), outline.first)
                seen = self.inspect(function.node)
                if seen is None and outline.symbol not in required:
                    continue
                sites = _sites(outline.symbol, function, seen, known)
                found += sites
                if sites[0].state is SiteState.PRISTINE or (allow_drift and sites[0].rewritable):
                    text = function.replaced(self.rewrite(function.node))
                    sites = self._checked(_Function.parse(text, outline.first + added_lines), outline.symbol, path)
                    added_lines += len(lines_of(text)) - len(lines_of(piece.decode(encoding)))
                    lines[outline.first - 1 : outline.last] = [text.encode(encoding)] + [b""] * outline.further_lines
                after += sites
        absent = [_missing(symbol, outlines) for symbol in required if symbol not in {site.symbol for site in found}]
        rewritten = mark + b"".join(lines)
        return Rewrite((*found, *absent), rewritten, (*after, *absent))

    def _is_candidate(self, piece: bytes, outline: "Outline") -> bool:
        return all(anchor in piece for anchor in self.anchors) and self.may_hold(outline.node)

    def _checked(self, function: "_Function", symbol: str, path: str) -> list[Site]:
        """The sites after a rewrite. It must compile, and be APPLIED, so that a second run changes nothing."""
        seen = self.inspect(function.node)
        if seen is None or seen.state is not SiteState.APPLIED:
            raise BrokenPack(f"{path}: the codemod does not reach its own postcondition in {symbol}", REPORT_HINT)
        try:
            # Nothing else of the file has changed, and it was parsed: so the file compiles if its functions do.
            with without_warnings():
                compile(function.module.code, path, "exec", dont_inherit=True)
        except SyntaxError as error:
            raise BrokenPack(f"{path}: the patched {symbol} does not compile: {error.msg}", REPORT_HINT) from error
        return _sites(symbol, function, seen, frozenset())


def _sites(symbol: str, function: "_Function", seen: Inspection | None, known: frozenset[str]) -> list[Site]:
    """One site for every place in a function; they share its state and form."""
    if seen is None:
        failed = ("the symbol holds nothing that this patch knows",)
        return [Site(symbol, function.line(None), SiteState.DRIFTED, failed=failed)]
    tested = fingerprint(function.node) in known
    rewritable = seen.state is SiteState.DRIFTED and seen.rewritable
    return [
        Site(
            symbol,
            function.line(node),
            seen.state,
            tested=tested,
            rewritable=rewritable,
            failed=seen.failed,
            nearest=function.code(node),
        )
        for node in seen.nodes or (function.node.name,)
    ]


class _NotReproduced(Exception):
    """LibCST prints other text than it has parsed."""


@contextlib.contextmanager
def _as_failures(path: str, symbol: str) -> Iterator[None]:
    """What goes wrong in one function, told as a failure of the source or of the pack."""
    try:
        yield
    except PatchkitError:
        raise
    except RecursionError as error:
        raise SourceUnreadable(f"{path}: {symbol} is nested too deeply to be parsed", "patch it by hand") from error
    except cst.ParserSyntaxError as error:
        raise SourceUnreadable(f"{path}: {symbol} cannot be parsed by LibCST: {error.message}", REPORT_HINT) from error
    except _NotReproduced as error:
        raise SourceUnreadable(
            f"{path}: LibCST does not give {symbol} back byte for byte",
            "take form feeds out of it, or patch it by hand",
        ) from error
    except (Exception, SystemExit) as error:
        raise BrokenPack(f"{path}: the codemod failed in {symbol}: {error!r}", REPORT_HINT) from error


@dataclass(frozen=True)
class _Function:
    """One function, parsed alone under a stand-in block header that keeps its indentation valid."""

    module: cst.Module
    node: cst.FunctionDef
    first_line: int

    HEADER = "if 1:\n"

    @classmethod
    def parse(cls, piece: str, first_line: int) -> "_Function":
        indented = piece[:1] in (" ", "\t")
        text = cls.HEADER + piece if indented else piece
        module = cst.parse_module(text)
        if module.code != text:  # a form feed at the start of a line, for one
            raise _NotReproduced
        block = module.body[0].body.body if indented else module.body  # type: ignore[union-attr]
        function = block[0]
        assert isinstance(function, cst.FunctionDef)
        return cls(module, function, first_line)

    def line(self, node: cst.CSTNode | None) -> int:
        """The line of a node of this function in its file."""
        text = lines_of(self.code(node or self.node.name))[0]
        holding = [number for number, line in enumerate(lines_of(self.module.code), 1) if text in line]
        if len(holding) == 1:  # asking LibCST for positions takes longer than everything else
            return self.first_line + holding[0] - (2 if self._is_indented else 1)
        wrapper = MetadataWrapper(self.module, unsafe_skip_copy=True)
        start = wrapper.resolve(PositionProvider)[node or self.node.name].start.line
        return self.first_line + start - (2 if self._is_indented else 1)

    def code(self, node: cst.CSTNode) -> str:
        return self.module.code_for_node(node).strip()

    def replaced(self, new: cst.FunctionDef) -> str:
        module = self.module.deep_replace(self.node, new)
        assert isinstance(module, cst.Module)
        return module.code[len(self.HEADER) if self._is_indented else 0 :]

    @property
    def _is_indented(self) -> bool:
        return not isinstance(self.module.body[0], cst.FunctionDef)


def _missing(symbol: str, outlines: Sequence[Outline]) -> Site:
    """A site whose symbol is not there, with the symbol that comes nearest."""
    from difflib import get_close_matches

    near = get_close_matches(symbol, [outline.symbol for outline in outlines], n=1)
    nearest = next((f"{outline.symbol}, line {outline.first}" for outline in outlines if [outline.symbol] == near), "")
    return Site(symbol, 0, SiteState.MISSING, nearest=nearest)
