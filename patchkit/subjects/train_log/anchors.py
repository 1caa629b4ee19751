"""Where any of some literals stands in a block of bytes.

`bytes.find` of one byte is memchr, many times as fast as of a word. So a literal is looked for by a letter of it that
is rare in logs, and one pass serves all literals that have it. In a block that is full of that letter they are looked
for as they are.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

# What training logs are made of, the most frequent first: progress bars, losses, time stamps, levels.
FREQUENT = b" 0123456789.:etaosnirlcdpmgubhf|/%[],_-ywvkIOEFN=GxTWARSM()'`>LPCDH"
RARE = FREQUENT.index(b"=")  # from here on a letter is worth a pass of its own
LIKE = 16  # blocks after one that is full of a letter which are taken to be like it
HIT = 10  # letters that cost as much as one literal that was found


@dataclass(frozen=True)
class Share:
    """How much of a block that is full of literals is told."""

    part: int  # bytes
    most: int  # places in a part that a literal is told at: the first ones, and the last
    dear: int  # letters that may be seen in a block for each literal: then a search for the literals costs less


PLENTY, SCARCE = Share(1 << 13, 100, 2000), Share(1 << 16, 10, 100)


class Anchors:
    """Literals to look for."""

    def __init__(self, literals: Iterable[bytes]) -> None:
        left = set(literals)
        self._words = [literal for literal in left if not is_fast(literal)]
        self._groups: list[_Group] = []
        self._crowded: dict[bytes, int] = {}  # by letter, the blocks that are taken to be full of it
        left -= set(self._words)
        while left:  # the letter that serves most of them, of several the rarest
            letter = max({letter for one in left for letter in one[:-1]}, key=lambda letter: _worth(letter, left))
            served = [literal for literal in left if letter in literal[:-1]]
            self._groups.append(_group(letter, served))
            left -= set(served)

    def found(self, data: bytes | bytearray, start: int, end: int, share: Share = PLENTY) -> list[tuple[int, bytes]]:
        """Where literals begin between start and end, in order; of crowded ones some."""
        found: list[tuple[int, bytes]] = []
        for word in self._words:
            found += _find(word, data, start, end, share)
        for group in self._groups:
            left = self._crowded.get(group.letter, 0)
            hits = None if left else _find_by(group, data, start, end, share.dear)
            if hits is None:
                self._crowded[group.letter] = left - 1 if left else LIKE
                hits = [hit for literal in group.literals for hit in _find(literal, data, start, end, share)]
            found += hits
        return sorted(found)


@dataclass(frozen=True)
class _Group:
    """Literals with one letter, by the byte that comes after it."""

    letter: bytes
    by_next: Mapping[int, Sequence[tuple[bytes, int]]]  # each with the place of the letter in it
    literals: Sequence[bytes]
    reach: int  # the last place of the letter


def _group(letter: int, literals: Sequence[bytes]) -> _Group:
    by_next: dict[int, list[tuple[bytes, int]]] = {}
    places = {literal: literal.index(letter) for literal in literals}
    for literal, place in places.items():
        by_next.setdefault(literal[place + 1], []).append((literal, place))
    return _Group(bytes([letter]), by_next, literals, max(places.values()))


def is_fast(literal: bytes) -> bool:
    """True if the literal has a letter that is rare in logs."""
    return any(_rareness(letter) >= RARE for letter in literal[:-1])


def _worth(letter: int, literals: set[bytes]) -> tuple[bool, int, int]:
    rareness = _rareness(letter)
    return rareness >= RARE, sum(letter in literal[:-1] for literal in literals), rareness


def _rareness(letter: int) -> int:
    place = FREQUENT.find(letter)
    return place if place >= 0 else len(FREQUENT) + letter


def _find(word: bytes, data: bytes | bytearray, start: int, end: int, share: Share) -> Iterator[tuple[int, bytes]]:
    last = end + len(word) - 1
    place = data.find(word, start, last)
    left, until = share.most, place + share.part
    while place >= 0:
        yield place, word
        left -= 1
        if place >= until:
            left, until = share.most, place + share.part
        elif not left:
            farthest = data.rfind(word, place + 1, min(until, last))
            if farthest >= 0:
                yield farthest, word
            place, left, until = max(place, min(until, last) - len(word)), share.most, until + share.part
        place = data.find(word, place + 1, last)


def _find_by(group: _Group, data: bytes | bytearray, start: int, end: int, dear: int) -> list[tuple[int, bytes]] | None:
    """Where literals of a group begin; None if the block is full of its letter, or of them."""
    found: list[tuple[int, bytes]] = []
    letter, by_next = group.letter, group.by_next
    left = dear * len(group.literals)
    # The byte after the last one is looked at too.
    last = min(end + group.reach, len(data) - 1)
    place = data.find(letter, start, last)
    while place >= 0:
        literals = by_next.get(data[place + 1])
        if literals is not None:
            for literal, offset in literals:
                if start <= place - offset < end and data.startswith(literal, place - offset):
                    found.append((place - offset, literal))
                    left -= HIT
        left -= 1
        if left <= 0:
            return None
        place = data.find(letter, place + 1, last)
    return found
