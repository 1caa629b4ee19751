"""The codemod of `cross-entropy-ignore-index`."""

from collections.abc import Iterator, Mapping

import libcst as cst

from patchkit.patching.codemod import Inspection, Names, SiteCodemod
from patchkit.patching.fingerprint import children
from patchkit.patching.listing import appended
from patchkit.patching.outline import AMBIGUOUS
from patchkit.patching.piece import Piece, Statement
from patchkit.patching.sites import SiteState

LOSS = "CrossEntropyLoss"
CLASSES = {f"torch.nn.{LOSS}", f"torch.nn.modules.{LOSS}", f"torch.nn.modules.loss.{LOSS}"}
STARS = {"torch.nn.*", "torch.nn.modules.*", "torch.nn.modules.loss.*"}
CUSTOMARY = {LOSS, f"nn.{LOSS}", f"torch.nn.{LOSS}"}
IGNORED, POSITION = "ignore_index", 2  # keyword, and its place among positional arguments
UNCHANGED = "`ignore_index` is not given, or is -1"
EXPLICIT = "no `*` or `**` argument, which may carry an `ignore_index`"
CALLED = "the class is called where it is named, not passed on"
IMPORTED = "the name is imported from torch"
LOOKED_AT = (cst.Annotation, cst.Comparison, cst.Attribute)  # a class named in there is not called through it
FORM = cst.parse_expression(f"torch.nn.{LOSS}()")


class Codemod(SiteCodemod):
    """Give every `torch.nn.CrossEntropyLoss(...)` the argument `ignore_index=-1`: samples labelled -1 weigh nothing.

    Shapes   input (N, C) or (N, C, d1, ...) logits; target (N) or (N, d1, ...) class indices in [0, C), or -1.
    Source   torch.nn.CrossEntropyLoss: the mean is taken over the targets that are not ignored.
    """

    anchors = (LOSS.encode(),)

    def mentions(self, text: bytes, names: Names) -> bool:
        """True if the class stands there under any name that the file gives it."""
        return any(name.encode() in text for name in [LOSS, *(name for name in names() if names()[name] in CLASSES)])

    def inspect(self, piece: Piece) -> Inspection | None:
        found = list(_references(piece.node, piece.names))
        if not found:
            return None
        for node, failed in found:
            if failed is not None:
                rewritable = failed == IMPORTED and isinstance(node, cst.Call) and not _is_fixed(node)
                return Inspection(SiteState.DRIFTED, (node,), (failed,), rewritable=rewritable, form=FORM)
        pristine = tuple(node for node, _ in found if isinstance(node, cst.Call) and not _is_fixed(node))
        if pristine:
            return Inspection(SiteState.PRISTINE, pristine, form=FORM)
        return Inspection(SiteState.APPLIED, tuple(node for node, _ in found), form=FORM)

    def rewrite(self, piece: Piece) -> Statement:
        found = [node for node, _ in _references(piece.node, piece.names)]
        calls = {id(node) for node in found if isinstance(node, cst.Call) and not _is_fixed(node)}
        return cst.ensure_type(piece.node.visit(_Calls(calls)), type(piece.node))


class _Calls(cst.CSTTransformer):
    """The argument in every one of these calls."""

    def __init__(self, calls: set[int]) -> None:
        super().__init__()
        self._calls = calls

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:
        return _with_ignored(updated_node) if id(original_node) in self._calls else updated_node


def _references(
    node: cst.CSTNode, names: Mapping[str, str], *, looked_at: bool = False
) -> Iterator[tuple[cst.CSTNode, str | None]]:
    """Every call of the class in source order, and every other use that may lead to one; with what is wrong there."""
    if isinstance(node, (cst.Import, cst.ImportFrom)):
        return
    if isinstance(node, (cst.Name, cst.Attribute)) and _meaning(node, names) == "":
        if not looked_at:
            yield node, CALLED
        return
    looked_at = looked_at or isinstance(node, LOOKED_AT)
    parts = children(node)
    if isinstance(node, (cst.Attribute, cst.Arg)):
        parts = [node.value]
    elif isinstance(node, cst.ClassDef):  # its bases are looked at, its body is not
        for base in (*node.bases, *node.keywords):
            yield from _references(base, names, looked_at=True)
        parts, looked_at = [*node.decorators, node.body], False
    elif isinstance(node, cst.Call):
        meaning = _meaning(node.func, names)
        if meaning is not None:
            yield node, _failed(node) or (None if _is_fixed(node) else meaning or None)
            parts = list(node.args)
        looked_at = isinstance(node.func, cst.Name) and node.func.value in ("isinstance", "issubclass")
    for part in parts:
        yield from _references(part, names, looked_at=looked_at)


def _meaning(function: cst.BaseExpression, names: Mapping[str, str]) -> str | None:
    """Empty if an expression names the class; IMPORTED if it seems to, but nothing tells where from; else None."""
    dotted = _dotted(function)
    if dotted is None or dotted.rpartition(".")[2] != LOSS:
        # `from torch.nn import CrossEntropyLoss as CE`
        return "" if dotted is not None and names.get(dotted) in CLASSES else None
    first, _, rest = dotted.partition(".")
    if names.get(first) == AMBIGUOUS:
        return IMPORTED
    if first in names:
        whole = ".".join(filter(None, (names[first], rest)))
        return "" if whole in CLASSES else None
    if dotted == LOSS and names.get("*") in STARS:
        return ""
    return IMPORTED if dotted in CUSTOMARY else None


def _dotted(node: cst.BaseExpression) -> str | None:
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        first = _dotted(node.value)
        return None if first is None else f"{first}.{node.attr.value}"
    return None


def _failed(call: cst.Call) -> str | None:
    """The precondition that a call does not meet."""
    if any(argument.star for argument in call.args):
        return EXPLICIT
    given = _ignored(call)
    return None if given is None or _is_minus_one(given) else UNCHANGED


def _ignored(call: cst.Call) -> cst.BaseExpression | None:
    positional = [argument.value for argument in call.args if argument.keyword is None]
    named = [argument.value for argument in call.args if argument.keyword and argument.keyword.value == IGNORED]
    return next(iter([*named, *positional[POSITION : POSITION + 1]]), None)


def _is_fixed(call: cst.Call) -> bool:
    return _ignored(call) is not None


def _is_minus_one(node: cst.BaseExpression) -> bool:
    return (
        isinstance(node, cst.UnaryOperation)
        and isinstance(node.operator, cst.Minus)
        and isinstance(node.expression, cst.Integer)
        and node.expression.value == "1"
    )


def _with_ignored(call: cst.Call) -> cst.Call:
    """The call with one more argument at its end, laid out as its others are."""
    minus_one = cst.UnaryOperation(cst.Minus(), cst.Integer("1"))
    tight = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    equals = [argument.equal for argument in call.args if isinstance(argument.equal, cst.AssignEqual)]
    new = cst.Arg(minus_one, keyword=cst.Name(IGNORED), equal=equals[-1] if equals else tight)
    return call.with_changes(args=appended(call.args, new, call.whitespace_before_args))
