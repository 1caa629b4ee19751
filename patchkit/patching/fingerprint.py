"""The tree of a function without layout: walked, and hashed to a fingerprint."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import fields

import libcst as cst

_LAYOUT_FIELDS = {"comma", "footer", "header", "indent", "leading_lines", "lpar", "rpar", "semicolon", "newline"}
_LAYOUT_NODES = (cst.BaseParenthesizableWhitespace, cst.TrailingWhitespace, cst.EmptyLine, cst.Newline, cst.Comment)


def walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The node and everything in it, in source order, without white space and comments."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(children(node)))


def children(node: cst.CSTNode) -> list[cst.CSTNode]:
    """What stands directly in a node, in source order, without white space and comments."""
    return [value for _, value in parts(node) if isinstance(value, cst.CSTNode)]


def fingerprint(form: cst.CSTNode) -> str:
    """Sixteen hex digits over the tree of a function, or of another node, without layout, comments and docstring.

    Stable over Python and LibCST versions: fields that are empty leave no trace.
    """
    if isinstance(form, cst.FunctionDef) and form.get_docstring(clean=False) is not None:
        body = form.body
        if isinstance(body, cst.IndentedBlock):
            form = form.with_changes(body=body.with_changes(body=body.body[1:]))
    return hashlib.sha256("\n".join(_tokens(form)).encode("utf-8")).hexdigest()[:16]


def _tokens(node: cst.CSTNode) -> Iterator[str]:
    """The tree as text: what stands in which field of what, with an end for every node, so that nesting counts."""
    yield type(node).__name__
    if isinstance(node, cst.SimpleString):
        yield repr(node.evaluated_value)
    else:
        for name, value in parts(node):
            yield f".{name}"
            if isinstance(value, cst.CSTNode):
                yield from _tokens(value)
            else:
                yield repr(value)
    yield ")"


def parts(node: cst.CSTNode) -> Iterator[tuple[str, cst.CSTNode | str]]:
    """Nodes and strings in the fields of a node, with the field's name, without layout."""
    for field in fields(node):
        if field.name in _LAYOUT_FIELDS or field.name.startswith("whitespace"):
            continue
        value = getattr(node, field.name)
        for item in value if isinstance(value, Sequence) and not isinstance(value, str) else (value,):
            if isinstance(item, str) or (isinstance(item, cst.CSTNode) and not isinstance(item, _LAYOUT_NODES)):
                yield field.name, item
