"""Labels in their order: some in memory, the rest of them in a temporary file.

A file with a wrong category map has as many odd annotations as annotations, and they are told once all of it is read.
"""

import pickle
import tempfile
from collections.abc import Iterator
from io import BufferedReader, FileIO

from patchkit.subjects.dataset.labels import Labels

AT_ONCE = 20_000  # rows in memory, about 1 kB each


class Spool:
    """What may be appended to, and read again from its begin."""

    def __init__(self) -> None:
        self._last: list[Labels] = []  # what came after all that is in the file
        self._rows = 0  # of them
        self._file: FileIO | None = None
        self._spilled = 0  # bytes
        self._has_room = True

    def append(self, labels: Labels) -> None:
        self._last.append(labels)
        self._rows += len(labels.rows)
        if self._rows > AT_ONCE and self._has_room:
            self._spill()

    def __iter__(self) -> Iterator[Labels]:
        if self._file is not None:
            self._file.seek(0)
            reader = BufferedReader(self._file)
            while reader.tell() < self._spilled:
                labels: Labels = pickle.load(reader)
                yield labels
            reader.detach()
        yield from self._last

    def _spill(self) -> None:
        """Without a folder for temporary files, or room in it, all that comes stays in memory."""
        rest = memoryview(b"".join(pickle.dumps(labels, pickle.HIGHEST_PROTOCOL) for labels in self._last))
        size = len(rest)
        try:
            # Not buffered: what could not be written is not tried again when the file is read.
            self._file = self._file or tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed with the spool
            self._file.seek(self._spilled)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            self._has_room = False
            return
        self._spilled, self._last, self._rows = self._spilled + size, [], 0
