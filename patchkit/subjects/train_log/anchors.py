"""Where any of some literals stands in a block of bytes.

`bytes.find` of one byte is memchr, more than ten times as fast as of a word. So a literal is looked for by its rarest
letter, and one pass serves all literals with the same one. In a log that is full of that letter they are looked for as
they are.
"""

from collections.abc import Iterable, Iterator

# What training logs are made of, the most frequent first: progress bars, losses, time stamps.
FREQUENT = b" 0123456789.:etaosnirlcdpmgubhf|/%[],_-=ywvkIOEFNGxTWARSM()'`>LPCDH"
RARE = FREQUENT.index(b"y")  # from here on a letter is worth a pass of its own
MOST = 4096  # times that a letter may be seen in vain in a block


class Anchors:
    """Literals to look for."""

    def __init__(self, literals: Iterable[bytes]) -> None:
        self._words: list[bytes] = []
        self._by_letter: dict[bytes, list[tuple[bytes, int]]] = {}
        for literal in sorted(set(literals)):
            place = max(range(len(literal)), key=lambda index: _rareness(literal[index]))
            if _rareness(literal[place]) < RARE:
                self._words.append(literal)
            else:
                self._by_letter.setdefault(literal[place : place + 1], []).append((literal, place))

    def found(self, data: bytes, start: int, end: int) -> list[tuple[int, bytes]]:
        """Where literals begin between start and end, in order."""
        found: list[tuple[int, bytes]] = []
        for word in self._words:
            found += _find(word, data, start, end)
        for letter, literals in self._by_letter.items():
            found += _find_by(letter, literals, data, start, end)
        return sorted(found)


def _rareness(letter: int) -> int:
    place = FREQUENT.find(letter)
    return place if place >= 0 else len(FREQUENT)


def _find(word: bytes, data: bytes, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    last = end + len(word) - 1
    place = data.find(word, start, last)
    while place >= 0:
        yield place, word
        place = data.find(word, place + 1, last)


def _find_by(
    letter: bytes, literals: list[tuple[bytes, int]], data: bytes, start: int, end: int
) -> list[tuple[int, bytes]]:
    found, left = [], MOST
    last = end + max(offset for _, offset in literals)
    place = data.find(letter, start, last)
    while place >= 0:
        for literal, offset in literals:
            if start <= place - offset < end and data.startswith(literal, place - offset):
                found.append((place - offset, literal))
                left += 1
        left -= 1
        if not left:
            return [hit for literal, _ in literals for hit in _find(literal, data, start, end)]
        place = data.find(letter, place + 1, last)
    return found
