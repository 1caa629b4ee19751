"""The codemod of `yolov10-dfl`."""

import libcst as cst

from patchkit.patching.codemod import Inspection, SiteCodemod, walk
from patchkit.patching.sites import SiteState

Call = tuple[cst.BaseExpression, list[cst.BaseExpression]]  # receiver and arguments of a method call

VIEWED = "the logits are shaped by `X.view(B, A, 4, C // 4)`"
NORMALISED = "`.softmax(3)` runs over the bins"
MULTIPLIED = "`.matmul(...)` multiplies by the bin centres"
CAST = "the bin centres are `PROJ.type(X.dtype)`"
ASSIGNED = "the projection is the whole value of an assignment"
UNCOMMENTED = "no comment stands inside `.matmul` or around its comma"
UNPACKED = "`B, A, C = X.shape` is the statement right before the projection"


class Codemod(SiteCodemod):
    """Replace the matrix-vector product of the DFL decode by multiply-and-sum, which calls no BLAS routine.

    Shapes   pred_dist (b, a, 4 * reg_max) logits; proj (reg_max,) bin centres; result (b, a, 4), in grid cells.
    Source   Generalized Focal Loss, arXiv:2006.04388; THU-MIG/yolov10@453c6e38 ultralytics/utils/loss.py:191.
    """

    anchors = (b"softmax", b"proj")

    def inspect(self, function: cst.FunctionDef) -> Inspection | None:
        seen = _Occurrences(function)
        if not seen.products and not seen.sums and not seen.near:
            return None
        if seen.near:
            return Inspection(SiteState.DRIFTED, seen.near[0], _failed(seen.near[0]))
        for product in seen.products:
            failed = tuple(
                text
                for text, holds in ((ASSIGNED, product in seen.assigned), (UNPACKED, product in seen.unpacked))
                if not holds
            )
            if _has_comment_elsewhere(product):
                return Inspection(SiteState.DRIFTED, product, (*failed, UNCOMMENTED))
            if failed:
                return Inspection(SiteState.DRIFTED, product, failed, rewritable=True)
        if seen.products:
            return Inspection(SiteState.PRISTINE, seen.products[0])
        return Inspection(SiteState.APPLIED, seen.sums[0])

    def rewrite(self, function: cst.FunctionDef) -> cst.FunctionDef:
        for product in _Occurrences(function).products:
            rewritten = function.deep_replace(product, _as_sum(product))
            assert isinstance(rewritten, cst.FunctionDef)
            function = rewritten
        return function


class _Occurrences:
    """The products, the sums that replace them, and whatever else comes near, in order."""

    def __init__(self, function: cst.FunctionDef) -> None:
        self.products: list[cst.Call] = []
        self.sums: list[cst.Call] = []
        self.near: list[cst.BaseExpression] = []
        self.assigned: set[cst.CSTNode] = set()
        self.unpacked: set[cst.CSTNode] = set()
        for node in walk(function):
            if isinstance(node, cst.IndentedBlock):
                self._add_block(node)
            elif isinstance(node, (cst.Call, cst.BinaryOperation)):
                self._add_expression(node)

    def _add_expression(self, node: cst.Call | cst.BinaryOperation) -> None:
        if isinstance(node, cst.Call) and _is_product(node):
            self.products.append(node)
        elif isinstance(node, cst.Call) and _is_sum(node):
            self.sums.append(node)
        elif _is_near(node):
            self.near.append(node)

    def _add_block(self, block: cst.IndentedBlock) -> None:
        before: cst.BaseStatement | None = None
        for statement in block.body:
            product = _assigned_value(statement)
            if isinstance(product, cst.Call) and _is_product(product):
                self.assigned.add(product)
                if before is not None and _unpacks_shape(before, product):
                    self.unpacked.add(product)
            before = statement


def _is_product(node: cst.BaseExpression) -> bool:
    """True for `X.view(B, A, 4, C // 4).softmax(3).matmul(PROJ.type(X.dtype))`."""
    matmul = _method(node, "matmul", 1)
    return matmul is not None and _is_distribution(matmul[0]) and _is_cast_proj(matmul[1][0], _tensor(matmul[0]))


def _is_sum(node: cst.BaseExpression) -> bool:
    """True for `(X.view(B, A, 4, C // 4).softmax(3) * PROJ.type(X.dtype).view(1, 1, 1, -1)).sum(3)`."""
    total = _method(node, "sum", 1)
    if total is None or not _is_integer(total[1][0], "3") or not isinstance(total[0], cst.BinaryOperation):
        return False
    left, right = total[0].left, _method(total[0].right, "view", 4)
    return (
        isinstance(total[0].operator, cst.Multiply)
        and _is_distribution(left)
        and right is not None
        and all(_is_integer(argument, "1") for argument in right[1][:3])
        and _is_minus_one(right[1][3])
        and _is_cast_proj(right[0], _tensor(left))
    )


def _is_near(node: cst.Call | cst.BinaryOperation) -> bool:
    """True for a softmax times `proj` in a form that is not known: another view, cast, axis or product."""
    if isinstance(node, cst.BinaryOperation):
        is_matmul = isinstance(node.operator, cst.MatrixMultiply)
        return is_matmul and _mentions(node.left, "softmax") and _names_proj(node.right)
    function = node.func
    name = function.attr.value if isinstance(function, cst.Attribute) else ""
    arguments = [argument.value for argument in node.args]
    if name in ("matmul", "mv", "dot", "mm", "bmm", "einsum", "linear"):
        parts = [*arguments, *([function.value] if isinstance(function, cst.Attribute) else [])]
        return any(_mentions(part, "softmax") for part in parts) and any(_names_proj(part) for part in parts)
    if name == "sum" and isinstance(function, cst.Attribute) and isinstance(function.value, cst.BinaryOperation):
        product = function.value
        return _mentions(product.left, "softmax") and _names_proj(product.right)
    return False


