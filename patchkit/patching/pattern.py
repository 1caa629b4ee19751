"""Python code as a pattern: names in capitals stand for any expression, and the rest must be there as it is written.

Layout, comments and quotes do not count. LibCST has matchers of its own, but importing them takes too long.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import libcst as cst

from patchkit.patching.fingerprint import parts, walk

_ANY = re.compile(r"[A-Z][A-Z0-9_]*")
Bindings = dict[str, cst.CSTNode]


@dataclass(frozen=True)
class Pattern:
    """An expression, or one small statement: `MASK = X.tile([1, 1, WIDTH])`."""

    code: str

    @cached_property
    def node(self) -> cst.CSTNode:
        statement = cst.parse_module(self.code.strip() + "\n").body[0]
        small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else statement
        return small.value if isinstance(small, cst.Expr) else small

    def match(self, node: cst.CSTNode | None, bound: Mapping[str, cst.CSTNode] | None = None) -> Bindings | None:
        """What the names in capitals stand for; None if the node is something else.

        A name that is already bound must stand for the same code again.
        """
        bindings = dict(bound or {})
        if isinstance(node, cst.SimpleStatementLine) and len(node.body) == 1:
            node = node.body[0]
        if isinstance(node, cst.Expr) and not isinstance(self.node, cst.Expr):
            node = node.value
        return bindings if node is not None and _matches(self.node, node, bindings) else None

    def find(
        self, whole: cst.CSTNode, bound: Mapping[str, cst.CSTNode] | None = None
    ) -> Iterator[tuple[cst.CSTNode, Bindings]]:
        """Every node that matches, in source order, with what the names stand for there."""
        for node in walk(whole):
            if type(node) is type(self.node) and (bindings := self.match(node, bound)) is not None:
                yield node, bindings


def filled(code: str, bindings: Mapping[str, cst.CSTNode]) -> str:
    """The code with what the names in capitals stand for."""
    empty = cst.Module([])

    def text(match: re.Match[str]) -> str:
        node = bindings.get(match[0])
        return match[0] if node is None else empty.code_for_node(node).strip()

    return re.sub(r"\b[A-Z][A-Z0-9_]*\b", text, code)


def same(left: cst.CSTNode, right: cst.CSTNode) -> bool:
    """True if two nodes are the same code, layout aside."""
    return _matches(left, right, None)


def _matches(pattern: cst.CSTNode, node: cst.CSTNode, bindings: Bindings | None) -> bool:
    if bindings is not None and isinstance(pattern, cst.Name) and _ANY.fullmatch(pattern.value):
        known = bindings.setdefault(pattern.value, node)
        return known is node or same(known, node)
    if type(pattern) is not type(node):
        return False
    if isinstance(pattern, cst.SimpleString) and isinstance(node, cst.SimpleString):
        return bool(pattern.evaluated_value == node.evaluated_value)
    wanted, found = list(parts(pattern)), list(parts(node))
    if [field for field, _ in wanted] != [field for field, _ in found]:
        return False
    return all(
        _matches(left, right, bindings)
        if isinstance(left, cst.CSTNode) and isinstance(right, cst.CSTNode)
        else left == right
        for (_, left), (_, right) in zip(wanted, found, strict=True)
    )
