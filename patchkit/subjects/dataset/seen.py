"""What stands twice among millions, in little memory."""

from array import array
from collections.abc import Sequence
from typing import Any

LIMIT = 1 << 28  # ids below it are bits
AT_ONCE = 2_000_000  # hashes that are compared at one time


class SeenIds:
    """Ids that were seen: a bit for each small number, a set for whatever else is taken for an id."""

    def __init__(self) -> None:
        self._bits = bytearray(1 << 16)
        self._others: set[Any] = set()

    def repeated(self, ids: Sequence[Any]) -> set[int]:
        """Indices of the ids that were seen before, in this list or in one before it."""
        found: set[int] = set()
        bits, size = self._bits, 8 * len(self._bits)
        for index, id in enumerate(ids):
            if type(id) is not int or not 0 <= id < LIMIT:
                if self._is_known(id):
                    found.add(index)
                continue
            if id >= size:
                bits.extend(bytes(max((id >> 3) + 1 - len(bits), len(bits))))
                size = 8 * len(bits)
            place, bit = id >> 3, 1 << (id & 7)
            if bits[place] & bit:
                found.add(index)
            bits[place] |= bit
        return found

    def _is_known(self, id: Any) -> bool:
        if id is None:
            return False
        size = len(self._others)
        self._others.add(id if isinstance(id, (int, str, float)) else repr(id))
        return len(self._others) == size


class Repeats:
    """Hashes of records: eight bytes for each, compared share by share."""

    def __init__(self) -> None:
        self._hashes = array("q")

    def add(self, hashes: Sequence[int]) -> None:
        self._hashes.extend(hashes)

    def repeated(self) -> set[int]:
        """Those that were added more than once."""
        hashes = self._hashes
        shares = len(hashes) // AT_ONCE + 1
        found: set[int] = set()
        for share in range(shares):
            some = hashes if shares == 1 else array("q", (one for one in hashes if one % shares == share))
            if len(set(some)) != len(some):
                seen: set[int] = set()
                for one in some:
                    (found if one in seen else seen).add(one)
        return found
