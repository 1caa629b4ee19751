"""Numbers of things, as people write them."""


def counted(number: int, noun: str) -> str:
    """A number with its noun: 1 class, 2 classes."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun}{'es' if noun.endswith(('s', 'x')) else 's'}"
