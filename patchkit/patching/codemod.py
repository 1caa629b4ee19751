"""The base of a room's codemod for Python source: it sees one function at a time, parsed by LibCST.

`ast` finds the functions of a file, because it takes 20 ms where LibCST takes 1,400; LibCST parses only the functions
that hold the anchors. What stands outside them keeps its bytes.
"""

import ast
import codecs
import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from patchkit.errors import BrokenPack, SourceUnreadable
from patchkit.patching.sites import Rewrite, Site, SiteState

REPORT_HINT = "report this to the authors of the patch"
_COOKIE = re.compile(rb"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_LAYOUT_FIELDS = {"comma", "footer", "header", "indent", "leading_lines", "lpar", "rpar", "semicolon", "newline"}
_LAYOUT_NODES = (cst.BaseParenthesizableWhitespace, cst.TrailingWhitespace, cst.EmptyLine, cst.Newline, cst.Comment)


@dataclass(frozen=True)
class Inspection:
    """What a codemod sees in one function."""

    state: SiteState
    node: cst.CSTNode | None = None  # where it stands: the line reported and the nearest match shown
    failed: tuple[str, ...] = ()  # preconditions that do not hold, for DRIFTED
    rewritable: bool = False  # for DRIFTED: the core still matches, so --allow-drift can rewrite it


class SiteCodemod(ABC):
    """A codemod over functions: says what stands in one, and rewrites it."""

    anchors: tuple[bytes, ...]  # every file that holds a site holds all of these

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
        encoding = _encoding(source.removeprefix(mark), path)
        lines = source.removeprefix(mark).splitlines(keepends=True)
        outlines = _functions(source, path)
        found: list[Site] = []
        after: list[Site] = []
        added_lines = 0
        for outline in outlines:
            piece = b"".join(lines[outline.first - 1 : outline.last])
            if outline.symbol not in required and not all(anchor in piece for anchor in self.anchors):
                continue
            function = _Function.parse(piece.decode(encoding), outline.first)
            seen = self.inspect(function.node)
            if seen is None and outline.symbol not in required:
                continue
            site = _site(outline.symbol, function, seen, known)
            found.append(site)
            if site.state is SiteState.PRISTINE or (allow_drift and site.rewritable):
                text = function.replaced(self.rewrite(function.node))
                site = self._checked(_Function.parse(text, outline.first + added_lines), outline.symbol, path)
                added_lines += len(text.splitlines()) - len(piece.splitlines())
                lines[outline.first - 1 : outline.last] = [text.encode(encoding)] + [b""] * outline.further_lines
            after.append(site)
        absent = [_missing(symbol, outlines) for symbol in required if symbol not in {site.symbol for site in found}]
        rewritten = mark + b"".join(lines)
        if rewritten != source:
            _compile(rewritten, path)
        return Rewrite((*found, *absent), rewritten, (*after, *absent))

    def _checked(self, function: "_Function", symbol: str, path: str) -> Site:
        """The site after its rewrite. It must be APPLIED, so that a second run changes nothing."""
        seen = self.inspect(function.node)
        if seen is None or seen.state is not SiteState.APPLIED:
            raise BrokenPack(f"{path}: the codemod does not reach its own postcondition in {symbol}", REPORT_HINT)
        return _site(symbol, function, seen, frozenset())


def _site(symbol: str, function: "_Function", seen: Inspection | None, known: frozenset[str]) -> Site:
    if seen is None:
        failed = ("the symbol holds nothing that this patch knows",)
        return Site(symbol, function.line(None), SiteState.DRIFTED, failed=failed)
    return Site(
        symbol,
        function.line(seen.node),
        seen.state,
        tested=fingerprint(function.node) in known,
        rewritable=seen.state is SiteState.DRIFTED and seen.rewritable,
        failed=seen.failed,
        nearest=function.code(seen.node) if seen.node is not None else "",
    )


def _compile(source: bytes, path: str) -> None:
    try:
        compile(source, path, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise BrokenPack(
            f"{path}:{error.lineno}: the patched text does not compile: {error.msg}", REPORT_HINT
        ) from error


def walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The node and everything in it, in source order, without white space and comments."""
    yield node
    for child in _children(node):
        yield from walk(child)


def fingerprint(function: cst.FunctionDef) -> str:
    """Sixteen hex digits over the tree of a function without layout, comments and docstring.

    Stable over Python and LibCST versions: fields that are empty leave no trace.
    """
    body = function.body
    if function.get_docstring(clean=False) is not None and isinstance(body, cst.IndentedBlock):
        function = function.with_changes(body=body.with_changes(body=body.body[1:]))
    return hashlib.sha256("\n".join(_tokens(function)).encode("utf-8")).hexdigest()[:16]


def _tokens(node: cst.CSTNode) -> Iterator[str]:
    yield type(node).__name__
    if isinstance(node, cst.SimpleString):
        yield repr(node.evaluated_value)
        return
    for value in _values(node):
        if isinstance(value, cst.CSTNode):
            yield from _tokens(value)
        else:
            yield repr(value)


def _children(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    return (value for value in _values(node) if isinstance(value, cst.CSTNode))


def _values(node: cst.CSTNode) -> Iterator[cst.CSTNode | str]:
    """Nodes and strings in the fields of a node, without layout."""
    for field in fields(node):
        if field.name in _LAYOUT_FIELDS or field.name.startswith("whitespace"):
            continue
        value = getattr(node, field.name)
        for item in value if isinstance(value, Sequence) and not isinstance(value, str) else (value,):
            if isinstance(item, str) or (isinstance(item, cst.CSTNode) and not isinstance(item, _LAYOUT_NODES)):
                yield item


@dataclass(frozen=True)
class _Outline:
    symbol: str
    first: int  # 1-based, with decorators
    last: int

    @property
    def further_lines(self) -> int:
        return self.last - self.first


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
        module = cst.parse_module(cls.HEADER + piece if indented else piece)
        block = module.body[0].body.body if indented else module.body  # type: ignore[union-attr]
        function = block[0]
        assert isinstance(function, cst.FunctionDef)
        return cls(module, function, first_line)

    def line(self, node: cst.CSTNode | None) -> int:
        """The line of a node of this function in its file."""
        text = self.code(node or self.node.name).splitlines()[0]
        holding = [number for number, line in enumerate(self.module.code.splitlines(), 1) if text in line]
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


def _functions(source: bytes, path: str) -> list[_Outline]:
    """The outermost functions of a file, methods included, in order."""
    try:
        tree = ast.parse(source, path)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise SourceUnreadable(
            f"{path}:{line}: not valid Python: {getattr(error, 'msg', error)}",
            "repair the file, or reinstall the package that it belongs to",
        ) from error
    return list(_walk(tree, ()))


def _walk(node: ast.AST, names: tuple[str, ...]) -> Iterator[_Outline]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
            yield _Outline(".".join((*names, child.name)), first, child.end_lineno or child.lineno)
        elif isinstance(child, ast.ClassDef):
            yield from _walk(child, (*names, child.name))
        elif isinstance(child, (ast.stmt, ast.excepthandler, ast.match_case)):
            yield from _walk(child, names)


def _missing(symbol: str, outlines: Sequence[_Outline]) -> Site:
    """A site whose symbol is not there, with the symbol that comes nearest."""
    from difflib import get_close_matches

    near = get_close_matches(symbol, [outline.symbol for outline in outlines], n=1)
    nearest = next((f"{outline.symbol}, line {outline.first}" for outline in outlines if [outline.symbol] == near), "")
    return Site(symbol, 0, SiteState.MISSING, nearest=nearest)


def _encoding(source: bytes, path: str) -> str:
    """The encoding that the first two lines declare (PEP 263), checked on the whole text.

    Read as the interpreter does, which takes a declaration on a line that holds other bytes than UTF-8.
    """
    encoding = "utf-8"
    for line in source.splitlines()[:2]:
        declared = _COOKIE.match(line)
        if declared:
            encoding = declared[1].decode("ascii")
            break
        if line.split(b"#")[0].strip():
            break
    try:
        source.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise SourceUnreadable(
            f"{path}: cannot be decoded: {error}", "repair the file, or reinstall the package that it belongs to"
        ) from error
    return encoding
