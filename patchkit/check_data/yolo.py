"""The labels of a YOLO data set, in parts that can be looked at anywhere."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from patchkit.check_data.looked import Looked
from patchkit.check_data.reading import read_batches, read_pieces
from patchkit.check_data.request import Part
from patchkit.check_data.rules import found_in
from patchkit.findings import Skipped
from patchkit.subjects.dataset.dataset import Unreadable
from patchkit.subjects.dataset.labels import YOLO, Labels, Row
from patchkit.subjects.dataset.tally import Tally
from patchkit.subjects.dataset.yolo_batch import Sound, count_odd, count_sound, sound
from patchkit.subjects.dataset.yolo_rows import Columns, read_rows

PART = 2500  # files


@dataclass(frozen=True)
class YoloPart:
    """Label files of one split."""

    split: str
    labels: Sequence[str]
    images: Sequence[str]
    columns: Columns
    request: Part


def parts(
    split: str, labels: Sequence[str], images: Sequence[str], columns: Columns, request: Part
) -> Iterator[YoloPart]:
    """A split in parts of a size that is worth a process."""
    for first in range(0, len(labels), PART):
        last = first + PART
        yield YoloPart(split, labels[first:last], images[first:last], columns, request)


def look(part: YoloPart) -> Iterator[Looked]:
    """Read, count and check label files. What is found in a large one comes piece by piece."""
    looked = Looked(part.split, len(part.labels))
    rows = sound(part.request.nc, part.columns)
    detailed = part.request.detailed
    for first, batch in read_batches(part.labels):
        for index, data in enumerate(batch, first):
            if isinstance(data, OSError):
                looked.unreadable.append(_unreadable(part.labels[index], data))
        texts = [data if isinstance(data, bytes) else b"" for data in batch]
        for place in count_sound(texts, rows, looked.tally, detailed=detailed):
            path, data = part.labels[first + place], batch[place]
            image = part.images[first + place]
            if data is None:
                yield from _look_at_large(path, image, part, rows, looked)
            elif isinstance(data, bytes):
                labels = read_rows(path, data, part.columns, image)
                count_odd(labels, looked.tally, detailed=detailed)
                looked.findings += found_in(labels, part.request)
    looked.tally.images += len(part.labels)
    yield looked


def _unreadable(path: str, error: OSError) -> Unreadable:
    """A label file that cannot be read. Trainers pass over what is no file, and a file drops its image."""
    return Unreadable(path, error.strerror or str(error), variant="label" if os.path.isfile(path) else "no-label")


def _look_at_large(path: str, image: str, part: YoloPart, rows: Sound, looked: Looked) -> Iterator[Looked]:
    """A file that does not fit in memory: what is found in each piece of it. It is counted in `looked`."""
    yield Looked(part.split, 0, looked.findings)  # of the files before it
    looked.findings = []
    reason = f"{path} is read in pieces of 4 MiB: rows are compared with those of their piece"
    looked.skipped.append(Skipped(reason, "row-duplicate"))

    def tell(line: int, offset: int) -> None:
        row = Row(line, offset, offset, "", None, (), "broken", None, "the line is longer than 4 MiB")
        looked.findings.extend(found_in(Labels(YOLO, path, (row,)), part.request))

    tally = Tally()
    try:
        for line, start, data in read_pieces(path, tell):
            if count_sound([data], rows, tally, detailed=part.request.detailed):
                labels = read_rows(path, data, part.columns, image, line=line, start=start)
                count_odd(labels, tally, detailed=part.request.detailed)
                yield Looked(part.split, 0, looked.findings + found_in(labels, part.request))
                looked.findings = []
    except OSError as error:
        looked.unreadable.append(_unreadable(path, error))
    tally.files = 1
    tally.objects_per_image.clear()
    tally.objects_per_image[tally.objects] += 1
    looked.tally.merge(tally)
