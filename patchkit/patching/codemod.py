"""The base of a room's codemod for Python source: it sees one piece at a time, parsed by LibCST.

`ast` finds the functions and statements of a file, because it takes 20 ms where LibCST takes 1,400; LibCST parses only
those that may hold a site. What stands outside them keeps its bytes.
"""

import ast
import codecs
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import libcst as cst

from patchkit.errors import BrokenPack, PatchkitError, SourceUnreadable
from patchkit.patching.fingerprint import fingerprint
from patchkit.patching.outline import (
    Outline,
    encoding_of,
    lines_of,
    names_in,
    outlines,
    parsed,
    without_warnings,
)
from patchkit.patching.piece import NotReproduced, Piece, Statement
from patchkit.patching.sites import NOTHING_IMPORTED, REPORT_HINT, Rewrite, Site, SiteState

Names = Callable[[], Mapping[str, str]]
MODULE = "<module>"  # a statement that stands in no class and binds no name, as tracebacks call it


@dataclass(frozen=True)
class Inspection:
    """What a codemod sees in one piece."""

    state: SiteState
    nodes: tuple[cst.CSTNode, ...] = ()  # every place: the lines reported; the first is shown as the nearest match
    failed: tuple[str, ...] = ()  # preconditions that do not hold, for DRIFTED
    rewritable: bool = False  # for DRIFTED: the core still matches, so --allow-drift can rewrite it
    form: cst.CSTNode | None = None  # what the fingerprint is taken of; by default the whole piece


class SiteCodemod(ABC):
    """A codemod over functions, and statements outside of them: says what stands in one, and rewrites it."""

    anchors: tuple[bytes, ...]  # every file that holds a site holds all of these, before and after

    def mentions(self, text: bytes, names: Names) -> bool:
        """False if some text of a file cannot hold a site; `names()` says what names mean in the file."""
        return all(anchor in text for anchor in self.anchors)

    def may_hold(self, text: bytes, outline: Outline, names: Names) -> bool:
        """False if a piece cannot hold a site: a cheap look, before LibCST parses it."""
        return self.mentions(text, names)

    @abstractmethod
    def inspect(self, piece: Piece) -> Inspection | None:
        """The state of a piece; None if it has nothing to do with this patch."""

    @abstractmethod
    def rewrite(self, piece: Piece) -> Statement:
        """The statement of the piece with every occurrence rewritten."""

    def rewrite_file(
        self,
        source: bytes,
        path: str,
        *,
        required: tuple[str, ...],
        known: frozenset[str],
        allow_drift: bool,
        names: Mapping[str, str] = NOTHING_IMPORTED,
    ) -> Rewrite:
        """The sites of a Python file and its rewritten bytes.

        Raises   SourceUnreadable if the file cannot be decoded or parsed; BrokenPack if the codemod breaks its word.
        """
        mark = codecs.BOM_UTF8 if source.startswith(codecs.BOM_UTF8) else b""
        encoding = encoding_of(source.removeprefix(mark), path)
        lines = source.removeprefix(mark).splitlines(keepends=True)
        tree = parsed(source, path)
        meanings = cache(lambda: {**names, **names_in(tree)})
        found: list[Site] = []
        after: list[Site] = []
        changes: list[tuple[int, int, str]] = []
        added_lines = 0
        pieces = outlines(tree, lines, lambda header: self.mentions(header, meanings))
        for outline in pieces:
            text = b"".join(lines[outline.first - 1 : outline.last])
            with _as_failures(path, outline.symbol):
                if outline.symbol not in required and not self.may_hold(text, outline, meanings):
                    continue
                piece = Piece.parse(text.decode(encoding), outline.symbol, outline.first, meanings)
                seen = self.inspect(piece)
                if seen is None and outline.symbol not in required:
                    continue
                sites = _sites(piece, seen, known)
                found += sites
                if sites[0].state is SiteState.PRISTINE or (allow_drift and sites[0].rewritable):
                    new = piece.replaced(self.rewrite(piece))
                    sites = self._checked(Piece.parse(new, piece.symbol, outline.first + added_lines, meanings), path)
                    added_lines += len(lines_of(new)) - len(lines_of(text.decode(encoding)))
                    lines[outline.first - 1 : outline.last] = [new.encode(encoding)] + [b""] * outline.further_lines
                    changes.append((outline.first, outline.last, new))
                after += sites
        absent = [_missing(symbol, pieces) for symbol in required if symbol not in {site.symbol for site in found}]
        rewritten = mark + b"".join(lines)
        return Rewrite((*found, *absent), rewritten, (*after, *absent), tuple(changes))

    def _checked(self, piece: Piece, path: str) -> list[Site]:
        """The sites after a rewrite. It must compile, and be APPLIED, so that a second run changes nothing."""
        seen = self.inspect(piece)
        if seen is None or seen.state is not SiteState.APPLIED:
            raise BrokenPack(f"{path}: the codemod does not reach its own postcondition in {piece.symbol}", REPORT_HINT)
        try:
            # Nothing else of the file has changed, and it was parsed: so the file compiles if its pieces do.
            with without_warnings():
                compile(piece.module.code, path, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        except SyntaxError as error:
            raise BrokenPack(
                f"{path}: the patched {piece.symbol} does not compile: {error.msg}", REPORT_HINT
            ) from error
        return _sites(piece, seen, frozenset())


def _sites(piece: Piece, seen: Inspection | None, known: frozenset[str]) -> list[Site]:
    """One site for every place in a piece; they share its state and form."""
    if seen is None:
        failed = ("the symbol holds nothing that this patch knows",)
        return [Site(piece.symbol, piece.line(None), SiteState.DRIFTED, failed=failed)]
    form = fingerprint(seen.form or piece.node)
    return [
        Site(
            piece.symbol or MODULE,
            piece.line(node),
            seen.state,
            tested=form in known,
            rewritable=seen.state is SiteState.DRIFTED and seen.rewritable,
            failed=seen.failed,
            nearest=piece.code(node or piece.name),
            fingerprint=form,
        )
        for node in seen.nodes or (None,)
    ]


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
    except NotReproduced as error:
        raise SourceUnreadable(
            f"{path}: LibCST does not give {symbol} back byte for byte",
            "take form feeds out of it, or patch it by hand",
        ) from error
    except (Exception, SystemExit) as error:
        raise BrokenPack(f"{path}: the codemod failed in {symbol}: {error!r}", REPORT_HINT) from error


def _missing(symbol: str, pieces: Sequence[Outline]) -> Site:
    """A site whose symbol is not there, with the symbol that comes nearest."""
    from difflib import get_close_matches

    near = get_close_matches(symbol, [outline.symbol for outline in pieces], n=1)
    nearest = next((f"{outline.symbol}, line {outline.first}" for outline in pieces if [outline.symbol] == near), "")
    return Site(symbol, 0, SiteState.MISSING, nearest=nearest)
