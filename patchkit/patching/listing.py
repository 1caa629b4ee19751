"""One more element at the end of a call's arguments or of a collection, laid out as the others are."""

from collections.abc import Sequence

import libcst as cst

Item = cst.Arg | cst.Element
Space = cst.BaseParenthesizableWhitespace
_BLANK = cst.SimpleWhitespace(" ")


def appended(items: Sequence[Item], new: Item, before_first: Space) -> list[Item]:
    """The items with another one. Comments stay behind the items that they follow, and a trailing comma is kept.

    `before_first` is the space between the opening bracket and the first item: how a single one is broken to its line.
    """
    if not items:
        return [new]
    last = items[-1]
    others: list[Item] = list(items[:-1])
    broken = others[-1].comma.whitespace_after if others and isinstance(others[-1].comma, cst.Comma) else before_first
    if isinstance(last.comma, cst.Comma):
        after = last.comma.whitespace_after
        new = new.with_changes(comma=last.comma.with_changes(whitespace_after=_without_comment(after)))
    else:
        after = last.whitespace_after_arg if isinstance(last, cst.Arg) else cst.SimpleWhitespace("")
        if isinstance(last, cst.Arg):
            new = new.with_changes(whitespace_after_arg=_without_comment(after))
            last = last.with_changes(whitespace_after_arg=cst.SimpleWhitespace(""))
    return [*others, last.with_changes(comma=cst.Comma(whitespace_after=_separator(broken, after))), new]


def _separator(broken: Space, after_last: Space) -> Space:
    """The space before the new item: as before the last one, with the comment that follows the last one."""
    space = _without_comment(broken)
    commented = isinstance(after_last, cst.ParenthesizedWhitespace) and after_last.first_line.comment is not None
    if not isinstance(space, cst.ParenthesizedWhitespace):
        if not commented:
            return space if isinstance(space, cst.SimpleWhitespace) and space.value else _BLANK
        space = cst.ParenthesizedWhitespace(indent=True, last_line=cst.SimpleWhitespace("    "))
    space = space.with_changes(empty_lines=[])
    if isinstance(after_last, cst.ParenthesizedWhitespace):
        space = space.with_changes(first_line=after_last.first_line)
    return space


def _without_comment(space: Space) -> Space:
    if not isinstance(space, cst.ParenthesizedWhitespace) or space.first_line.comment is None:
        return space
    return space.with_changes(
        first_line=space.first_line.with_changes(whitespace=cst.SimpleWhitespace(""), comment=None)
    )