def _failed(node: cst.BaseExpression) -> tuple[str, ...]:
    """The parts of the known product that a near one does not have."""
    matmul = _method(node, "matmul", 1)
    if matmul is None:
        return (MULTIPLIED,)
    softmax = _method(matmul[0], "softmax", 1)
    view = softmax and _method(softmax[0], "view", 4)
    parts = {
        NORMALISED: softmax is not None and _is_integer(softmax[1][0], "3"),
        VIEWED: view is not None and _is_sides_of_bins(view[1]) and isinstance(view[0], cst.Name),
        CAST: _is_cast_proj(matmul[1][0], _tensor(matmul[0])),
    }
    return tuple(text for text, holds in parts.items() if not holds)


def _is_distribution(node: cst.BaseExpression) -> bool:
    """True for `X.view(B, A, 4, C // 4).softmax(3)`."""
    softmax = _method(node, "softmax", 1)
    if softmax is None or not _is_integer(softmax[1][0], "3"):
        return False
    view = _method(softmax[0], "view", 4)
    if view is None or not isinstance(view[0], cst.Name):
        return False
    return _is_sides_of_bins(view[1])


def _is_sides_of_bins(shape: list[cst.BaseExpression]) -> bool:
    """True for `B, A, 4, C // 4`."""
    batch, anchors, sides, bins = shape
    return (
        isinstance(batch, cst.Name)
        and isinstance(anchors, cst.Name)
        and _is_integer(sides, "4")
        and isinstance(bins, cst.BinaryOperation)
        and isinstance(bins.operator, cst.FloorDivide)
        and isinstance(bins.left, cst.Name)
        and _is_integer(bins.right, "4")
    )


def _is_cast_proj(node: cst.BaseExpression, tensor: str) -> bool:
    """True for `SOMETHING.proj.type(X.dtype)` where X is the tensor."""
    cast = _method(node, "type", 1)
    return (
        cast is not None
        and isinstance(cast[0], cst.Attribute)
        and cast[0].attr.value == "proj"
        and isinstance(cast[1][0], cst.Attribute)
        and cast[1][0].attr.value == "dtype"
        and isinstance(cast[1][0].value, cst.Name)
        and cast[1][0].value.value == tensor
    )


def _tensor(distribution: cst.BaseExpression) -> str:
    """The name X of `X.view(...).softmax(3)`."""
    names = [part for part in _chain(distribution) if isinstance(part, cst.Name)]
    return names[-1].value if names else ""


def _unpacks_shape(statement: cst.BaseStatement, product: cst.Call) -> bool:
    """True for `B, A, C = X.shape` with the names that the product uses."""
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return False
    assign = statement.body[0]
    if not isinstance(assign, cst.Assign) or len(assign.targets) != 1:
        return False
    names, shape = assign.targets[0].target, assign.value
    matmul = _method(product, "matmul", 1)
    softmax = matmul and _method(matmul[0], "softmax", 1)
    view = softmax and _method(softmax[0], "view", 4)
    if not view:
        return False
    batch, anchors, _, bins = view[1]
    return (
        isinstance(names, cst.Tuple)
        and isinstance(shape, cst.Attribute)
        and shape.attr.value == "shape"
        and shape.value.deep_equals(view[0])
        and isinstance(bins, cst.BinaryOperation)
        and [_name(element.value) for element in names.elements] == [_name(batch), _name(anchors), _name(bins.left)]
    )


def _assigned_value(statement: cst.BaseStatement) -> cst.BaseExpression | None:
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return None
    assign = statement.body[0]
    return assign.value if isinstance(assign, cst.Assign) else None


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


def _method(
    node: cst.BaseExpression, name: str, count: int
) -> tuple[cst.BaseExpression, list[cst.BaseExpression]] | None:
    """Receiver and arguments of `receiver.name(...)` with that many positional arguments, else None."""
    if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Attribute) or node.func.attr.value != name:
        return None
    if len(node.args) != count or any(argument.keyword or argument.star for argument in node.args):
        return None
    return node.func.value, [argument.value for argument in node.args]


def _chain(node: cst.BaseExpression) -> list[cst.BaseExpression]:
    """A call chain from its last link to its first receiver."""
    links = [node]
    while isinstance(links[-1], (cst.Call, cst.Attribute)):
        last = links[-1]
        links.append(last.func if isinstance(last, cst.Call) else last.value)
    return links


def _mentions(node: cst.CSTNode, name: str) -> bool:
    """True if a name or attribute of this spelling stands anywhere in the node."""
    return any(isinstance(part, cst.Name) and part.value == name for part in walk(node))


def _names_proj(node: cst.CSTNode) -> bool:
    """True if bin centres called `proj` stand in the node; a layer of that name, which is called, is another thing."""
    if isinstance(node, cst.Call) and _name(_last_attribute(node.func)) == "proj":
        return False
    if isinstance(node, cst.Name):
        return node.value == "proj"
    return any(_names_proj(child) for child in node.children)


def _last_attribute(node: cst.BaseExpression) -> cst.BaseExpression:
    return node.attr if isinstance(node, cst.Attribute) else node


def _is_integer(node: cst.BaseExpression, text: str) -> bool:
    return isinstance(node, cst.Integer) and node.value == text


def _is_minus_one(node: cst.BaseExpression) -> bool:
    return (
        isinstance(node, cst.UnaryOperation)
        and isinstance(node.operator, cst.Minus)
        and _is_integer(node.expression, "1")
    )


def _name(node: cst.BaseExpression) -> str | None:
    return node.value if isinstance(node, cst.Name) else None
