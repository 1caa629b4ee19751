"""How the DFL projection and its replacement look, as LibCST trees."""

import libcst as cst

from patchkit.patching.fingerprint import walk

Call = tuple[cst.BaseExpression, list[cst.BaseExpression]]  # receiver and arguments of a method call

PRODUCTS = ("matmul", "mv", "dot", "mm", "bmm", "einsum", "linear", "inner", "tensordot")
CASTS = ("type", "type_as", "to", "float", "half", "double", "bfloat16", "view", "reshape", "unsqueeze", "cuda", "t")
VIEWED = "the logits are shaped by `X.view(B, A, 4, C // 4)`"
NORMALISED = "`.softmax(3)` runs over the bins"
MULTIPLIED = "`.matmul(...)` multiplies by the bin centres"
CAST = "the bin centres are `PROJ.type(X.dtype)`"
ASSIGNED = "the projection is the whole value of an assignment"
UNCOMMENTED = "no comment stands inside `.matmul` or around its comma"
UNPACKED = "`B, A, C = X.shape` is the statement right before the projection"


def is_product(node: cst.BaseExpression) -> bool:
    """True for `X.view(B, A, 4, C // 4).softmax(3).matmul(PROJ.type(X.dtype))`."""
    matmul = _method(node, "matmul", 1)
    return matmul is not None and _is_distribution(matmul[0]) and _is_cast_proj(matmul[1][0], _tensor(matmul[0]))


def is_sum(node: cst.BaseExpression) -> bool:
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


def is_near(node: cst.Call | cst.BinaryOperation) -> bool:
    """True for a product with the bin centres in a form that is not known: another view, cast, axis or operator.

    The function holds a softmax, which may stand in another statement; a variable called `proj` counts only beside it.
    """
    operands = _operands(node)
    if any(_is_bin_centres(operand) for operand in operands):
        return True
    is_named = any(_name(operand) == "proj" for operand in operands)
    return is_named and any(_holds_softmax(operand) for operand in operands)


def _operands(node: cst.BaseExpression) -> list[cst.BaseExpression]:
    """The factors of a product, whatever its form; none if it is no product."""
    if isinstance(node, cst.BinaryOperation):
        return [node.left, node.right] if isinstance(node.operator, cst.MatrixMultiply) else []
    if not isinstance(node, cst.Call):
        return []
    receiver = node.func.value if isinstance(node.func, cst.Attribute) else None
    name = node.func.attr.value if isinstance(node.func, cst.Attribute) else _name(node.func)
    if name == "sum" and isinstance(receiver, cst.BinaryOperation) and isinstance(receiver.operator, cst.Multiply):
        return [receiver.left, receiver.right]
    if name not in PRODUCTS:
        return []
    return [*(argument.value for argument in node.args), *([receiver] if receiver is not None else [])]


def _is_bin_centres(node: cst.BaseExpression) -> bool:
    """True for `SOMETHING.proj`, as it is or cast, moved or reshaped."""
    while isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value in CASTS:
        node = node.func.value
    return isinstance(node, cst.Attribute) and node.attr.value == "proj"


def _holds_softmax(node: cst.BaseExpression) -> bool:
    return any(isinstance(part, cst.Name) and part.value == "softmax" for part in walk(node))


def failed_parts(node: cst.BaseExpression) -> tuple[str, ...]:
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


def unpacks_shape(statement: cst.BaseStatement, product: cst.Call) -> bool:
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


def assigned_value(statement: cst.BaseStatement) -> cst.BaseExpression | None:
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return None
    assign = statement.body[0]
    return assign.value if isinstance(assign, cst.Assign) else None


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
