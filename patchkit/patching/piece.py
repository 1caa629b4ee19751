"""A piece of a Python file, parsed alone by LibCST: one function, or one statement outside of functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from patchkit.patching.outline import lines_of

Statement = cst.BaseCompoundStatement | cst.SimpleStatementLine
HEADER = "while 1:\n"  # keeps the indentation of a piece valid, and what it may do in a loop


class NotReproduced(Exception):
    """LibCST prints other text than it has parsed."""


@dataclass(frozen=True)
class Piece:
    """What a codemod is shown."""

    node: Statement
    symbol: str  # Class.method, or the name that a statement assigns
    first_line: int
    module: cst.Module
    is_indented: bool
    meanings: Callable[[], Mapping[str, str]]

    @property
    def names(self) -> Mapping[str, str]:
        """What names mean in the file: {"nn": "torch.nn"}. Found when it is asked for."""
        return self.meanings()

    @classmethod
    def parse(cls, text: str, symbol: str, first_line: int, meanings: Callable[[], Mapping[str, str]]) -> "Piece":
        """Raises   NotReproduced if the text does not come back byte for byte: a form feed at a line's start, say."""
        is_indented = text[:1] in (" ", "\t")
        whole = HEADER + text if is_indented else text
        module = cst.parse_module(whole)
        if module.code != whole:
            raise NotReproduced
        statements = module.body[0].body.body if is_indented else module.body  # type: ignore[union-attr]
        node = statements[0]
        assert isinstance(node, (cst.BaseCompoundStatement, cst.SimpleStatementLine))
        return cls(node, symbol, first_line, module, is_indented, meanings)

    def line(self, node: cst.CSTNode | None) -> int:
        """The line in its file of a node of this piece."""
        first = self.first_line - (2 if self.is_indented else 1)
        text = lines_of(self.code(node or self.name))[0]
        holding = [number for number, line in enumerate(lines_of(self.module.code), 1) if text in line]
        if len(holding) == 1:  # asking LibCST for positions takes longer than everything else
            return first + holding[0]
        return first + int(self._positions[node or self.name].start.line)

    @cached_property
    def _positions(self) -> Mapping[cst.CSTNode, CodeRange]:
        return MetadataWrapper(self.module, unsafe_skip_copy=True).resolve(PositionProvider)

    def code(self, node: cst.CSTNode) -> str:
        return self.module.code_for_node(node).strip()

    def replaced(self, new: Statement) -> str:
        """The text of the piece with another statement in its place."""
        module = self.module.deep_replace(self.node, new)
        assert isinstance(module, cst.Module)
        return module.code[len(HEADER) if self.is_indented else 0 :]

    def statements(self, code: str) -> list[Statement]:
        """New statements for this piece, from code at no indentation, indented in its own style."""
        body = self.node.body if isinstance(self.node, cst.FunctionDef) else None
        indent = (body.indent if isinstance(body, cst.IndentedBlock) else None) or self.module.default_indent
        # After a first statement, comments belong to the one they stand before.
        module = cst.parse_module("pass\n" + code).visit(_Indented(indent))
        assert isinstance(module, cst.Module)
        return list(module.body[1:])

    @property
    def name(self) -> cst.CSTNode:
        """The name of a function, or the whole statement."""
        return self.node.name if isinstance(self.node, cst.FunctionDef) else self.node


def with_comments_of(old: cst.BaseStatement, new: list[Statement]) -> list[Statement]:
    """New statements for an old one, with the lines before it and the comment behind it."""
    assert isinstance(old, cst.SimpleStatementLine)
    new[0] = new[0].with_changes(leading_lines=[*old.leading_lines, *new[0].leading_lines])
    if isinstance(new[-1], cst.SimpleStatementLine) and old.trailing_whitespace.comment is not None:
        new[-1] = new[-1].with_changes(trailing_whitespace=old.trailing_whitespace)
    return new


class _Indented(cst.CSTTransformer):
    def __init__(self, indent: str) -> None:
        super().__init__()
        self._indent = indent

    def leave_IndentedBlock(
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        return updated_node.with_changes(indent=self._indent)
