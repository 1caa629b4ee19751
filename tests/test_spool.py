"""The spool of a COCO file: what is appended is read again, whether there is room for a temporary file or not."""

import resource
import signal

import pytest

from patchkit.subjects.dataset.labels import COCO, Labels, Row
from patchkit.subjects.dataset.spool import AT_ONCE, Spool


@pytest.mark.parametrize("limit", [None, 0, 1000, 1_500_000, 4_000_000])
def test_what_was_appended_is_read_in_its_order_however_much_can_be_written(limit: int | None) -> None:
    parts = [
        Labels(COCO, "a.json", tuple(Row(line, 0, 9, f"row {line}", 1) for line in range(first, first + AT_ONCE // 4)))
        for first in range(0, 3 * AT_ONCE, AT_ONCE // 4)
    ]
    spool, before = Spool(), resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        for part in parts:
            spool.append(part)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(spool) == parts
    assert list(spool) == parts, "once more"
