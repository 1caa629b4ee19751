"""The codemod of `yolov10-dfl`."""

import ast

import libcst as cst

from patchkit.patching.codemod import Inspection, Names, SiteCodemod
from patchkit.patching.fingerprint import walk
from patchkit.patching.outline import Outline
from patchkit.patching.piece import Piece, Statement
from patchkit.patching.sites import SiteState

from .projection import (
    ASSIGNED,
    UNCOMMENTED,
    UNPACKED,
    assigned_value,
    failed_parts,
    is_near,
    is_product,
    is_sum,
    unpacks_shape,
)


class Codemod(SiteCodemod):
    """Replace the matrix-vector product of the DFL decode by multiply-and-sum, which calls no BLAS routine.

    Shapes   pred_dist (b, a, 4 * reg_max) logits; proj (reg_max,) bin centres; result (b, a, 4), in grid cells.
    Source   Generalized Focal Loss, arXiv:2006.04388; THU-MIG/yolov10@453c6e38 ultralytics/utils/loss.py:191.
    """

    anchors = (b"softmax", b"proj")

    def may_hold(self, text: bytes, outline: Outline, names: Names) -> bool:
        """False for functions that only call a layer named `proj`, as attention does."""
        if not super().may_hold(text, outline, names):
            return False
        nodes = [node for whole in (outline.node, *outline.more) for node in ast.walk(whole)]
        called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
        return any(_spelling(node) == "proj" and id(node) not in called for node in nodes)

    def inspect(self, piece: Piece) -> Inspection | None:
        seen = _Occurrences(piece.node)
        if seen.near:
            return Inspection(SiteState.DRIFTED, tuple(seen.near), failed_parts(seen.near[0]))
        if not seen.products:
            return Inspection(SiteState.APPLIED, tuple(seen.sums)) if seen.sums else None
        for product in seen.products:
            checks = ((ASSIGNED, product in seen.assigned), (UNPACKED, product in seen.unpacked))
            failed = tuple(text for text, holds in checks if not holds)
            if _has_comment_elsewhere(product):
                return Inspection(SiteState.DRIFTED, (product,), (*failed, UNCOMMENTED))
            if failed:
                return Inspection(SiteState.DRIFTED, (product,), failed, rewritable=True)
        return Inspection(SiteState.PRISTINE, tuple(seen.products))

    def rewrite(self, piece: Piece) -> Statement:
        node = piece.node
        while products := _Occurrences(node).products:  # anew each time: replacing one node rebuilds the tree
            node = cst.ensure_type(node.deep_replace(products[0], _as_sum(products[0])), type(node))
        return node


def _spelling(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


class _Occurrences:
    """The products, the sums that replace them, and whatever else comes near, in order."""

    def __init__(self, whole: Statement) -> None:
        self.products: list[cst.Call] = []
        self.sums: list[cst.Call] = []
        self.near: list[cst.BaseExpression] = []
        self.assigned: set[cst.CSTNode] = set()
        self.unpacked: set[cst.CSTNode] = set()
        for node in walk(whole):
            if isinstance(node, cst.IndentedBlock):
                self._add_block(node)
            elif isinstance(node, (cst.Call, cst.BinaryOperation)):
                self._add_expression(node)

    def _add_expression(self, node: cst.Call | cst.BinaryOperation) -> None:
        if isinstance(node, cst.Call) and is_product(node):
            self.products.append(node)
        elif isinstance(node, cst.Call) and is_sum(node):
            self.sums.append(node)
        elif is_near(node):
            self.near.append(node)

    def _add_block(self, block: cst.IndentedBlock) -> None:
        before: cst.BaseStatement | None = None
        for statement in block.body:
            product = assigned_value(statement)
            if isinstance(product, cst.Call) and is_product(product):
                self.assigned.add(product)
                if before is not None and unpacks_shape(before, product):
                    self.unpacked.add(product)
            before = statement


def _as_sum(product: cst.Call) -> cst.Call:
    """The same projection without a matrix product. Comments between its parts stay where they were."""
    assert isinstance(product.func, cst.Attribute)
    dot, argument = product.func.dot, product.args[0]
    broadcast = cst.Call(
        cst.Attribute(argument.value, cst.Name("view")),
        [cst.Arg(cst.Integer("1"))] * 3 + [cst.Arg(cst.UnaryOperation(cst.Minus(), cst.Integer("1")))],
    )
    times = cst.Multiply(
        whitespace_before=_commented(dot.whitespace_before) or cst.SimpleWhitespace(" "),
        whitespace_after=_commented(product.whitespace_before_args) or cst.SimpleWhitespace(" "),
    )
    last = argument.comma.whitespace_after if isinstance(argument.comma, cst.Comma) else argument.whitespace_after_arg
    end = cst.RightParen(whitespace_before=_commented(last) or cst.SimpleWhitespace(""))
    weighted = cst.BinaryOperation(product.func.value, times, broadcast, lpar=[cst.LeftParen()], rpar=[end])
    total = cst.Call(cst.Attribute(weighted, cst.Name("sum")), [cst.Arg(cst.Integer("3"))])
    return total.with_changes(lpar=product.lpar, rpar=product.rpar)


def _commented(space: cst.BaseParenthesizableWhitespace) -> cst.ParenthesizedWhitespace | None:
    """The white space if it holds a comment: line breaks alone are not worth keeping."""
    if not isinstance(space, cst.ParenthesizedWhitespace):
        return None
    lines = [space.first_line.comment, *(line.comment for line in space.empty_lines)]
    return space if any(lines) else None


def _has_comment_elsewhere(product: cst.Call) -> bool:
    """True if a comment stands where the sum has no place for one."""
    assert isinstance(product.func, cst.Attribute)
    argument = product.args[0]
    spaces = [product.func.dot.whitespace_after, product.whitespace_after_func]
    if isinstance(argument.comma, cst.Comma):
        spaces += [argument.whitespace_after_arg, argument.comma.whitespace_before]
    return any(map(_commented, spaces))
