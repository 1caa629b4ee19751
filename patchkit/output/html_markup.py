"""Pieces of HTML. Whatever is no Markup is text, and becomes harmless when it is put into an element."""

import re
from html import escape

# Characters that a reader cannot see, that turn text around, or that no encoding has. Tabs and line feeds are shown.
UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\ufff9-\uffff]"
)
VOID = ("input",)


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def visible(text: str) -> str:
    r"""The text with escapes such as \u2028 for what cannot be seen, and \xff for a byte that was no UTF-8."""
    return UNSEEN.sub(_escaped, text)


def tag(name: str, /, *children: str, **attributes: str | float | None) -> Markup:
    """An element. `data_rule` is written data-rule, `class_` is class, and None leaves an attribute out."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(visible(str(value)))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = joined(*children)
    return Markup(f"<{name}{written}>" if name in VOID else f"<{name}{written}>{inner}</{name}>")


def joined(*children: str) -> Markup:
    return Markup("".join(child if isinstance(child, Markup) else escape(visible(child)) for child in children))


def number(value: float) -> str:
    """A number as a person reads it: 12,345 or 0.0123."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}{'es' if noun[-1] in 'sx' else 's'}"


def percent(part: float, whole: float) -> str:
    if not part or not whole:
        return "0"
    share = 100 * part / whole
    return f"{share:.1f}%" if share >= 0.05 else "<0.1%"


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:  # surrogateescape
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
