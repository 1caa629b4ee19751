"""`CFG_BOOL_KEYS`: the options of which ultralytics checks that they are true or false."""

import libcst as cst

from patchkit.patching.codemod import Inspection
from patchkit.patching.listing import appended
from patchkit.patching.pattern import Pattern
from patchkit.patching.piece import Piece, Statement
from patchkit.patching.sites import SiteState

NAME, KEY = "CFG_BOOL_KEYS", "sync_bn"
FROZENSET = Pattern("frozenset(KEYS)")
LITERAL = "the keys are a set or a tuple of strings"
NO_SPACE = cst.SimpleWhitespace("")
# What there is to know of a form: the kind of the collection, not the keys of a release.
FORMS = {cst.Set: cst.parse_expression("{'key'}"), cst.Tuple: cst.parse_expression("('key',)")}
FROZEN_FORM = cst.parse_expression("frozenset({'key'})")


def may_hold(text: bytes) -> bool:
    return text.startswith(NAME.encode())


def inspect(piece: Piece) -> Inspection | None:
    """The state of the statement that assigns the keys; None for any other."""
    value = _value(piece.node)
    if value is None:
        return None
    keys = _collection(value)
    if keys is None:
        return Inspection(SiteState.DRIFTED, (), (LITERAL,))
    form = FORMS[type(keys)] if keys is value else FROZEN_FORM
    is_there = any(_text(element) == KEY for element in keys.elements)
    return Inspection(SiteState.APPLIED if is_there else SiteState.PRISTINE, form=form)


def rewrite(piece: Piece) -> Statement:
    """The statement with one more key at its end, in the quotes and the layout of the others."""
    value = _value(piece.node)
    keys = None if value is None else _collection(value)
    assert keys is not None
    quote = cst.ensure_type(keys.elements[-1].value, cst.SimpleString).quote
    new = cst.Element(cst.SimpleString(f"{quote}{KEY}{quote}"))
    elements = appended([cst.ensure_type(element, cst.Element) for element in keys.elements], new, NO_SPACE)
    return cst.ensure_type(piece.node.deep_replace(keys, keys.with_changes(elements=elements)), cst.SimpleStatementLine)


def _value(node: cst.CSTNode) -> cst.BaseExpression | None:
    small = node.body[0] if isinstance(node, cst.SimpleStatementLine) and len(node.body) == 1 else None
    if not isinstance(small, (cst.Assign, cst.AnnAssign)):
        return None
    target = small.targets[0].target if isinstance(small, cst.Assign) else small.target
    return small.value if isinstance(target, cst.Name) and target.value == NAME else None


def _collection(value: cst.BaseExpression) -> cst.Set | cst.Tuple | None:
    """The literal with the keys; None if it is none, or holds fewer than two."""
    frozen = FROZENSET.match(value)
    keys = frozen["KEYS"] if frozen else value
    if not isinstance(keys, (cst.Set, cst.Tuple)) or len(keys.elements) < 2:
        return None
    return keys if all(_text(element) is not None for element in keys.elements) else None


def _text(element: cst.BaseElement) -> str | None:
    value = element.value.evaluated_value if isinstance(element.value, cst.SimpleString) else None
    return value if isinstance(value, str) else None
