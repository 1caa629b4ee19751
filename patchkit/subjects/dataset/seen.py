"""What stands twice among millions, in little memory."""

from array import array
from collections.abc import Sequence
from typing import Any

FEW = 1 << 20  # ids
LIMIT = 1 << 28  # ids below it are bits
AT_ONCE = 2_000_000  # hashes that are compared at one time


class SeenIds:
    """Ids that were seen: a set as long as there are few, then a bit for each small number."""

    def __init__(self) -> None:
        self._few: set[Any] | None = set()
        self._bits = bytearray(1 << 16)
        self._others: set[Any] = set()  # of many: whatever is no small number

    def repeated(self, ids: Sequence[Any]) -> set[int]:
        """Indices of the ids that were seen before, in this list or in one before it."""
        if not {int, str, type(None)}.issuperset(map(type, ids)):
            ids = list(map(_comparable, ids))
        if self._few is None:
            return self._repeated_of_many(ids)
        found: set[int] = set()
        if self._few.isdisjoint(ids):
            size = len(self._few)
            self._few.update(ids)
            if len(self._few) - size < len(ids):
                found = _again(ids, set())
        else:
            found = _again(ids, self._few)
        if len(self._few) > FEW:
            few, self._few = self._few, None
            self._repeated_of_many(list(few))
        return found

    def _repeated_of_many(self, ids: Sequence[Any]) -> set[int]:
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
        self._others.add(id)
        return len(self._others) == size


def _comparable(id: Any) -> Any:
    """The same for ids that Python's dictionaries hold for the same: 1, 1.0 and true."""
    if id is None or isinstance(id, str):
        return id
    if isinstance(id, (int, float)):
        return int(id) if id == id // 1 else id
    return "repr", repr(id)


def _again(ids: Sequence[Any], met: set[Any]) -> set[int]:
    """Indices of the ids that were met before; all are met after it."""
    found = set()
    for index, id in enumerate(ids):
        if id in met and id is not None:
            found.add(index)
        met.add(id)
    return found


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
