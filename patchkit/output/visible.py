"""Text of a file or a file name as one line that a terminal or a log can be given."""


def visible(text: str) -> str:
    """The text with every character that is not printed written as its escape: `\\x1b`, `\\n`, `\\udcff`."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def visible_lines(text: str) -> str:
    """The same of a text of several lines."""
    return "\n".join(map(visible, text.split("\n")))
