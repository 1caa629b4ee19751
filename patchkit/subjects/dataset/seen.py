"""What stands twice among millions, in little memory."""

from array import array
from typing import Any

LIMIT = 1 << 28  # ids below it are bits
PARTS = 64


class SeenIds:
    """Ids that were seen: a bit for each small number, a set for whatever else is taken for an id."""

    def __init__(self) -> None:
        self._bits = bytearray(1 << 16)
        self._others: set[Any] = set()

    def is_new(self, id: Any) -> bool:
        """True the first time."""
        if type(id) is not int or not 0 <= id < LIMIT:
            size = len(self._others)
            self._others.add(id if isinstance(id, (int, str, float)) else repr(id))
            return len(self._others) > size
        place, bit = id >> 3, 1 << (id & 7)
        if place >= len(self._bits):
            self._bits.extend(bytes(max(place + 1 - len(self._bits), len(self._bits))))
        if self._bits[place] & bit:
            return False
        self._bits[place] |= bit
        return True


class Repeats:
    """Hashes of records: eight bytes for each, in parts that are compared one after another."""

    def __init__(self) -> None:
        self._parts = [array("q") for _ in range(PARTS)]

    def add(self, hashes: list[int]) -> None:
        parts = self._parts
        for one in hashes:
            parts[one & (PARTS - 1)].append(one)

    def repeated(self) -> set[int]:
        """Those that were added more than once."""
        found: set[int] = set()
        for part in self._parts:
            if len(set(part)) != len(part):
                seen: set[int] = set()
                found.update(one for one in part if one in seen or seen.add(one))  # type: ignore[func-returns-value]
        return found
